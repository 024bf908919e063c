//! How far apart two tensors are.

use burn::tensor::{Tensor, TensorData, backend::Backend};

/// The largest difference, relative to the largest expected magnitude. It is NaN if one of the two tensors
/// has a NaN, and infinite if only zeros were expected and something else came.
///
/// # Panics
///
/// Panics if the shapes differ.
pub fn relative_error(ours: &TensorData, expected: &TensorData) -> f64 {
    assert_eq!(ours.shape, expected.shape, "shapes differ");
    let differences = ours.iter::<f64>().zip(expected.iter::<f64>());
    let difference = largest(differences.map(|(a, b)| a - b));
    match difference {
        0.0 => 0.0,
        _ => difference / largest(expected.iter::<f64>()),
    }
}

/// The largest magnitude; NaN counts as larger than any.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    let magnitudes = values.map(f64::abs);
    magnitudes.max_by(f64::total_cmp).expect("not empty")
}

/// The worst of several comparisons: the largest relative error, and what was compared.
#[derive(Default)]
pub struct Worst(Option<(f64, String)>);

impl Worst {
    /// Compares two tensors, and remembers `what` they are if they are the furthest apart so far.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn see(&mut self, what: &str, ours: &TensorData, expected: &TensorData) {
        let error = relative_error(ours, expected);
        let worst = self.0.as_ref().map(|(worst, _)| *worst);
        if worst.is_none_or(|worst| error.total_cmp(&worst).is_gt()) {
            self.0 = Some((error, what.to_owned()));
        }
    }

    /// Asserts that the worst relative error is within `tolerance`.
    ///
    /// # Panics
    ///
    /// Panics if nothing was compared, or the worst relative error is above `tolerance`.
    pub fn assert_within(&self, tolerance: f64) {
        let (error, what) = self.0.as_ref().expect("a comparison");
        println!("worst relative error {error:.1e} in {what}");
        assert!(
            *error <= tolerance,
            "relative error {error:e} > {tolerance:e} in {what}"
        );
    }
}

/// Asserts that `ours` equals `expected` up to a relative error of `tolerance`.
///
/// # Panics
///
/// Panics if it does not, or if the shapes differ.
pub fn assert_close<B: Backend, const D: usize>(
    what: &str,
    ours: Tensor<B, D>,
    expected: Tensor<B, D>,
    tolerance: f64,
) {
    let mut worst = Worst::default();
    worst.see(what, &ours.into_data(), &expected.into_data());
    worst.assert_within(tolerance);
}
