//! The xor of two bits in one step: no memory is needed, and none must be used.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::task::{Answer, Sequence, Task};

/// `distance` pairs of random bits. What is the xor of each pair?
///
/// The article's example of a pure function. It takes hidden units (Minsky and Papert 1969), and
/// backpropagation learns them (Rumelhart, Hinton and Williams 1986). What precedes a pair is irrelevant.
pub struct Xor;

impl Task for Xor {
    fn name(&self) -> &'static str {
        "xor"
    }

    fn d_input(&self) -> usize {
        2
    }

    fn answer(&self) -> Answer {
        Answer::Class(2)
    }

    fn steps(&self, distance: usize) -> usize {
        distance
    }

    fn draw(&self, distance: usize, rng: &mut ChaCha8Rng) -> Sequence {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for _ in 0..distance {
            let (a, b): (bool, bool) = (rng.random(), rng.random());
            inputs.extend([f32::from(a), f32::from(b)]);
            targets.push(f32::from(a ^ b));
        }
        Sequence { inputs, targets }
    }

    fn chance(&self, _: usize) -> f64 {
        0.5
    }

    fn floor(&self, _: usize) -> f64 {
        1.0
    }
}
