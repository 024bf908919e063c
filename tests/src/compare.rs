//! How far apart two tensors are.

use burn::tensor::{Tensor, TensorData, backend::Backend};

/// The largest difference, relative to the largest expected magnitude. It is NaN if one of the two tensors
/// has a NaN, and infinite if only zeros were expected and something else came.
///
/// # Panics
///
/// Panics if the shapes differ.
pub fn relative_error(ours: &TensorData, expected: &TensorData) -> f64 {
    error_relative_to(largest(expected.iter::<f64>()), ours, expected)
}

fn error_relative_to(magnitude: f64, ours: &TensorData, expected: &TensorData) -> f64 {
    assert_eq!(ours.shape, expected.shape, "shapes differ");
    let differences = ours.iter::<f64>().zip(expected.iter::<f64>());
    let difference = largest(differences.map(|(a, b)| a - b));
    match difference {
        0.0 => 0.0,
        _ => difference / magnitude,
    }
}

/// The largest magnitude in any of these tensors.
pub fn largest_of<'a>(tensors: impl Iterator<Item = &'a TensorData>) -> f64 {
    largest(tensors.flat_map(|tensor| tensor.iter::<f64>()))
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
        self.see_beside(0.0, what, ours, expected);
    }

    /// Compares two tensors as [`see`](Self::see) does, but relative to `magnitude` if that is larger than
    /// all that is expected: for a tensor that is small beside others from which it was computed.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn see_beside(
        &mut self,
        magnitude: f64,
        what: &str,
        ours: &TensorData,
        expected: &TensorData,
    ) {
        let magnitude = magnitude.max(largest(expected.iter::<f64>()));
        let error = error_relative_to(magnitude, ours, expected);
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
