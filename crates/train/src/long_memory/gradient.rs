//! How far a gradient reaches back: `‖∂loss_T/∂h_{T−k}‖` for each k.
//!
//! In a plain network the gradient is multiplied by `Wh·diag(1 − h²)` at each step back, so it vanishes or
//! explodes as a power of the distance (Hochreiter 1991; Bengio, Simard and Frasconi 1994). In an LSTM that
//! of the cell is multiplied by the forget gate, which may stay near 1.

use burn::tensor::{Tensor, backend::AutodiffBackend};
use models::{RecurrentCell, RecurrentState};

use super::{
    network::{Layer, Network},
    task::{Answer, Batch},
};

/// The gradient of the loss at the end, with respect to what each step hands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// `‖∂loss_T/∂h_{T−k}‖` at `k` = 0, 1, …: the mean over a batch, each sequence by itself.
    pub hidden: Vec<f64>,
    /// The same for the cell `c_{T−k}`, in an [`Lstm`](models::Lstm). Hidden state and cell are varied one by one: that
    /// `c` is where `h` comes from counts at the step itself, not after it; at `k` = 0 it is 0.
    pub cell: Option<Vec<f64>>,
}

/// Measures it on a batch that is asked at its end. `None` where there is no state.
///
/// A gradient below the smallest number of the backend's floats is 0.
pub fn reach<B: AutodiffBackend>(
    network: &Network<B>,
    answer: Answer,
    batch: &Batch<B>,
) -> Option<Reach> {
    let (hidden, cell) = match &network.layer {
        Layer::FeedForward(_) => return None,
        Layer::Rnn(rnn) => {
            let [hidden] = norms(rnn, network, answer, batch);
            (hidden, None)
        }
        Layer::Lstm(lstm) => {
            let [hidden, cell] = norms(lstm, network, answer, batch);
            (hidden, Some(cell))
        }
    };
    Some(Reach { hidden, cell })
}

/// For each of the `N` tensors of a state, `hidden` the first: the norms at k = 0, 1, …
///
/// To each state a zero is added, which the loss is differentiated by.
fn norms<B: AutodiffBackend, C: RecurrentCell<B>, const N: usize>(
    cell: &C,
    network: &Network<B>,
    answer: Answer,
    batch: &Batch<B>,
) -> [Vec<f64>; N] {
    let size = batch.inputs.dims()[0];
    let mut state = cell.initial_state(size);
    let mut zeros: Vec<Tensor<B, 2>> = Vec::new();
    for x in batch.inputs.clone().iter_dim(1) {
        (_, state) = cell.step(x.squeeze_dim(1), state);
        state = state.map(&mut |tensor| {
            let zero = tensor.zeros_like().require_grad();
            zeros.push(zero.clone());
            tensor + zero
        });
    }
    let mut hidden = None;
    state.map(&mut |tensor| {
        hidden.get_or_insert(tensor.clone());
        tensor
    });
    let output = network.head.forward(hidden.expect("a hidden state"));
    // The mean over the batch, so that a sequence has its own loss divided by the size.
    let grads = answer.loss(output, &batch.targets).backward();

    // Squares are taken on the host: in 32 bits they vanish long before the gradient does.
    let norm = |zero: &Tensor<B, 2>| {
        let Some(grad) = zero.grad(&grads) else {
            return 0.0;
        };
        let width = grad.dims()[1];
        let values: Vec<f64> = grad.into_data().iter::<f64>().collect();
        let of_row = |row: &[f64]| row.iter().map(|g| g * g).sum::<f64>().sqrt();
        values.chunks(width).map(of_row).sum()
    };
    std::array::from_fn(|i| {
        let of_tensor = zeros.iter().skip(i).step_by(N);
        of_tensor.rev().map(norm).collect()
    })
}
