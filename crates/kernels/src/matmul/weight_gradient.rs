//! The gradient of weights, `Aᵀ·B`: a sum over the rows of both, one row for each sequence and step.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{
    pack::Columns,
    panel::{Sums, VECTORS, load, store},
    tile::{Tile, for_each_tile},
};
use crate::cpu::{Buffer, Engine, cut};

/// A matrix that is read row by row, wherever its rows are.
pub(crate) struct Rows<'a> {
    /// The length of a row.
    pub width: usize,
    /// Returns the `k`-th row, which may be followed by more.
    pub row: &'a (dyn Fn(usize) -> &'a [f32] + Sync),
}

/// Returns `Aᵀ·B`, `[width, n]`, for each matrix `A` of `left`, and the sum of the rows of `b`, `[n]`: sums over
/// these `steps`, which are numbers of rows. The rows of `b` start `stride` apart.
pub(crate) fn outer_sums(
    engine: &Engine,
    steps: &[usize],
    left: &[Rows],
    (b, stride): (&[f32], usize),
    n: usize,
) -> (Vec<Vec<f32>>, Vec<f32>) {
    let panel_width = VECTORS * engine.isa().lanes();
    let panels = Columns::Plain.panels(n, engine.isa().lanes());
    let height: usize = left.iter().map(|rows| rows.width).sum();

    // `[panel][row][column]`: each thread owns whole panels.
    let mut sums = Buffer::zeros(panels * height * panel_width);
    let mut bias = vec![0.0; panels * panel_width];
    let shares = engine.share(panels);
    let mut all_sums = cut(
        &mut sums,
        shares.iter().map(|s| s.len() * height * panel_width),
    )
    .into_iter();
    let mut all_bias = cut(&mut bias, shares.iter().map(|s| s.len() * panel_width)).into_iter();
    let jobs = shares.iter().map(|share| Job {
        panels: share.clone(),
        sums: all_sums.next().expect("one for each share"),
        bias: all_bias.next().expect("one for each share"),
        steps,
        left,
        height,
        b,
        stride,
        n,
    });
    engine.each(jobs.collect());

    let mut first = 0;
    let unpacked = left.iter().map(|rows| {
        let mut matrix = Vec::with_capacity(rows.width * n);
        for m in first..first + rows.width {
            for panel in 0..panels {
                let len = panel_width.min(n - panel * panel_width);
                matrix.extend_from_slice(&sums[(panel * height + m) * panel_width..][..len]);
            }
        }
        first += rows.width;
        matrix
    });
    let unpacked = unpacked.collect();
    bias.truncate(n);
    (unpacked, bias)
}

/// The number of rows summed in registers before the sums go back to memory.
const BLOCK: usize = 256;

struct Job<'a, 'r> {
    panels: Range<usize>,
    sums: &'a mut [f32],
    bias: &'a mut [f32],
    steps: &'a [usize],
    left: &'a [Rows<'r>],
    height: usize,
    b: &'a [f32],
    stride: usize,
    n: usize,
}

impl WithSimd for Job<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Job {
            steps, height, n, ..
        } = self;
        let block = BLOCK.min(steps.len());
        let panel_width = VECTORS * S::F32_LANES;
        let mut b = Buffer::any(block * panel_width);
        let b: &mut [Sums<S>] = S::as_mut_simd_f32s(&mut b).0.as_chunks_mut().0;

        let room = |_| Vec::with_capacity(block);
        let mut left: Vec<Vec<&[f32]>> = self.left.iter().map(room).collect();
        for steps in steps.chunks(BLOCK) {
            for (rows, left) in left.iter_mut().zip(self.left) {
                rows.clear();
                rows.extend(steps.iter().map(|&k| (left.row)(k)));
            }
            for (i, panel) in self.panels.clone().enumerate() {
                let bias = &mut self.bias[i * panel_width..][..panel_width];
                let bias: &mut [Sums<S>] = S::as_mut_simd_f32s(bias).0.as_chunks_mut().0;
                for (k, to) in steps.iter().zip(b.iter_mut()) {
                    let row = &self.b[k * self.stride..][..n];
                    for (v, to) in to.iter_mut().enumerate() {
                        *to = load(simd, row, (panel * VECTORS + v) * S::F32_LANES);
                        bias[0][v] = simd.add_f32s(bias[0][v], *to);
                    }
                }
                let sums = &mut self.sums[i * height * panel_width..][..height * panel_width];
                let mut sums: &mut [Sums<S>] = S::as_mut_simd_f32s(sums).0.as_chunks_mut().0;
                for (a, rows) in left.iter().zip(self.left) {
                    let to = sums.split_off_mut(..rows.width).expect("its rows");
                    for_each_tile(simd, rows.width, &mut Outer::<S> { a, b, sums: to });
                }
            }
        }
    }
}

/// `sums[m] += Σ a[k][m]·b[k]`.
struct Outer<'a, S: Simd> {
    a: &'a [&'a [f32]],
    b: &'a [Sums<S>],
    sums: &'a mut [Sums<S>],
}

impl<S: Simd> Tile<S> for Outer<'_, S> {
    #[inline(always)]
    fn rows<const M: usize>(&mut self, simd: S, first: usize) {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; M];
        for (a, b) in self.a.iter().zip(self.b) {
            let mut x = [simd.splat_f32s(0.0); M];
            for (x, &a) in x.iter_mut().zip(&a[first..first + M]) {
                *x = simd.splat_f32s(a);
            }
            for v in 0..VECTORS {
                for m in 0..M {
                    sums[m][v] = simd.mul_add_e_f32s(x[m], b[v], sums[m][v]);
                }
            }
        }
        for (to, sums) in self.sums[first..].iter_mut().zip(sums) {
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = simd.add_f32s(*to, sum);
            }
        }
    }
}

/// Returns, for each token of the vocabulary, the sum of its rows in `b`, `[tokens, n]`, among these `steps`.
/// The rows start `stride` apart.
pub(crate) fn segment_sums(
    engine: &Engine,
    steps: &[usize],
    tokens: &[u32],
    vocabulary: usize,
    (b, stride): (&[f32], usize),
    n: usize,
) -> Vec<f32> {
    let mut table = vec![0.0; vocabulary * n];
    let mut counts = vec![0; vocabulary];
    for &k in steps {
        counts[tokens[k] as usize] += 1;
    }
    // Each thread owns a range of the table, chosen so that all add about as many rows.
    let threads = engine.share(steps.len()).len();
    let mut seen = 0;
    let mut ranges = vec![0..0; threads];
    for (token, count) in counts.into_iter().enumerate() {
        let thread = (seen * threads / steps.len().max(1)).min(threads - 1);
        if ranges[thread].is_empty() {
            ranges[thread].start = token;
        }
        ranges[thread].end = token + 1;
        seen += count;
    }
    let lengths = ranges.iter().map(|range| range.len() * n);
    let jobs = cut(&mut table, lengths).into_iter().zip(ranges.clone());
    let job = |(sums, range)| SegmentJob {
        sums,
        range,
        steps,
        tokens,
        b,
        stride,
        n,
    };
    engine.each(jobs.map(job).collect());
    table
}

struct SegmentJob<'a> {
    sums: &'a mut [f32],
    range: Range<usize>,
    steps: &'a [usize],
    tokens: &'a [u32],
    b: &'a [f32],
    stride: usize,
    n: usize,
}

impl WithSimd for SegmentJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n = self.n;
        for &k in self.steps {
            let token = self.tokens[k];
            if self.range.contains(&(token as usize)) {
                let row = &self.b[k * self.stride..][..n];
                let to = &mut self.sums[(token as usize - self.range.start) * n..][..n];
                for j in (0..n).step_by(S::F32_LANES) {
                    let sum = simd.add_f32s(load(simd, to, j), load(simd, row, j));
                    store(simd, to, j, sum);
                }
            }
        }
    }
}
