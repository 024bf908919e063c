//! Recurrent networks, written from their equations, as [Burn](burn) modules generic over any
//! [`Backend`](burn::tensor::backend::Backend).
//!
//! They follow an introductory article,
//! [循环神经网络入门](https://www.jqr.com/news/008527) (An introduction to recurrent neural networks, by 论智,
//! jqr.com, 2017-11-08). A feed-forward network is a pure function of its current input. A recurrent network
//! also takes its old state and returns its new one, so it can remember:
//!
//! ```text
//! Rnn    h[t] = tanh(x[t]·Wx + h[t-1]·Wh + b)
//!
//! Lstm   i = σ(ai)   f = σ(af)   g = tanh(ag)   o = σ(ao)      a = x[t]·Wx + h[t-1]·Wh + b
//!        c[t] = f·c[t-1] + i·g
//!        h[t] = o·tanh(c[t])
//! ```
//!
//! # Cells
//!
//! A [`RecurrentCell`] runs a whole sequence with [`forward`](RecurrentCell::forward), `[batch, time, d_input]`
//! → `[batch, time, d_hidden]`, or one step at a time with [`step`](RecurrentCell::step), `[batch, d_input]` →
//! `[batch, d_hidden]`.
//!
//! | cell | what it computes | in PyTorch | kernel |
//! |---|---|---|---|
//! | [`Rnn`] | `h = tanh(a)`, or ReLU, also with the identity start | `nn.RNN` | with tanh |
//! | [`Lstm`] | `c = f·c + i·g`, `h = o·tanh(c)` | `nn.LSTM` | yes |
//! | [`Gru`] | `h = (1 − z)·n + z·h`, in PyTorch's and in the original form | `nn.GRU` | in PyTorch's form |
//! | [`PeepholeLstm`] | an LSTM whose gates also see `c` | – | – |
//! | [`CoupledLstm`] | an LSTM with `i = 1 − f` | – | – |
//! | [`ProjectedLstm`] | an LSTM with `h = (o·tanh(c))·Wr` | `nn.LSTM(proj_size=…)` | – |
//! | [`LayerNormLstm`] | an LSTM whose sums are normalised | – | – |
//! | [`MinGru`] | `h = (1 − z)·h + z·h̃`, in parallel over time | – | – |
//! | [`MinLstm`] | `h = f/(f + i)·h + i/(f + i)·h̃`, in parallel over time | – | – |
//! | [`AnyCell`] | one of these, chosen at run time | – | as the cell |
//!
//! # Combinators
//!
//! Each takes any cell, and any of the others, and is a cell again.
//!
//! | combinator | what it does | in PyTorch |
//! |---|---|---|
//! | [`Stack`] | layers, with dropout between them | `num_layers`, `dropout` |
//! | [`Bidirectional`] | a second cell reads the sequence backwards | `bidirectional=True` |
//! | [`Residual`] | adds the input to the output | – |
//! | [`LearnedState`] | learns the initial state | – |
//! | [`VariationalDropout`] | dropout with one mask for all steps | – |
//! | [`WeightDropout`] | dropout of recurrent weights | – |
//! | [`Zoneout`] | keeps some of the state as it was | – |
//!
//! Dropout, zoneout and their like act in training only, that is on autodiff backends, and `B::seed` decides
//! their masks.
//!
//! # Sequences
//!
//! | sequences | see | in PyTorch |
//! |---|---|---|
//! | of equal length | [`forward`](RecurrentCell::forward) | `batch_first=True` |
//! | time-major | [`forward_time_major`](RecurrentCell::forward_time_major) | `batch_first=False` |
//! | of unequal [`Lengths`] | [`forward_padded`](RecurrentCell::forward_padded) | `pack_padded_sequence` |
//! | long ones, in windows | [`forward_chunked`](RecurrentCell::forward_chunked) | – |
//! | in real time, on slices | [`Stepper`] | – |
//!
//! # Where to read on
//!
//! | to read about | see |
//! |---|---|
//! | what a cell is: [`initial_state`](RecurrentCell::initial_state) and [`step`](RecurrentCell::step) | [`cell`] |
//! | the only loop over time | [`scan`](mod@scan) |
//! | the same for cells that need no loop | [`linear_scan`](mod@linear_scan) |
//! | no memory at all, for comparison | [`feed_forward`] |
//! | the list of cells, and a cell chosen at run time | [`cells`](mod@cells) |
//! | a language model of characters | [`char_lm`] |
//! | how a whole sequence reaches kernels, which are faster and compute the same | [`fused`] |
//! | `x·W`, correct on GPUs too, and heads of your own | [`matmul`](mod@matmul) |
//! | what the weights start from | [`init`] |
//!
//! # A sequence, and one step at a time
//!
//! ```
//! use burn::tensor::{Distribution, Tensor};
//! use burn_ndarray::NdArray;
//! use models::{LstmConfig, RecurrentCell};
//!
//! type B = NdArray<f32>;
//! let device = Default::default();
//! let lstm = LstmConfig::new(3, 8).init::<B>(&device); // d_input 3, d_hidden 8
//!
//! // [batch, time, d_input] in, [batch, time, d_hidden] out, and the state after the last step.
//! let x = Tensor::<B, 3>::random([2, 5, 3], Distribution::Default, &device);
//! let (output, state) = lstm.forward(x.clone(), None);
//! assert_eq!(output.dims(), [2, 5, 8]);
//!
//! // The same by hand: each step takes the state that the one before it left.
//! let mut by_hand = lstm.initial_state(2);
//! for x_t in x.iter_dim(1) {
//!     by_hand = lstm.step(x_t.squeeze_dim(1), by_hand).1;
//! }
//! let difference = (by_hand.hidden - state.hidden).abs().max();
//! assert!(difference.into_scalar() < 1e-6);
//! ```
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `ndarray` (default) | kernels for whole sequences on `burn-ndarray` |
//! | `flex` | the same on `burn-flex` |
//!
//! Without its feature a backend still works, like any other backend, but more slowly: step by step, in
//! ordinary tensor operations.

mod activation;
pub mod bidirectional;
pub mod cell;
pub mod cells;
pub mod char_lm;
pub mod coupled_lstm;
pub mod feed_forward;
pub mod fused;
pub mod gru;
pub mod init;
pub mod layer_norm_lstm;
pub mod learned_state;
pub mod lengths;
pub mod linear_scan;
pub mod loss;
pub mod lstm;
mod mask;
pub mod matmul;
pub mod min_gru;
pub mod min_lstm;
pub mod peephole_lstm;
pub mod projected_lstm;
pub mod residual;
pub mod rnn;
pub mod scan;
pub mod stack;
pub mod stepper;
pub mod variational_dropout;
pub mod weight_dropout;
pub mod zoneout;

pub use bidirectional::{Bidirectional, BidirectionalState, Merge};
pub use cell::{
    Cell, CellOptions, Description, Kind, RecurrentCell, RecurrentState, TrainableCell,
};
pub use cells::{AnyCell, AnyState, CellKind, UnknownCell};
pub use char_lm::{CharLm, CharLmConfig};
pub use coupled_lstm::{CoupledLstm, CoupledLstmConfig};
pub use feed_forward::{FeedForward, FeedForwardConfig};
pub use gru::{Gru, GruConfig, GruState, Reset};
pub use init::{Init, Initializer, Remember};
pub use layer_norm_lstm::{LayerNormLstm, LayerNormLstmConfig};
pub use learned_state::LearnedState;
pub use lengths::Lengths;
pub use linear_scan::linear_scan;
pub use lstm::{Lstm, LstmConfig, LstmGates, LstmState};
pub use matmul::{linear, matmul};
pub use min_gru::{MinGru, MinGruConfig, MinGruState};
pub use min_lstm::{MinLstm, MinLstmConfig, MinLstmState};
pub use peephole_lstm::{PeepholeLstm, PeepholeLstmConfig};
pub use projected_lstm::{ProjectedLstm, ProjectedLstmConfig};
pub use residual::Residual;
pub use rnn::{Activation, Rnn, RnnConfig, RnnState};
pub use scan::{scan, scan_padded};
pub use stack::{Stack, StackConfig, StackState};
pub use stepper::Stepper;
pub use variational_dropout::{VariationalDropout, VariationalDropoutConfig};
pub use weight_dropout::{WeightDropout, WeightDropoutConfig};
pub use zoneout::{Zoneout, ZoneoutConfig};
