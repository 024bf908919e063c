//! The networks in f32, as they are used.

mod embedding_in_modules;
mod parity;

/// Numbers below the smallest normal one may be rounded to zero.
#[test]
fn small_gates() {
    let smallest = f32::MIN_POSITIVE.into();
    tests::small_gates::check::<burn_ndarray::NdArray>(1e-5, smallest);
    tests::small_gates::check::<burn_flex::Flex>(1e-5, smallest);
}
