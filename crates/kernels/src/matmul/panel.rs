//! A panel of a matrix: four vectors of columns, and the sums of rows times the panel.

use pulp::Simd;

/// The number of vectors of columns in a panel.
pub(crate) const VECTORS: usize = 4;

/// The sums of one row times a panel.
pub(crate) type Sums<S> = [<S as Simd>::f32s; VECTORS];

/// `sums[m] += rows[m]·panel`, for the columns of one panel.
///
/// The loops use no `map`: it may become a call, which keeps the sums out of registers.
#[inline(always)]
pub(crate) fn accumulate<S: Simd, const M: usize, const V: usize>(
    simd: S,
    mut sums: [[S::f32s; V]; M],
    mut rows: [&[f32]; M],
    panel: &[[S::f32s; V]],
) -> [[S::f32s; V]; M] {
    for row in &mut rows {
        *row = &row[..panel.len()];
    }
    for (k, weights) in panel.iter().enumerate() {
        let mut x = [simd.splat_f32s(0.0); M];
        for m in 0..M {
            x[m] = simd.splat_f32s(rows[m][k]);
        }
        for v in 0..V {
            for m in 0..M {
                sums[m][v] = simd.mul_add_e_f32s(x[m], weights[v], sums[m][v]);
            }
        }
    }
    sums
}

/// Loads `row[j..]`, with zeros beyond its end.
#[inline(always)]
pub(crate) fn load<S: Simd>(simd: S, row: &[f32], j: usize) -> S::f32s {
    let row = &row[j.min(row.len())..];
    match S::as_simd_f32s(row).0.first() {
        Some(&vector) => vector,
        None => simd.partial_load_f32s(row),
    }
}

/// Stores into `row[j..]`, up to its end.
#[inline(always)]
pub(crate) fn store<S: Simd>(simd: S, row: &mut [f32], j: usize, vector: S::f32s) {
    let j = j.min(row.len());
    let row = &mut row[j..];
    match row.len() >= S::F32_LANES {
        true => S::as_mut_simd_f32s(row).0[0] = vector,
        false => simd.partial_store_f32s(row, vector),
    }
}
