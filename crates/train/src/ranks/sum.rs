//! The sum of many numbers over all ranks.

use std::ops::AddAssign;

use bytemuck::{Pod, cast_slice};

use super::{communicator::Communicator, share::Share};

/// A number that can be sent and added.
pub trait Number: Pod + AddAssign {}

impl Number for f32 {}
impl Number for f64 {}

/// Adds up the numbers of all ranks, and returns this rank's [share](Communicator::share) of the sums. They are added in
/// the order of ranks, so the same number of ranks gives the same bits each time.
///
/// ```text
/// sum[i] = (numbers₀[i] + numbers₁[i]) + numbers₂[i] + …
/// ```
///
/// Each rank sends the others their shares: however many ranks there are, none sends more numbers than it has.
///
/// # Panics
///
/// Panics if another rank passes more or fewer numbers.
pub fn share_of_sum<T: Number>(ranks: &dyn Communicator, numbers: &[T]) -> Vec<T> {
    let (own, size) = (ranks.rank(), ranks.size());
    let share = |rank| &numbers[Share::new(rank, size).of(numbers.len())];
    // What a rank has itself is not sent around: it is long.
    let part = |rank| {
        if rank == own {
            &[]
        } else {
            cast_slice(share(rank))
        }
    };
    let received = ranks.exchange(&(0..size).map(part).collect::<Vec<_>>());

    let mut sums = vec![T::zeroed(); share(own).len()];
    for (i, sums) in sums.chunks_mut(BLOCK).enumerate() {
        let block = BLOCK * i..BLOCK * i + sums.len();
        for (rank, part) in received.iter().enumerate() {
            let part = if rank == own {
                cast_slice(share(own))
            } else {
                part
            };
            let addends = &part[block.start * size_of::<T>()..block.end * size_of::<T>()];
            let addends = addends
                .chunks_exact(size_of::<T>())
                .map(bytemuck::pod_read_unaligned);
            let each = sums.iter_mut().zip(addends);
            match rank {
                0 => each.for_each(|(sum, addend): (_, T)| *sum = addend),
                _ => each.for_each(|(sum, addend)| *sum += addend),
            }
        }
    }
    sums
}

/// How many numbers are added up at a time: few enough for the nearest cache.
const BLOCK: usize = 1024;
