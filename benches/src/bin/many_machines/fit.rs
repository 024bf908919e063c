//! Least squares.

/// Returns the constants ≥ 0 for which `Σ (Σ constant·cause − 1)²` over all rows is least, where the causes are
/// divided by what they should add up to: relative errors count, for short times as for long ones.
///
/// Moves one constant after the other to where it is best.
pub fn fit<const N: usize>(rows: Vec<([f64; N], f64)>) -> [f64; N] {
    let rows: Vec<[f64; N]> = rows
        .into_iter()
        .map(|(causes, sum)| causes.map(|cause| cause / sum))
        .collect();
    let mut constants = [0.0; N];
    for _ in 0..ROUNDS {
        for i in 0..N {
            let (mut wanted, mut length) = (0.0, 0.0);
            for causes in &rows {
                let sum: f64 = causes.iter().zip(constants).map(|(a, b)| a * b).sum();
                wanted += causes[i] * (1.0 - sum);
                length += causes[i] * causes[i];
            }
            constants[i] = f64::max(0.0, constants[i] + wanted / length);
        }
    }
    constants
}

const ROUNDS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_found() {
        let row = |a: f64, b: f64| ([a, b, 1.0], 3.0 * a + 0.5 * b);
        let rows = [row(1.0, 2.0), row(2.0, 1.0), row(5.0, 5.0), row(1.0, 9.0)];
        let found = fit(rows.into());
        for (found, expected) in found.into_iter().zip([3.0, 0.5, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}
