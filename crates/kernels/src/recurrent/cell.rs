//! What a kernel needs from a cell: its equations on vectors, forward and backward. Everything else
//! (threads, packing, the loops over time, the gradients of the weights) is the same for all cells.

use std::fmt::Debug;

use pulp::Simd;

use crate::matmul::{Sums, store};

/// How many blocks of `d_hidden` columns a cell's weights have, and how they are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gates {
    /// One block: a panel holds four vectors of its columns.
    One,
    /// Two blocks: a panel holds the same columns of each. So for three and four.
    Two,
    /// Three blocks.
    Three,
    /// Three blocks, of which the last has two sums that stay apart, over the input and over the hidden
    /// state: `x·Wx₀ + h·Wh₀`, `x·Wx₁ + h·Wh₁`, `x·Wx₂`, `h·Wh₂`.
    ThreeApart,
    /// Four blocks.
    Four,
    /// Four blocks, and three vectors of weights of the cell, which follow the bias.
    FourAndPeepholes,
}

impl Gates {
    /// Returns the number of blocks.
    pub const fn count(self) -> usize {
        match self {
            Gates::One => 1,
            Gates::Two => 2,
            Gates::Three | Gates::ThreeApart => 3,
            Gates::Four | Gates::FourAndPeepholes => 4,
        }
    }

    /// Returns the number of sums for each number of the hidden state, each of which has a bias.
    pub const fn sums(self) -> usize {
        match self {
            Gates::ThreeApart => 4,
            _ => self.count(),
        }
    }

    /// Returns the number of biases and peepholes for each number of the hidden state.
    pub const fn biases(self) -> usize {
        match self {
            Gates::FourAndPeepholes => 7,
            _ => self.sums(),
        }
    }
}

/// A cell's equations. It receives the sums `x·Wx + h·Wh + b` and turns them into its new state.
pub trait Cell: Copy + Debug + Default + Send + Sync + 'static {
    /// The name of the cell, such as "lstm".
    const NAME: &'static str;
    /// The blocks of columns in `wx` and `wh`, and the sums.
    const GATES: Gates;
    /// Whether the state has a cell `c` besides the hidden state `h`.
    const HAS_CELL: bool;
    /// Whether the backward pass needs the gates of each step. If not, the outputs are enough.
    const SAVES_GATES: bool;
    /// Whether `h[t-1]` goes into `h[t]` directly too, besides the sums.
    const CARRIES_HIDDEN: bool;

    /// Computes the new state of `M` rows in one panel from their sums: writes `h` to `output`,
    /// `[sequences, time, d_hidden]`, and `c` and the gates to `steps`. `at` is (first row, time, panel). A cell
    /// of fewer than four blocks finds zeros in the sums that it does not have.
    fn forward<S: Simd, const M: usize>(
        simd: S,
        sums: [Sums<S>; M],
        at: [usize; 3],
        steps: &mut Steps,
        output: &mut [f32],
    );

    /// Computes the gradient of one row's sums from `d_h`, the gradient that the next step passes back to
    /// `h`. `d_sums` holds the saved gates, if there are any, and is overwritten with that gradient; a cell
    /// that carries `h` overwrites `d_h` with what goes to `h[t-1]` directly. With [`Gates::ThreeApart`] the third
    /// sum comes first in `d_sums`, so that those over the input lie together, and those over the hidden
    /// state. `at` is (row, time).
    fn backward<S: Simd>(
        simd: S,
        at: [usize; 2],
        steps: &mut StepsBack,
        d_sums: &mut [f32],
        d_h: &mut [f32],
    );
}

/// What some sequences read and write at each step, besides sums and output.
pub struct Steps<'a> {
    /// Steps of each sequence.
    pub time: usize,
    /// Size of the hidden state.
    pub h: usize,
    /// `[sequences, d_hidden]`: `h` before the first step.
    pub h0: &'a [f32],
    /// For how many steps `c` is kept besides the initial one: all of them, or none.
    pub cells_kept: usize,
    /// `[sequences, cells_kept + 1, d_hidden]`
    pub cell: &'a mut [f32],
    /// `[sequences, time, sums·d_hidden]`, or empty if nothing is saved.
    pub gates: &'a mut [f32],
    /// `[3·d_hidden]`: the peepholes of the gates i, f, o; empty for other cells.
    pub peepholes: &'a [f32],
}

impl Steps<'_> {
    /// Returns where `c` of a sequence lies before step `t` and after it.
    #[inline(always)]
    pub(super) fn cells(&self, row: usize, t: usize) -> [usize; 2] {
        let kept = self.cells_kept;
        [t, t + 1].map(|t| (row * (kept + 1) + t.min(kept)) * self.h)
    }

    /// Saves the vectors at `j` of a step's gates, in their order there, if gates are saved.
    #[inline(always)]
    pub(super) fn save<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        [row, t]: [usize; 2],
        j: usize,
        gates: [S::f32s; N],
    ) {
        if self.gates.is_empty() {
            return;
        }
        let (time, h) = (self.time, self.h);
        let saved = &mut self.gates[(row * time + t) * N * h..][..N * h];
        for (gate, value) in saved.chunks_exact_mut(h).zip(gates) {
            store(simd, gate, j, value);
        }
    }
}

/// What some sequences read and write at each step of the backward pass.
pub struct StepsBack<'a> {
    /// Steps of each sequence.
    pub time: usize,
    /// Size of the hidden state.
    pub h: usize,
    /// `[sequences, d_hidden]`: `h` before the first step.
    pub h0: &'a [f32],
    /// `[sequences, time, d_hidden]`: `h` of each step.
    pub output: &'a [f32],
    /// `[sequences, time, d_hidden]`
    pub d_output: &'a [f32],
    /// `[sequences, time + 1, d_hidden]`: `c` before the first step, then after each step.
    pub cell: &'a [f32],
    /// `[sequences, d_hidden]`: the gradient of `c` after the step, then of `c` before it.
    pub d_cell: &'a mut [f32],
    /// `[3·d_hidden]`: the peepholes of the gates i, f, o; empty for other cells.
    pub peepholes: &'a [f32],
}
