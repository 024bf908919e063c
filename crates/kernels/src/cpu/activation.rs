//! σ, tanh and exp on vectors, from one exponential.
//!
//! Each function takes several vectors at once and applies each operation to all of them before the next
//! one: with a single vector, the processor would mostly wait for the previous result.

use pulp::Simd;

/// Applies an operation to each vector.
#[inline(always)]
fn each<T: Copy, U: Copy, const N: usize>(a: [T; N], op: impl Fn(T) -> U) -> [U; N] {
    let mut result = [op(a[0]); N];
    for i in 1..N {
        result[i] = op(a[i]);
    }
    result
}

/// Applies an operation to each pair of vectors.
#[inline(always)]
fn each2<T: Copy, const N: usize>(a: [T; N], b: [T; N], op: impl Fn(T, T) -> T) -> [T; N] {
    let mut result = a;
    for i in 0..N {
        result[i] = op(a[i], b[i]);
    }
    result
}

/// `eᵃ` as `(scale, p)` with `eᵃ = scale·(1 + p)`: `a = n·ln 2 + r`, `scale = 2ⁿ`, and `p` the Taylor
/// series of `eʳ − 1` to the seventh power. |r| ≤ ½ln 2 leaves a remainder below 5.2e-9 = r⁸/8!.
///
/// `a` lies within ±87. NaN stays NaN (in `p`).
#[inline(always)]
fn exp_parts<S: Simd, const N: usize>(simd: S, a: [S::f32s; N]) -> [[S::f32s; N]; 2] {
    let f = |value| simd.splat_f32s(value);
    let fma = |a, b, c| simd.mul_add_e_f32s(a, b, c);
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
    let shift = f(12_582_912.0);
    let n_shifted = each(a, |a| fma(a, f(std::f32::consts::LOG2_E), shift));
    let n = each(n_shifted, |n| simd.sub_f32s(n, shift));
    // ln 2 in two parts, the first of few enough bits that n times it is exact.
    let r = each2(n, a, |n, a| fma(n, f(-0.693_359_4), a));
    let r = each2(n, r, |n, r| fma(n, f(2.121_944_4e-4), r));

    let mut p = each(r, |r| fma(r, f(1.0 / 5040.0), f(1.0 / 720.0)));
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0] {
        p = each2(p, r, |p, r| fma(p, r, f(coefficient)));
    }
    let scale = each(n_shifted, |n| {
        let bits = simd.transmute_u32s_f32s(n);
        let exponent = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
        simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.splat_u32s(0x3f80_0000)))
    });
    [scale, each2(p, r, |p, r| simd.mul_f32s(p, r))]
}

/// Clamps `a` to ±`bound`; NaN stays NaN.
#[inline(always)]
pub(crate) fn clamp<S: Simd, const N: usize>(simd: S, a: [S::f32s; N], bound: f32) -> [S::f32s; N] {
    let (low, high) = (simd.splat_f32s(-bound), simd.splat_f32s(bound));
    let a = each(a, |a| simd.select_f32s(simd.less_than_f32s(a, low), low, a));
    each(a, |a| {
        simd.select_f32s(simd.greater_than_f32s(a, high), high, a)
    })
}

/// `n/d`, for `d` of at least 1. A division takes 16 cycles or more with AVX-512. An estimate to 14 bits and
/// one step of Newton's method, whose remainder a fused operation computes exactly, round as well in a
/// quarter of the time.
#[inline(always)]
pub(crate) fn quotient<S: Simd, const N: usize>(
    simd: S,
    n: [S::f32s; N],
    d: [S::f32s; N],
) -> [S::f32s; N] {
    if estimate(simd, d[0]).is_none() {
        return each2(n, d, |n, d| simd.div_f32s(n, d));
    }
    let estimates = each(d, |d| estimate(simd, d).unwrap_or(d));
    let near = each2(n, estimates, |n, e| simd.mul_f32s(n, e));
    let mut result = near;
    for i in 0..N {
        let rest = simd.mul_add_e_f32s(simd.neg_f32s(d[i]), near[i], n[i]);
        result[i] = simd.mul_add_e_f32s(rest, estimates[i], near[i]);
    }
    result
}

/// `1/d` to 14 bits, or `None` if there is no instruction for it.
#[inline(always)]
fn estimate<S: Simd>(simd: S, d: S::f32s) -> Option<S::f32s> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::any::Any;

        let v4 = (&simd as &dyn Any).downcast_ref::<pulp::x86::V4>()?;
        let d = (&d as &dyn Any).downcast_ref::<pulp::f32x16>()?;
        let estimate = v4.avx512f._mm512_rcp14_ps(pulp::cast(*d));
        let estimate: pulp::f32x16 = pulp::cast(estimate);
        (&estimate as &dyn Any).downcast_ref().copied()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (simd, d);
        None
    }
}

/// `σ(a) = 1/(1 + e⁻ᵃ)`, with an error of at most 9e-8.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd, const N: usize>(simd: S, a: [S::f32s; N]) -> [S::f32s; N] {
    let minus_a = each(a, |a| simd.neg_f32s(a));
    let e = exp(simd, minus_a);
    let one = simd.splat_f32s(1.0);
    quotient(simd, [one; N], each(e, |e| simd.add_f32s(e, one)))
}

/// `tanh(a) = (e²ᵃ − 1)/(e²ᵃ + 1)`, with an error of at most 1.5e-7, and of 2.4e-7 relative to its value.
#[inline(always)]
pub(crate) fn tanh<S: Simd, const N: usize>(simd: S, a: [S::f32s; N]) -> [S::f32s; N] {
    let two_a = each(a, |a| simd.add_f32s(a, a));
    let [scale, p] = exp_parts(simd, clamp(simd, two_a, 20.0));
    let below_one = each(scale, |scale| simd.sub_f32s(scale, simd.splat_f32s(1.0)));
    let mut e_minus_1 = below_one;
    for i in 0..N {
        e_minus_1[i] = simd.mul_add_e_f32s(scale[i], p[i], below_one[i]);
    }
    let e_plus_1 = each(e_minus_1, |e| simd.add_f32s(e, simd.splat_f32s(2.0)));
    quotient(simd, e_minus_1, e_plus_1)
}

/// Returns the gradient of `a`, given `d`, that of `s = σ(a)`, and `s`.
#[inline(always)]
pub(crate) fn through_sigmoid<S: Simd>(simd: S, d: S::f32s, s: S::f32s) -> S::f32s {
    let slope = simd.mul_f32s(s, simd.sub_f32s(simd.splat_f32s(1.0), s));
    simd.mul_f32s(d, slope)
}

/// Returns the gradient of `a`, given `d`, that of `y = tanh(a)`, and `y`.
#[inline(always)]
pub(crate) fn through_tanh<S: Simd>(simd: S, d: S::f32s, y: S::f32s) -> S::f32s {
    let slope = simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(y, y));
    simd.mul_f32s(d, slope)
}

/// `eᵃ` with a relative error of at most 2e-7, for `a` within ±87; beyond that, `e^±87`.
#[inline(always)]
pub(crate) fn exp<S: Simd, const N: usize>(simd: S, a: [S::f32s; N]) -> [S::f32s; N] {
    let [scale, p] = exp_parts(simd, clamp(simd, a, 87.0));
    each2(scale, p, |scale, p| simd.mul_add_e_f32s(scale, p, scale))
}

#[cfg(test)]
mod tests {
    use pulp::{Simd, WithSimd};

    use super::{exp, sigmoid, tanh};
    use crate::cpu::Isa;

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Sigmoid,
        Tanh,
        Exp,
    }

    /// Applies a function to `N` vectors at once.
    struct Apply<'a, const N: usize> {
        function: Function,
        values: &'a mut [f32],
    }

    impl<const N: usize> WithSimd for Apply<'_, N> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.values);
            assert!(rest.is_empty());
            let (several, rest) = vectors.as_chunks_mut::<N>();
            assert!(rest.is_empty());
            for several in several {
                *several = match self.function {
                    Function::Sigmoid => sigmoid(simd, *several),
                    Function::Tanh => tanh(simd, *several),
                    Function::Exp => exp(simd, *several),
                };
            }
        }
    }

    impl Function {
        /// Returns the function of each value, for each instruction set.
        fn of(self, values: &[f32]) -> Vec<(Isa, Vec<f32>)> {
            let isas = Isa::available().into_iter();
            isas.map(|isa| (isa, self.at_once::<1>(isa, values)))
                .collect()
        }

        /// Returns the function of each value, computed `N` vectors at a time.
        fn at_once<const N: usize>(self, isa: Isa, values: &[f32]) -> Vec<f32> {
            let mut results = values.to_vec();
            results.resize(values.len().next_multiple_of(16 * N), 0.0);
            isa.run(Apply::<N> {
                function: self,
                values: &mut results,
            });
            results.truncate(values.len());
            results
        }
    }

    /// Returns numbers of every magnitude and sign, close together where the functions bend, and around the
    /// points where they are cut off. No NaN.
    fn values() -> Vec<f32> {
        let of_any_bits = (0..=u32::MAX).step_by(1021).map(f32::from_bits);
        let close = (-100 << 14..=100 << 14).map(|k| k as f32 / (1 << 14) as f32);
        let special = [
            0.0,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::INFINITY,
            10.0,
            20.0,
            43.5,
            87.0,
            88.0,
        ];
        let around = special
            .into_iter()
            .flat_map(|x| [x.next_down(), x, x.next_up()]);
        let around = around.flat_map(|x| [x, -x]);
        let values = of_any_bits.chain(close).chain(around);
        values.filter(|x| !x.is_nan()).collect()
    }

    /// Returns where the largest of some errors is, and the error.
    fn largest(errors: impl Iterator<Item = (f32, f64)>) -> (f32, f64) {
        errors.fold((0.0, 0.0), |a, b| if b.1 <= a.1 { a } else { b })
    }

    fn sigmoid_f64(a: f32) -> f64 {
        1.0 / (1.0 + (-f64::from(a)).exp())
    }

    #[test]
    fn sigmoid_is_within_its_bound() {
        let values = values();
        for (isa, results) in Function::Sigmoid.of(&values) {
            let pairs = || values.iter().copied().zip(&results);
            let errors = pairs().map(|(a, &y)| (a, (f64::from(y) - sigmoid_f64(a)).abs()));
            let (at, error) = largest(errors);
            println!("sigmoid, {isa}: {error:.3e} at {at:e}");
            assert!(error <= 1.2e-7, "{isa}: off by {error:e} at {at:e}");
            for (a, y) in pairs() {
                assert!((0.0..=1.0).contains(y), "{isa}: {y:e} at {a:e}");
            }
        }
    }

    #[test]
    fn tanh_is_within_its_bounds() {
        let values = values();
        for (isa, results) in Function::Tanh.of(&values) {
            let pairs = || values.iter().copied().zip(&results);
            let error = |a: f32, y: f32| (f64::from(y) - f64::from(a).tanh()).abs();
            let (at, absolute) = largest(pairs().map(|(a, &y)| (a, error(a, y))));
            println!("tanh, {isa}: {absolute:.3e} at {at:e}");
            assert!(absolute <= 1.6e-7, "{isa}: off by {absolute:e} at {at:e}");

            let small = pairs().filter(|(a, _)| a.is_normal());
            let relative = small.map(|(a, &y)| (a, error(a, y) / f64::from(a).tanh().abs()));
            let (at, relative) = largest(relative);
            println!("tanh, {isa}: {relative:.3e} of its magnitude at {at:e}");
            assert!(
                relative <= 3e-7,
                "{isa}: off by {relative:e} of its magnitude at {at:e}"
            );
            for (a, y) in pairs() {
                assert!((-1.0..=1.0).contains(y), "{isa}: {y:e} at {a:e}");
            }
        }
    }

    #[test]
    fn exp_is_within_its_bound() {
        let values = values();
        for (isa, results) in Function::Exp.of(&values) {
            let pairs = values.iter().copied().zip(&results);
            let errors = pairs.map(|(a, &y)| {
                let expected = f64::from(a).clamp(-87.0, 87.0).exp();
                (a, (f64::from(y) / expected - 1.0).abs())
            });
            let (at, error) = largest(errors);
            println!("exp, {isa}: {error:.3e} of its magnitude at {at:e}");
            assert!(
                error <= 2e-7,
                "{isa}: off by {error:e} of its magnitude at {at:e}"
            );
        }
    }

    #[test]
    fn where_they_saturate_they_are_exact() {
        let large = [20.0, 100.0, 1e30, f32::MAX, f32::INFINITY];
        for (isa, results) in Function::Sigmoid.of(&large) {
            assert_eq!(results, [1.0; 5], "{isa}");
        }
        for (isa, results) in Function::Tanh.of(&large) {
            assert_eq!(results, [1.0; 5], "{isa}");
        }
        for (isa, results) in Function::Tanh.of(&large.map(|a| -a)) {
            assert_eq!(results, [-1.0; 5], "{isa}");
        }
    }

    #[test]
    fn zero_is_a_fixed_point() {
        for (isa, results) in Function::Sigmoid.of(&[0.0, -0.0]) {
            assert_eq!(results, [0.5, 0.5], "{isa}");
        }
        for (isa, results) in Function::Tanh.of(&[0.0, -0.0]) {
            assert_eq!(results, [0.0, 0.0], "{isa}");
        }
        for (isa, results) in Function::Exp.of(&[0.0, -0.0]) {
            assert_eq!(results, [1.0, 1.0], "{isa}");
        }
    }

    #[test]
    fn nan_stays_nan() {
        let nans = [
            f32::NAN,
            -f32::NAN,
            f32::from_bits(0x7f80_0001),
            f32::from_bits(u32::MAX),
        ];
        for function in [Function::Sigmoid, Function::Tanh, Function::Exp] {
            for (isa, results) in function.of(&nans) {
                let nan = results.iter().all(|y| y.is_nan());
                assert!(nan, "{function:?}, {isa}: {results:?}");
            }
        }
    }

    #[test]
    fn several_at_once_are_each_as_alone() {
        let values = values();
        for function in [Function::Sigmoid, Function::Tanh, Function::Exp] {
            for (isa, alone) in function.of(&values) {
                for together in [
                    function.at_once::<3>(isa, &values),
                    function.at_once::<4>(isa, &values),
                ] {
                    let mut pairs = alone.iter().zip(&together);
                    let same = pairs.all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{function:?}, {isa}");
                }
            }
        }
    }
}
