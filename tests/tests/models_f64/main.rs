//! The networks in f64, where errors of rounding do not hide others.
//!
//! One precision a process: Burn 0.21 keeps one default per device, whatever the backend's type.

mod combinators;
mod gradcheck;
mod numpy;
mod padded;
mod parity;
mod ranks;
mod recurrence;
mod stack;

#[test]
fn small_gates() {
    tests::small_gates::check::<burn_ndarray::NdArray<f64>>(1e-13, 0.0);
}
