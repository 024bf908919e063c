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
//! In the table, `x` is `x[t]`, and `h` and `c` on the right are those of the step before. Products of vectors are
//! elementwise, σ is the logistic function, and each `a` is a gate's part of `x·Wx + h·Wh + b`, in the order of the
//! column of gates.
//!
//! | cell | equations | gates | state | in PyTorch | kernel |
//! |---|---|---|---|---|---|
//! | [`Rnn`] | `h = tanh(a)` or `max(0, a)` | – | `h` | `nn.RNN` | yes |
//! | [`Lstm`] | `c = σ(af)·c + σ(ai)·tanh(ag)` <br> `h = σ(ao)·tanh(c)` | i f g o | `h` `c` | `nn.LSTM` | yes |
//! | [`Gru`] | `n = tanh(x·Wxn + bn + σ(ar)·(h·Whn + bhn))` <br> `h = (1 − σ(az))·n + σ(az)·h` | r z n | `h` | `nn.GRU` | yes |
//! | [`Gru`], [`BeforeProduct`](Reset::BeforeProduct) | `n = tanh(x·Wxn + bn + (σ(ar)·h)·Whn)` <br> `h` as above | r z n | `h` | – | – |
//! | [`PeepholeLstm`] | `c = σ(af + pf·c)·c + σ(ai + pi·c)·tanh(ag)` <br> `h = σ(ao + po·c)·tanh(c)`, with the new `c` | i f g o | `h` `c` | – | yes |
//! | [`CoupledLstm`] | `c = f·c + (1 − f)·tanh(ag)`, `f = σ(af)` <br> `h = σ(ao)·tanh(c)` | f g o | `h` `c` | – | yes |
//! | [`ProjectedLstm`] | `c` as an `Lstm` <br> `h = (σ(ao)·tanh(c))·Wr` | i f g o | `h` `c` | `nn.LSTM(proj_size=…)` | – |
//! | [`LayerNormLstm`] | an `Lstm` with `LN(x·Wx)`, `LN(h·Wh)` and `tanh(LN(c))` | i f g o | `h` `c` | – | – |
//! | [`MinGru`] | `h = (1 − z)·h + z·(x·Wh + bh)`, `z = σ(x·Wz + bz)` | z h̃ | `h` | – | yes |
//! | [`MinLstm`] | `h = f/(f + i)·h + i/(f + i)·(x·Wh + bh)`, <br> `f` and `i` of `x` alone, as `z` above | f i h̃ | `h` | – | yes |
//! | [`AnyCell`] | one of these, chosen at run time | | | | as the cell |
//!
//! Without a kernel a sequence takes the reference path: the same equations, in ordinary tensor operations
//! ([`fused`]). For G gates,
//!
//! | | shape | of |
//! |---|---|---|
//! | input, output | `[batch, time, d_input]`, `[batch, time, d_hidden]` | a sequence |
//! | `h`, `c` | `[batch, d_hidden]` each; a projection has a `c` of `[batch, d_cell]` | the state |
//! | `wx`, `wh`, `b`, `wr` | `[d_input, 4·d_cell]`, `[d_hidden, 4·d_cell]`, `[4·d_cell]`, `[d_cell, d_hidden]` | `ProjectedLstm` |
//! | `wx`, `wh`, `b` | `[d_input, G·d_hidden]`, `[d_hidden, G·d_hidden]`, `[G·d_hidden]` | all others; `MinGru` and `MinLstm` have no `wh` |
//! | `bhn` | `[d_hidden]` | `Gru` in PyTorch's form |
//! | `p` | `[3·d_hidden]` | `PeepholeLstm` |
//! | gains and biases of LN | `[4·d_hidden]` twice, `[d_hidden]` twice | `LayerNormLstm` |
//!
//! PyTorch keeps `wx` and `wh` transposed, and has two biases where `b` is their sum; the page of each cell gives the
//! names. [`FeedForward`], `h = tanh(x·Wx + b)`, has no state and is no cell; it is here for comparison.
//!
//! # Combinators
//!
//! Each takes any cell, and any of the others, and is a cell again. `s` is the state, `m` a random mask.
//!
//! | combinator | what it computes | output | in PyTorch | kernel |
//! |---|---|---|---|---|
//! | [`Stack`] | layers, with dropout between them: `yₗ[t] = cellₗ(dropout(yₗ₋₁[t]))` | `d_hidden` | `num_layers`, `dropout` | as the cell |
//! | [`Bidirectional`] | `y[t] = [→y[t] ←y[t]]` or `→y[t] + ←y[t]`: a second cell reads the sequence backwards | `2·d_hidden` or `d_hidden` | `bidirectional=True` | as the cell |
//! | [`Residual`] | `y[t] = cell(x[t]) + x[t]` | `d_hidden`, which is `d_input` | – | as the cell |
//! | [`LearnedState`] | `s[-1]` is a parameter | `d_hidden` | – | as the cell |
//! | [`VariationalDropout`] | `cell(mx·x[t], mh·h[t-1])`, with one mask for all steps | `d_hidden` | – | as the cell |
//! | [`WeightDropout`] | a cell with `m·Wh` in place of `Wh` | `d_hidden` | – | as the cell |
//! | [`Zoneout`] | `s[t] = m·s[t-1] + (1 − m)·cell(x[t], s[t-1])` | `d_hidden` | – | – |
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
//! | sequences of unequal length in one batch, and pooling over them | [`lengths`] |
//! | the list of cells, and a cell chosen at run time | [`cells`](mod@cells) |
//! | a cell in real time, without tensors | [`stepper`] |
//! | a language model of characters, and its loss | [`char_lm`], [`loss`] |
//! | what the weights start from | [`init`] |
//! | weights from PyTorch, ONNX, Keras and burn-nn, and to them | [`weights`] |
//! | `x·W`, correct on GPUs too, and heads of your own | [`matmul`](mod@matmul) |
//! | how a whole sequence reaches kernels, which are faster and compute the same; threads and memory | [`fused`] |
//! | no memory at all, for comparison | [`feed_forward`] |
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
//! | `files` | weights from the files of PyTorch, ONNX and Keras, and to the first two ([`weights`]) |
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
pub mod weights;
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
