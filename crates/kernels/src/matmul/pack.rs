//! Matrices packed in panels, once, in the order in which the innermost loop reads them.

use pulp::{Simd, WithSimd};

use super::panel::VECTORS;
use crate::cpu::{Buffer, Engine, cut};

/// Packing this many numbers takes longer than waking a thread, which takes about 50 µs.
const WORTH_A_THREAD: usize = 1 << 18;

/// Which columns of a matrix the panels hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    /// Columns in order.
    Plain,
    /// So many blocks (gates), at most [`VECTORS`], of this width, side by side: a panel holds the same
    /// columns of each.
    Blocks(usize, usize),
}

impl Columns {
    /// Returns how many panels cover `n` columns with vectors of `lanes`.
    pub(crate) fn panels(self, n: usize, lanes: usize) -> usize {
        match self {
            Columns::Plain => n.div_ceil(VECTORS * lanes),
            Columns::Blocks(_, width) => width.div_ceil(lanes),
        }
    }

    /// Returns how many vectors of columns a panel holds.
    fn vectors(self) -> usize {
        match self {
            Columns::Plain => VECTORS,
            Columns::Blocks(blocks, _) => blocks,
        }
    }

    /// Returns the first column in a panel's vector, and how many of its lanes lie within the matrix.
    fn place(self, n: usize, lanes: usize, panel: usize, vector: usize) -> (usize, usize) {
        let (first, end) = match self {
            Columns::Plain => ((panel * VECTORS + vector) * lanes, n),
            Columns::Blocks(_, width) => {
                let block = vector * width;
                (block + panel * lanes, block + width)
            }
        };
        (first, end.saturating_sub(first).min(lanes))
    }
}

/// A `[depth, n]` matrix in panels: `[panel][depth][vector][lane]`, on cache lines, with zeros where a
/// panel reaches beyond the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    values: Buffer,
    depth: usize,
    n: usize,
    lanes: usize,
    columns: Columns,
}

impl Packed {
    /// Packs `matrix`, which is `[depth, n]`, row-major.
    pub(crate) fn new(engine: &Engine, matrix: &[f32], depth: usize, columns: Columns) -> Self {
        Self::pack(engine, matrix, depth, columns, false)
    }

    /// Packs the transpose of `matrix`, which is `[n, depth]`, row-major.
    pub(crate) fn transposed(engine: &Engine, matrix: &[f32], depth: usize) -> Self {
        Self::pack(engine, matrix, depth, Columns::Plain, true)
    }

    fn pack(
        engine: &Engine,
        matrix: &[f32],
        depth: usize,
        columns: Columns,
        transposed: bool,
    ) -> Self {
        let n = matrix.len().checked_div(depth).unwrap_or(0);
        assert_eq!(matrix.len(), depth * n, "a matrix of whole rows");
        let lanes = engine.isa().lanes();
        let panel_length = depth * columns.vectors() * lanes;
        let panels = columns.panels(n, lanes);
        let mut values = Buffer::any(panels * panel_length);

        let engine = match values.len() < WORTH_A_THREAD {
            true => &engine.with_threads(1),
            false => engine,
        };
        let shares = engine.share(panels);
        let lengths = shares.iter().map(|share| share.len() * panel_length);
        let jobs = cut(&mut values, lengths).into_iter().zip(shares.clone());
        let job = |(values, share)| PackJob {
            values,
            first_panel: {
                let share: std::ops::Range<usize> = share;
                share.start
            },
            matrix,
            depth,
            n,
            lanes,
            columns,
            transposed,
        };
        engine.each(jobs.map(job).collect());
        Packed {
            values,
            depth,
            n,
            lanes,
            columns,
        }
    }

    /// Returns the number of rows of the matrix.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Returns the number of columns of the matrix.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    pub(crate) fn panels(&self) -> usize {
        self.columns.panels(self.n, self.lanes)
    }

    /// Returns one panel: `V` vectors for each row of the matrix.
    #[inline(always)]
    pub(crate) fn panel<S: Simd, const V: usize>(&self, panel: usize) -> &[[S::f32s; V]] {
        assert_eq!(S::F32_LANES, self.lanes, "packed for other instructions");
        assert_eq!(V, self.columns.vectors(), "packed for other tiles");
        let length = self.depth * V * self.lanes;
        let values = &self.values[panel * length..(panel + 1) * length];
        S::as_simd_f32s(values).0.as_chunks().0
    }
}

struct PackJob<'a> {
    values: &'a mut [f32],
    first_panel: usize,
    matrix: &'a [f32],
    depth: usize,
    n: usize,
    lanes: usize,
    columns: Columns,
    transposed: bool,
}

impl WithSimd for PackJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let PackJob {
            matrix,
            depth,
            n,
            lanes,
            ..
        } = self;
        let width = self.columns.vectors() * lanes;
        if depth == 0 {
            return;
        }
        for (panel, values) in self.values.chunks_exact_mut(depth * width).enumerate() {
            for vector in 0..self.columns.vectors() {
                let panel = self.first_panel + panel;
                let (first, len) = self.columns.place(n, lanes, panel, vector);
                if len < lanes {
                    for row in values.chunks_exact_mut(width) {
                        row[vector * lanes..][len..lanes].fill(0.0);
                    }
                }
                if self.transposed {
                    // A few rows of the panel at a time, so that they stay in the cache.
                    for start in (0..depth).step_by(64) {
                        let end = (start + 64).min(depth);
                        for lane in 0..len {
                            let column = &matrix[(first + lane) * depth..][start..end];
                            let to = values[start * width + vector * lanes + lane..].iter_mut();
                            for (to, &from) in to.step_by(width).zip(column) {
                                *to = from;
                            }
                        }
                    }
                } else if len > 0 {
                    for (row, to) in values.chunks_exact_mut(width).enumerate() {
                        to[vector * lanes..][..len]
                            .copy_from_slice(&matrix[row * n + first..][..len]);
                    }
                }
            }
        }
    }
}
