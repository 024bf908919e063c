//! Running xor: the parity of all bits so far.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::task::{Answer, Sequence, Task};

/// `distance` random bits. Is the number of ones so far odd? The answer is asked for at each step, and judged
/// at the last.
///
/// The parity problem of Bengio and Frasconi 1994. One bit of memory is enough, but every 1 flips the
/// answer: missing a single one leaves nothing but a guess.
pub struct RunningXor;

impl Task for RunningXor {
    fn name(&self) -> &'static str {
        "running-xor"
    }

    fn d_input(&self) -> usize {
        1
    }

    fn answer(&self) -> Answer {
        Answer::Class(2)
    }

    fn steps(&self, distance: usize) -> usize {
        distance
    }

    fn draw(&self, distance: usize, rng: &mut ChaCha8Rng) -> Sequence {
        let bits: Vec<bool> = (0..distance).map(|_| rng.random()).collect();
        let parity = |so_far: &mut bool, bit: &bool| {
            *so_far ^= bit;
            Some(f32::from(*so_far))
        };
        Sequence {
            inputs: bits.iter().copied().map(f32::from).collect(),
            targets: bits.iter().scan(false, parity).collect(),
        }
    }

    fn chance(&self, _: usize) -> f64 {
        0.5
    }

    /// The parity of the bits before the last is odd half of the time.
    fn floor(&self, _: usize) -> f64 {
        0.5
    }
}
