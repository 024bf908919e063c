//! The first symbol: which symbol came before all the noise?

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::task::{Answer, Sequence, Task};

/// How many symbols may come first.
const SYMBOLS: usize = 4;
/// How many other symbols make up the noise.
const NOISE: usize = 4;

/// One of four symbols, then `distance` steps of noise: random symbols, from four others. Which symbol was
/// the first?
///
/// The latching problem of Bengio, Simard and Frasconi 1994, with random symbols as noise, as in Hochreiter
/// and Schmidhuber 1997, experiment 2.
pub struct FirstSymbol;

impl Task for FirstSymbol {
    fn name(&self) -> &'static str {
        "first-symbol"
    }

    fn d_input(&self) -> usize {
        SYMBOLS + NOISE
    }

    fn answer(&self) -> Answer {
        Answer::Class(SYMBOLS)
    }

    fn steps(&self, distance: usize) -> usize {
        1 + distance
    }

    fn draw(&self, distance: usize, rng: &mut ChaCha8Rng) -> Sequence {
        let steps = self.steps(distance);
        let first = rng.random_range(0..SYMBOLS);
        let noise = (1..steps).map(|_| SYMBOLS + rng.random_range(0..NOISE));
        let symbols: Vec<usize> = std::iter::once(first).chain(noise).collect();
        let one_hot = |&symbol: &usize| (0..SYMBOLS + NOISE).map(move |i| f32::from(i == symbol));
        Sequence {
            inputs: symbols.iter().flat_map(one_hot).collect(),
            targets: vec![symbols[0] as f32],
        }
    }

    fn chance(&self, _: usize) -> f64 {
        1.0 / SYMBOLS as f64
    }

    fn floor(&self, distance: usize) -> f64 {
        self.chance(distance)
    }
}
