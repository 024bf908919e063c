//! σ and tanh on vectors, from one exponential.

use std::any::Any;

use pulp::Simd;

/// `eᵃ` as `(scale, p)` with `eᵃ = scale·(1 + p)`: `a = n·ln 2 + r`, `scale = 2ⁿ`, and `p` the Taylor
/// series of `eʳ − 1` to the seventh power. |r| ≤ ½ln 2 leaves a remainder below 5.2e-9 = r⁸/8!.
///
/// `a` lies within ±87. NaN stays NaN (in `p`).
#[inline(always)]
fn exp_parts<S: Simd>(simd: S, a: S::f32s) -> (S::f32s, S::f32s) {
    let f = |value| simd.splat_f32s(value);
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
    let shift = f(12_582_912.0);
    let n_shifted = simd.mul_add_e_f32s(a, f(std::f32::consts::LOG2_E), shift);
    let n = simd.sub_f32s(n_shifted, shift);
    // ln 2 in two parts, the first of few enough bits that n times it is exact.
    let r = simd.mul_add_e_f32s(n, f(-0.693_359_4), a);
    let r = simd.mul_add_e_f32s(n, f(2.121_944_4e-4), r);

    let mut p = f(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0] {
        p = simd.mul_add_e_f32s(p, r, f(coefficient));
    }
    let bits = simd.transmute_u32s_f32s(n_shifted);
    let exponent = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let scale = simd.add_u32s(exponent, simd.splat_u32s(0x3f80_0000));
    (simd.transmute_f32s_u32s(scale), simd.mul_f32s(p, r))
}

/// `a` within ±`bound`; NaN stays NaN.
#[inline(always)]
fn clamp<S: Simd>(simd: S, a: S::f32s, bound: f32) -> S::f32s {
    let (low, high) = (simd.splat_f32s(-bound), simd.splat_f32s(bound));
    let a = simd.select_f32s(simd.less_than_f32s(a, low), low, a);
    simd.select_f32s(simd.greater_than_f32s(a, high), high, a)
}

/// `1/d`, for `d` of at least 1. Division takes AVX-512 16 cycles and more; an estimate of 14 bits
/// and one step of Newton's method give the same to the last bit or two in a quarter of that.
#[inline(always)]
fn reciprocal<S: Simd>(simd: S, d: S::f32s) -> S::f32s {
    match estimate(simd, d) {
        Some(estimate) => {
            let two = simd.splat_f32s(2.0);
            let rest = simd.mul_add_e_f32s(simd.neg_f32s(d), estimate, two);
            simd.mul_f32s(estimate, rest)
        }
        None => simd.div_f32s(simd.splat_f32s(1.0), d),
    }
}

/// `1/d` to 14 bits, where an instruction gives it.
#[inline(always)]
fn estimate<S: Simd>(simd: S, d: S::f32s) -> Option<S::f32s> {
    #[cfg(target_arch = "x86_64")]
    {
        let v4 = (&simd as &dyn Any).downcast_ref::<pulp::x86::V4>()?;
        let d = (&d as &dyn Any).downcast_ref::<pulp::f32x16>()?;
        let estimate = v4.avx512f._mm512_rcp14_ps(pulp::cast(*d));
        let estimate: pulp::f32x16 = pulp::cast(estimate);
        (&estimate as &dyn Any).downcast_ref().copied()
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// `σ(a) = 1/(1 + e⁻ᵃ)`, within 1.2e-7 of it.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, a: S::f32s) -> S::f32s {
    let (scale, p) = exp_parts(simd, clamp(simd, simd.neg_f32s(a), 87.0));
    let e = simd.mul_add_e_f32s(scale, p, scale);
    reciprocal(simd, simd.add_f32s(simd.splat_f32s(1.0), e))
}

/// `tanh(a) = (e²ᵃ − 1)/(e²ᵃ + 1)`, within 1.2e-7 of it, and within 4e-7 of its magnitude where it is
/// small.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, a: S::f32s) -> S::f32s {
    let two_a = simd.add_f32s(a, a);
    let (scale, p) = exp_parts(simd, clamp(simd, two_a, 20.0));
    let below_one = simd.sub_f32s(scale, simd.splat_f32s(1.0));
    let e_minus_1 = simd.mul_add_e_f32s(scale, p, below_one);
    let e_plus_1 = simd.add_f32s(e_minus_1, simd.splat_f32s(2.0));
    simd.mul_f32s(e_minus_1, reciprocal(simd, e_plus_1))
}

/// `eᵃ` for `a` of at most 0, within 2e-7 of its magnitude; below −87 it is `e⁻⁸⁷`.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, a: S::f32s) -> S::f32s {
    let (scale, p) = exp_parts(simd, clamp(simd, a, 87.0));
    simd.mul_add_e_f32s(scale, p, scale)
}
