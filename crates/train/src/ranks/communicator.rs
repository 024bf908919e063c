//! What ranks can tell one another.

use bytemuck::{cast_slice, cast_slice_mut};

use super::share::Share;

/// A rank's connection to the other ranks.
///
/// All methods but [`rank`](Self::rank), [`size`](Self::size) and [`share`](Self::share) are collective: they return
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
    ///
    /// It sends each rank a piece, which that one sends to all: however many ranks there are, none sends the bytes
    /// more than twice.
    fn broadcast(&self, from: usize, bytes: &[u8]) -> Vec<u8> {
        let piece = |rank| match self.rank() == from {
            true => &bytes[Share::new(rank, self.size()).of(bytes.len())],
            false => &[],
        };
        let pieces: Vec<&[u8]> = (0..self.size()).map(piece).collect();
        let received = self.exchange(&pieces);
        self.all_gather(&received[from]).concat()
    }

    /// Waits for every rank, however long the others need.
    fn barrier(&self) {
        self.all_gather(&[]);
    }

    /// Replaces each number by its sum over all ranks, added in the order of ranks: every rank has the same bits then,
    /// and the same number of ranks gives the same bits each time. Returns what each rank passed in `beside`, which has
    /// the same length on all.
    ///
    /// Each rank adds up one stretch of the numbers, and sends the sums to the others: however many ranks there are,
    /// a rank sends the numbers less than twice.
    fn sum(&self, numbers: &mut [f32], beside: &[u8]) -> Vec<Vec<u8>> {
        let (own, size) = (self.rank(), self.size());
        let stretch = |rank| Share::new(rank, size).of(numbers.len());
        let stretches: Vec<_> = (0..size).map(stretch).collect();
        // What a rank has itself is not sent around: it is long.
        let part = |rank: usize| match rank == own {
            true => &[],
            false => cast_slice(&numbers[stretches[rank].clone()]),
        };
        let parts: Vec<&[u8]> = (0..size).map(part).collect();
        let received = self.exchange(&parts);

        let sums = &mut numbers[stretches[own].clone()];
        let mut message = Vec::with_capacity(beside.len() + size_of_val(sums));
        message.extend_from_slice(beside);
        let mut own_numbers = [0.0; BLOCK];
        for (i, sums) in sums.chunks_mut(BLOCK).enumerate() {
            let own_numbers = &mut own_numbers[..sums.len()];
            own_numbers.copy_from_slice(sums);
            sums.fill(-0.0);
            for (rank, part) in received.iter().enumerate() {
                let part = match rank == own {
                    true => cast_slice(own_numbers),
                    false => &part[size_of::<f32>() * BLOCK * i..],
                };
                let (addends, _) = part.as_chunks();
                let each = sums.iter_mut().zip(addends);
                each.for_each(|(sum, addend)| *sum += f32::from_ne_bytes(*addend));
            }
            message.extend_from_slice(cast_slice(sums));
        }
        drop(received);

        let mut parts = vec![&message[..]; size];
        parts[own] = beside;
        let mut received = self.exchange(&parts);
        for (part, stretch) in received.iter_mut().zip(stretches) {
            let sums = &part[beside.len()..];
            // This rank's own are there already.
            if !sums.is_empty() {
                cast_slice_mut(&mut numbers[stretch]).copy_from_slice(sums);
            }
            part.truncate(beside.len());
        }
        received
    }
}

/// How many numbers are added up at a time: few enough for the nearest cache.
const BLOCK: usize = 1024;

/// Returns the first rank that has something else than rank 0, in what each has ([`Communicator::all_gather`]).
pub fn first_other(of_ranks: &[Vec<u8>]) -> Option<usize> {
    of_ranks.iter().position(|own| *own != of_ranks[0])
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
}
