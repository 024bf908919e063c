//! Whether a network computes what PyTorch computes: every golden case, values and gradients.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use models::RecurrentState;

use crate::{
    compare::Worst,
    golden::{self, Case},
    network::{Network, by_steps},
};

/// Batch 1, 3 × time 1, 7, 64 × with and without bias × with and without initial state.
const CASES: usize = 24;

/// Asserts that outputs, final states and all gradients of `forward` equal those of the golden `file`.
///
/// # Panics
///
/// Panics if a relative error is above `tolerance`.
pub fn assert_forward_and_backward<B: AutodiffBackend, N: Network<B>>(file: &str, tolerance: f64) {
    let mut worst = Worst::default();
    let cases = golden::cases(file);
    assert_eq!(cases.len(), CASES);
    for (name, case) in &cases {
        let network: N = network(case);
        let x = case.get::<B, 3>("x").expect("x").require_grad();
        let initial =
            initial(&network, case).map(|s| s.map(&mut |_, tensor| tensor.require_grad()));

        let (y, state) = network.forward(x.clone(), initial.clone());
        let cotangent = |letter: &&str| case.get(&format!("d_{letter}_T")).expect("a cotangent");
        let loss = (y.clone() * case.get("d_y").expect("d_y")).sum();
        let loss = std::iter::zip(state.tensors(), N::STATE.iter().map(cotangent))
            .fold(loss, |loss, (tensor, d)| loss + (tensor * d).sum());
        let grads = loss.backward();

        let mut see = |tensor: &str, ours| {
            let what = format!("{file} {name} {tensor}");
            worst.see(&what, &ours, case.data(tensor));
        };
        see("y", y.into_data());
        see("d_x", x.grad(&grads).expect("d_x").into_data());
        for (letter, tensor) in N::STATE.iter().zip(state.tensors()) {
            see(&format!("{letter}_T"), tensor.into_data());
        }
        for (letter, tensor) in N::STATE
            .iter()
            .zip(initial.iter().flat_map(RecurrentState::tensors))
        {
            let d = tensor.grad(&grads).expect("d_h_0, d_c_0");
            see(&format!("d_{letter}_0"), d.into_data());
        }
        let (wx, wh, b) = network.weights();
        for (tensor, ours) in [("d_weight_ih", wx), ("d_weight_hh", wh)] {
            let d = ours.grad(&grads).expect("d_wx, d_wh");
            see(tensor, d.transpose().into_data());
        }
        if let Some(b) = b {
            let d = b.grad(&grads).expect("d_b").into_data();
            see("d_bias_ih", d.clone());
            see("d_bias_hh", d);
        }
    }
    worst.assert_within(tolerance);
}

/// Asserts that outputs and final states of a loop over `step` equal those of the golden `file`.
///
/// # Panics
///
/// Panics if a relative error is above `tolerance`.
pub fn assert_steps<B: Backend, N: Network<B>>(file: &str, tolerance: f64) {
    let mut worst = Worst::default();
    let cases = golden::cases(file);
    assert_eq!(cases.len(), CASES);
    for (name, case) in &cases {
        let network: N = network(case);
        let x: Tensor<B, 3> = case.get("x").expect("x");
        let state = initial(&network, case).unwrap_or_else(|| network.initial_state(x.dims()[0]));

        let (y, state) = by_steps(&network, x, state);
        let what = format!("{file} {name} y");
        worst.see(&what, &y.into_data(), case.data("y"));
        for (letter, tensor) in N::STATE.iter().zip(state.tensors()) {
            let what = format!("{file} {name} {letter}_T");
            let expected = case.data(&format!("{letter}_T"));
            worst.see(&what, &tensor.into_data(), expected);
        }
    }
    worst.assert_within(tolerance);
}

/// The network with the weights of a case.
fn network<B: Backend, N: Network<B>>(case: &Case) -> N {
    let weight = |name| {
        let weight: Tensor<B, 2> = case.get(name).expect("a weight");
        weight.transpose()
    };
    let bias_hh = case.get::<B, 1>("bias_hh");
    let b = bias_hh.map(|bias_hh| bias_hh + case.get("bias_ih").expect("bias_ih"));
    N::with_weights(weight("weight_ih"), weight("weight_hh"), b)
}

/// The initial state of a case, if it has one.
fn initial<B: Backend, N: Network<B>>(network: &N, case: &Case) -> Option<N::State> {
    let get = |letter: &&str| case.get::<B, 2>(&format!("{letter}_0"));
    let initial: Option<Vec<_>> = N::STATE.iter().map(get).collect();
    initial.map(|initial| network.initial_state(1).with_tensors(initial))
}
