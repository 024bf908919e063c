//! The data: hourly values with a trend, a daily and a weekly season, and noise that wanders.

use std::f32::consts::TAU;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub const DAY: usize = 24;
pub const WEEK: usize = 7 * DAY;

/// ```text
/// y[t] = 10 + t/4000 + (1 + 0.3·w)·(sin d + 0.5·sin 2d) + 0.6·w + e[t]     d = 2π·t/24   w = sin(2π·t/168)
/// e[t] = 0.9·e[t-1] + N(0, 0.1²)
/// ```
pub fn generate(hours: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut noise = 0.0;
    let value = |t| {
        let (day, week) = (angle(t, DAY), angle(t, WEEK).sin());
        let shape = day.sin() + 0.5 * (2.0 * day).sin();
        noise = 0.9 * noise + 0.1 * normal(&mut rng);
        10.0 + t as f32 / 4000.0 + (1.0 + 0.3 * week) * shape + 0.6 * week + noise
    };
    (0..hours).map(value).collect()
}

/// Returns where in the day and in the week hour `t` is: sine and cosine of each.
pub fn clock(t: usize) -> [f32; 4] {
    let (day, week) = (angle(t, DAY).sin_cos(), angle(t, WEEK).sin_cos());
    [day.0, day.1, week.0, week.1]
}

fn angle(t: usize, period: usize) -> f32 {
    TAU * (t % period) as f32 / period as f32
}

fn normal(rng: &mut impl Rng) -> f32 {
    StandardNormal.sample(rng)
}
