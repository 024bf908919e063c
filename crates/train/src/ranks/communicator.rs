//! What ranks can tell one another.

use bytemuck::{cast_slice, cast_slice_mut, pod_collect_to_vec};

use super::share::Share;

/// A rank's connection to the other ranks.
///
/// All methods but [`rank`](Self::rank), [`size`](Self::size) and [`abort`](Self::abort) are collective: they return
/// once every rank has called the same one. A connection that loses a rank ends the process; none of them returns
/// then.
pub trait Communicator {
    /// Returns the number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Returns the number of ranks.
    fn size(&self) -> usize;

    /// Returns which part of the work is this rank's own.
    fn share(&self) -> Share {
        Share::new(self.rank(), self.size())
    }

    /// Sends `parts[r]` to rank `r`, and returns what each rank sent to this one, in the order of ranks.
    fn exchange(&self, parts: &[&[u8]]) -> Vec<Vec<u8>>;

    /// Ends the processes of all ranks, with `why` as the reason.
    fn abort(&self, why: &str) -> !;

    /// Returns what each rank passed, in the order of ranks.
    fn all_gather(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.exchange(&vec![bytes; self.size()])
    }

    /// Returns what each rank passed, in the order of ranks, on rank 0; nothing on the others.
    fn gather(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut parts = vec![&[][..]; self.size()];
        parts[0] = bytes;
        let mut received = self.exchange(&parts);
        if self.rank() > 0 {
            received.clear();
        }
        received
    }

    /// Returns what rank `from` passed.
    fn broadcast(&self, from: usize, bytes: &[u8]) -> Vec<u8> {
        let part = match self.rank() == from {
            true => bytes,
            false => &[],
        };
        let mut received = self.exchange(&vec![part; self.size()]);
        received.swap_remove(from)
    }

    /// Waits for every rank.
    fn barrier(&self) {
        self.all_gather(&[]);
    }

    /// Replaces each number by its sum over all ranks, added in the order of ranks: every rank has the same bits then,
    /// and the same number of ranks gives the same bits each time. Returns what each rank passed in `beside`.
    ///
    /// Each rank adds up one stretch of the numbers, and sends the sums to the others: however many ranks there are,
    /// a rank sends the numbers less than twice.
    fn sum(&self, numbers: &mut [f32], beside: &[u8]) -> Vec<Vec<u8>> {
        let stretch = |rank| Share::new(rank, self.size()).of(numbers.len());
        let with_beside = |rank| [beside, cast_slice(&numbers[stretch(rank)])].concat();
        let parts: Vec<Vec<u8>> = (0..self.size()).map(with_beside).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let mut received = self.exchange(&parts);

        let mut sums = vec![-0.0; stretch(self.rank()).len()];
        for part in &mut received {
            let addends: Vec<f32> = pod_collect_to_vec(&part[beside.len()..]);
            let each = sums.iter_mut().zip(addends);
            each.for_each(|(sum, addend)| *sum += addend);
            part.truncate(beside.len());
        }
        let mut rest = numbers;
        for sums in self.all_gather(cast_slice(&sums)) {
            let (stretch, later) = rest.split_at_mut(sums.len() / size_of::<f32>());
            cast_slice_mut(stretch).copy_from_slice(&sums);
            rest = later;
        }
        received
    }
}

/// The only rank there is.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Communicator for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn exchange(&self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        vec![parts[0].to_vec()]
    }

    /// # Panics
    ///
    /// Panics with the reason.
    fn abort(&self, why: &str) -> ! {
        panic!("{why}")
    }
}
