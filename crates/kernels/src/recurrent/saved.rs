//! What a forward pass leaves for the backward pass.

use super::lengths::Lengths;
use crate::cpu::Buffer;

/// What a sequence leaves for its backward pass, besides its output. This is most of the memory that a
/// sequence takes.
#[derive(Clone, Debug)]
pub struct Saved {
    /// `[batch, time, sums·d_hidden]`: the gates of each step, if the cell saves them.
    pub(super) gates: Buffer,
    /// `[batch, time + 1, d_hidden]`: `c` before the first step, then after each step; empty without `c`.
    pub(super) cell: Buffer,
    /// `[3·d_hidden]` or empty.
    pub(super) peepholes: Vec<f32>,
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
