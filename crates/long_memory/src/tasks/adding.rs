//! The adding problem: two marked numbers among many.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::task::{Answer, Sequence, Task};

/// `distance` numbers from U(0, 1), of which one in the first half and one in the second half are marked by
/// a 1 in a second input. What is the sum of these two?
///
/// Hochreiter and Schmidhuber 1997, experiment 4, in the form of Arjovsky, Shah and Bengio 2016 (numbers
/// from 0 to 1, one mark in each half, fixed lengths).
pub struct Adding;

impl Task for Adding {
    fn name(&self) -> &'static str {
        "adding"
    }

    fn d_input(&self) -> usize {
        2
    }

    fn answer(&self) -> Answer {
        Answer::Number
    }

    fn steps(&self, distance: usize) -> usize {
        distance
    }

    fn draw(&self, distance: usize, rng: &mut ChaCha8Rng) -> Sequence {
        let half = distance / 2;
        let marked = [rng.random_range(0..half), rng.random_range(half..distance)];
        let numbers: Vec<f32> = (0..distance).map(|_| rng.random()).collect();
        let pair = |(t, &number): (usize, &f32)| [number, f32::from(marked.contains(&t))];
        Sequence {
            inputs: numbers.iter().enumerate().flat_map(pair).collect(),
            targets: vec![numbers[marked[0]] + numbers[marked[1]]],
        }
    }

    /// The best guess is 1; the sum of two numbers from U(0, 1) has a variance of 2/12.
    fn chance(&self, _: usize) -> f64 {
        2.0 / 12.0
    }

    /// The last number is marked, and so known, in one of `distance/2` (rounded up) sequences.
    fn floor(&self, distance: usize) -> f64 {
        2.0 / 12.0 - 1.0 / 12.0 / distance.div_ceil(2) as f64
    }
}
