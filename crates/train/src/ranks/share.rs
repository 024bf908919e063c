//! Which part of the work is a rank's own.

use std::ops::Range;

/// The share of one rank in what all ranks do together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    rank: usize,
    size: usize,
}

impl Share {
    /// All of it.
    pub const WHOLE: Share = Share { rank: 0, size: 1 };

    /// Creates the share of rank number `rank` of `size` ranks.
    pub fn new(rank: usize, size: usize) -> Self {
        Share { rank, size }
    }

    /// Returns which of `n` consecutive things are this rank's: from `⌈rank·n/size⌉` to before `⌈(rank + 1)·n/size⌉`.
    /// Shares differ by one at most; with fewer things than ranks, some are empty.
    pub fn of(self, n: usize) -> Range<usize> {
        let until = |rank: usize| (rank as u128 * n as u128).div_ceil(self.size as u128) as usize;
        until(self.rank)..until(self.rank + 1)
    }
}
