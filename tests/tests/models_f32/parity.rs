//! The modules compute what PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU` do, values and gradients, in f32.

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{Lstm, Rnn};
use tests::{
    parity::{assert_forward_and_backward, assert_steps},
    pytorch::assert_sweep,
};

type B = NdArray<f32>;
const TOLERANCE: f64 = 1e-5;

#[test]
fn rnn() {
    assert_forward_and_backward::<Autodiff<B>, Rnn<_>>("rnn_f32", TOLERANCE);
}

#[test]
fn lstm() {
    assert_forward_and_backward::<Autodiff<B>, Lstm<_>>("lstm_f32", TOLERANCE);
}

#[test]
fn rnn_by_steps() {
    assert_steps::<B, Rnn<_>>("rnn_f32", TOLERANCE);
}

#[test]
fn lstm_by_steps() {
    assert_steps::<B, Lstm<_>>("lstm_f32", TOLERANCE);
}

/// Layers, directions, biases, projections, lengths and states in combination.
#[test]
fn sweep() {
    let cases = assert_sweep::<Autodiff<B>>("f32", TOLERANCE);
    assert!(cases >= 40, "{cases} cases");
}
