//! Rows times packed weights: the product inside every step of a recurrent network.
//!
//! Weights are packed once, in panels of four vectors of columns, so that the innermost loop reads
//! them in the order in which they lie. A few rows at a time go through a panel; their sums stay in
//! registers.

use aligned_vec::{AVec, ConstAlign};
use pulp::{Simd, WithSimd};

use crate::engine::{Engine, cut};

/// Vectors of columns in a panel.
pub(crate) const VECTORS: usize = 4;

/// Numbers that take longer to pack than a sleeping thread takes to wake, which is some 50 µs.
const WORTH_A_THREAD: usize = 1 << 18;

/// A panel's sums for one row.
pub(crate) type Sums<S> = [<S as Simd>::f32s; VECTORS];

/// Which columns of a matrix the panels hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    /// Columns as they come.
    Plain,
    /// Four blocks (gates) of this width side by side: a panel has the same columns of each.
    FourGates(usize),
}

impl Columns {
    /// How many panels cover `n` columns with vectors of `lanes`.
    pub(crate) fn panels(self, n: usize, lanes: usize) -> usize {
        match self {
            Columns::Plain => n.div_ceil(VECTORS * lanes),
            Columns::FourGates(width) => width.div_ceil(lanes),
        }
    }

    /// The first column in a panel's vector, and how many of its lanes lie within the matrix.
    fn place(self, n: usize, lanes: usize, panel: usize, vector: usize) -> (usize, usize) {
        let (first, end) = match self {
            Columns::Plain => ((panel * VECTORS + vector) * lanes, n),
            Columns::FourGates(width) => {
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
    values: AVec<f32, ConstAlign<64>>,
    depth: usize,
    n: usize,
    lanes: usize,
    columns: Columns,
}

impl Packed {
    /// Packs `matrix`, `[depth, n]` row by row.
    pub(crate) fn new(engine: &Engine, matrix: &[f32], depth: usize, columns: Columns) -> Self {
        Self::pack(engine, matrix, depth, columns, false)
    }

    /// Packs the transpose of `matrix`, which is `[n, depth]` row by row.
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
        let panel_length = depth * VECTORS * lanes;
        let panels = columns.panels(n, lanes);
        let mut values = AVec::__from_elem(64, 0.0, panels * panel_length);

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

    /// The rows of the matrix.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The columns of the matrix.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    pub(crate) fn panels(&self) -> usize {
        self.columns.panels(self.n, self.lanes)
    }

    /// One panel: for each row of the matrix its four vectors.
    #[inline(always)]
    pub(crate) fn panel<S: Simd>(&self, panel: usize) -> &[Sums<S>] {
        assert_eq!(S::F32_LANES, self.lanes, "packed for other instructions");
        let length = self.depth * VECTORS * self.lanes;
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
        let width = VECTORS * lanes;
        if depth == 0 {
            return;
        }
        for (panel, values) in self.values.chunks_exact_mut(depth * width).enumerate() {
            for vector in 0..VECTORS {
                let panel = self.first_panel + panel;
                let (first, len) = self.columns.place(n, lanes, panel, vector);
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

/// Something done to several rows at once: `M` of them, from `first` on.
pub(crate) trait Tile<S: Simd> {
    fn rows<const M: usize>(&mut self, simd: S, first: usize);
}

/// The largest number of rows whose sums fit into registers, beside a panel's vectors.
pub(crate) const fn most_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 6 } else { 2 }
}

/// Goes through `0..n` in tiles as equal as can be.
#[inline(always)]
pub(crate) fn for_each_tile<S: Simd>(simd: S, n: usize, tile: &mut impl Tile<S>) {
    let tiles = n.div_ceil(most_rows::<S>());
    let mut first = 0;
    for left in (1..=tiles).rev() {
        let rows = (n - first).div_ceil(left);
        match rows {
            1 => tile.rows::<1>(simd, first),
            2 => tile.rows::<2>(simd, first),
            3 if most_rows::<S>() > 2 => tile.rows::<3>(simd, first),
            4 if most_rows::<S>() > 2 => tile.rows::<4>(simd, first),
            5 if most_rows::<S>() > 2 => tile.rows::<5>(simd, first),
            6 if most_rows::<S>() > 2 => tile.rows::<6>(simd, first),
            _ => unreachable!("a tile has at most `most_rows` rows"),
        }
        first += rows;
    }
}

/// `sums[m] += rows[m]·panel`, for the columns of one panel.
#[inline(always)]
pub(crate) fn accumulate<S: Simd, const M: usize>(
    simd: S,
    mut sums: [Sums<S>; M],
    rows: [&[f32]; M],
    panel: &[Sums<S>],
) -> [Sums<S>; M] {
    let rows = rows.map(|row| &row[..panel.len()]);
    for (k, weights) in panel.iter().enumerate() {
        for m in 0..M {
            let x = simd.splat_f32s(rows[m][k]);
            for v in 0..VECTORS {
                sums[m][v] = simd.mul_add_e_f32s(x, weights[v], sums[m][v]);
            }
        }
    }
    sums
}

/// `row[j..]`, with zeros beyond its end.
#[inline(always)]
pub(crate) fn load<S: Simd>(simd: S, row: &[f32], j: usize) -> S::f32s {
    let row = &row[j.min(row.len())..];
    match S::as_simd_f32s(row).0.first() {
        Some(&vector) => vector,
        None => simd.partial_load_f32s(row),
    }
}

/// Into `row[j..]`, up to its end.
#[inline(always)]
pub(crate) fn store<S: Simd>(simd: S, row: &mut [f32], j: usize, vector: S::f32s) {
    let j = j.min(row.len());
    let row = &mut row[j..];
    match row.len() >= S::F32_LANES {
        true => S::as_mut_simd_f32s(row).0[0] = vector,
        false => simd.partial_store_f32s(row, vector),
    }
}
