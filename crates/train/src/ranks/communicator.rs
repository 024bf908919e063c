//! What ranks can tell one another.

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
}

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
