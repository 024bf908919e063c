//! Least squares.

/// What was measured.
pub struct Measured<const N: usize> {
    /// How much there is of each cause.
    pub causes: [f64; N],
    /// What is known beforehand.
    pub known: f64,
    /// What `known + Σ constant·cause` should be.
    pub sum: f64,
}

/// Returns the constants ≥ 0 for which `Σ ((known + Σ constant·cause) / sum − 1)²` over all rows is least: relative
/// errors count, for short times as for long ones.
///
/// Moves one constant after the other to where it is best.
pub fn fit<const N: usize>(rows: &[Measured<N>]) -> [f64; N] {
    let relative =
        |row: &Measured<N>| (row.causes.map(|cause| cause / row.sum), row.known / row.sum);
    let rows: Vec<_> = rows.iter().map(relative).collect();
    let mut constants = [0.0; N];
    for _ in 0..ROUNDS {
        for i in 0..N {
            let (mut wanted, mut length) = (0.0, 0.0);
            for (causes, known) in &rows {
                let sum: f64 = causes.iter().zip(constants).map(|(a, b)| a * b).sum();
                wanted += causes[i] * (1.0 - known - sum);
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
        let row = |a: f64, b: f64| Measured {
            causes: [a, b, 1.0],
            known: 10.0,
            sum: 10.0 + 3.0 * a + 0.5 * b,
        };
        let rows = [row(1.0, 2.0), row(2.0, 1.0), row(5.0, 5.0), row(1.0, 9.0)];
        let found = fit(&rows);
        for (found, expected) in found.into_iter().zip([3.0, 0.5, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}
