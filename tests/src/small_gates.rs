//! σ far below zero, where `1 + tanh` has lost it.

use burn::{
    module::Param,
    tensor::{Element, Tensor, TensorData, backend::Backend},
};
use models::Lstm;

/// Compares the gates of an `Lstm`, σ(a) for a from −100 to 100, with `1/(1 + e⁻ᵃ)` in f64.
///
/// # Panics
///
/// Panics if one is further away than `relative` of it, and than `smallest`.
pub fn check<B: Backend>(relative: f64, smallest: f64) {
    let device = Default::default();
    let sums: Vec<f64> = (-20..=20).map(|k| f64::from(5 * k)).collect();
    let n = sums.len();
    let options = (&device, B::FloatElem::dtype());
    let x = Tensor::<B, 2>::from_data(TensorData::new(sums.clone(), [n, 1]), options);
    let ones = || Param::from_tensor(Tensor::<B, 2>::ones([1, 4], options));
    let lstm = Lstm {
        wx: ones(),
        wh: ones(),
        b: None,
    };
    let gates = lstm.gates(x.clone(), x.zeros_like());
    for (&a, sigma) in sums.iter().zip(gates.f.into_data().iter::<f64>()) {
        let expected = 1.0 / (1.0 + (-a).exp());
        let error = (sigma - expected).abs();
        assert!(
            error <= (relative * expected).max(smallest),
            "σ({a}) = {sigma:e}, not {expected:e}"
        );
    }
}
