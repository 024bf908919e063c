//! What goes on inside an [`Lstm`] while it reads one sequence.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use models::{AnyCell, Lstm, RecurrentCell, linear};

use crate::network::{Layer, Network};

/// One step. Gates and cell state have `d_hidden` numbers each.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The input.
    pub x: Vec<f64>,
    /// Input gate.
    pub i: Vec<f64>,
    /// Forget gate.
    pub f: Vec<f64>,
    /// Cell state, after the step.
    pub c: Vec<f64>,
    /// What the head would answer after this step.
    pub answer: Vec<f64>,
}

/// Returns each step of a sequence `[time, d_input]`. `None` if the network has no gates.
pub fn trace<B: Backend>(
    network: &Network<B>,
    inputs: &[f32],
    device: &B::Device,
) -> Option<Vec<Step>> {
    let Layer::Recurrent(AnyCell::Lstm(lstm)) = &network.layer else {
        return None;
    };
    let mut state = lstm.initial_state(1);
    let step = |x: &[f32]| {
        let x = Tensor::<B, 2>::from_data(TensorData::new(x.to_vec(), [1, x.len()]), device);
        let gates = lstm.gates(x.clone(), state.hidden.clone());
        let (hidden, next) = lstm.step(x.clone(), state.clone());
        state = next;
        Step {
            x: values(x),
            i: values(gates.i),
            f: values(gates.f),
            c: values(state.cell.clone()),
            answer: values(linear(&network.head, hidden)),
        }
    };
    Some(inputs.chunks(d_input(lstm)).map(step).collect())
}

fn d_input<B: Backend>(lstm: &Lstm<B>) -> usize {
    lstm.wx.dims()[0]
}

fn values<B: Backend>(tensor: Tensor<B, 2>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
