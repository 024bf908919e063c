//! What a forward pass leaves for the backward pass.

use super::lengths::Lengths;

/// What a sequence leaves for its backward pass, besides its output. This is most of the memory that a
/// sequence takes. After the backward pass, [`forward_in`](crate::Layer::forward_in) can reuse it; fresh
/// memory would cost a page fault every four kilobytes.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// `[batch, time, sums·d_hidden]`: the gates of each step, if the cell saves them.
    pub(super) gates: Vec<f32>,
    /// `[batch, time + 1, d_hidden]`: `c` before the first step, then after each step; empty without `c`.
    pub(super) cell: Vec<f32>,
    pub(super) time: usize,
    pub(super) d_hidden: usize,
}

impl Saved {
    /// Returns `c` after each sequence's last step, `[batch, d_hidden]`; empty for a cell that has none.
    pub fn last_cell(&self, lengths: Lengths) -> Vec<f32> {
        let Saved {
            cell,
            time,
            d_hidden,
            ..
        } = self;
        let sequences = cell.chunks_exact(((time + 1) * d_hidden).max(1));
        let last = |(row, cell)| {
            &<[f32]>::split_at(cell, lengths.of(row, *time) * d_hidden).1[..*d_hidden]
        };
        sequences.enumerate().flat_map(last).copied().collect()
    }
}
