//! Sequences of unequal length: the longest come first, so that those that still run are the first ones.

use std::ops::Range;

use super::weights::Shape;
use crate::cpu::Engine;

/// How many steps each sequence of a batch has. What follows them is padding: it is neither read nor
/// written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lengths<'a>(Option<&'a [usize]>);

impl<'a> Lengths<'a> {
    /// Every sequence has all steps.
    pub const ALL: Self = Lengths(None);

    /// Returns these lengths, one for each sequence.
    ///
    /// # Panics
    ///
    /// Panics unless the longest come first.
    pub fn descending(lengths: &'a [usize]) -> Self {
        assert!(
            lengths.is_sorted_by(|a, b| a >= b),
            "lengths: the longest first"
        );
        Lengths(Some(lengths))
    }

    /// Returns how many of the `sequences` have a step `t`: the first ones.
    pub(crate) fn running(self, t: usize, sequences: usize) -> usize {
        self.0.map_or(sequences, |lengths| {
            lengths.partition_point(|&length| length > t)
        })
    }

    /// Returns the number of steps of a sequence, `time` at most.
    pub(crate) fn of(self, sequence: usize, time: usize) -> usize {
        self.0.map_or(time, |lengths| lengths[sequence])
    }

    /// Returns the lengths of some of the sequences.
    pub(crate) fn among(self, sequences: &Range<usize>) -> Self {
        Lengths(self.0.map(|lengths| &lengths[sequences.clone()]))
    }

    /// Cuts the batch into one range of sequences for each thread, with about as many steps each.
    pub(crate) fn share(self, engine: &Engine, batch: usize) -> Vec<Range<usize>> {
        let Some(lengths) = self.0 else {
            return engine.share(batch);
        };
        let total: usize = lengths.iter().sum();
        let parts = engine.share(batch).len();
        let (mut start, mut steps) = (0, 0);
        let cut = |part: usize| {
            let first = start;
            while start < batch && (part == parts || steps * parts < total * part) {
                steps += lengths[start];
                start += 1;
            }
            first..start
        };
        (1..=parts).map(cut).collect()
    }

    /// Returns the steps of all sequences, as numbers `sequence·time + t`.
    pub(crate) fn steps(self, Shape { batch, time }: Shape) -> Vec<usize> {
        let steps = |row| row * time..row * time + self.of(row, time);
        (0..batch).flat_map(steps).collect()
    }

    /// Checks that these are lengths of a batch of this shape.
    ///
    /// # Panics
    ///
    /// Panics if they are not.
    pub(crate) fn check(self, Shape { batch, time }: Shape) {
        if let Some(lengths) = self.0 {
            assert_eq!(lengths.len(), batch, "lengths: [batch]");
            let longest = lengths.first().copied().unwrap_or(0);
            assert!(longest <= time, "lengths: {longest} of {time} steps");
        }
    }
}
