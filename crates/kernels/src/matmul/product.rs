//! Rows times packed weights: `to = rows·weights + bias`, or added to it.

use pulp::Simd;

use super::{
    pack::Packed,
    panel::{Sums, VECTORS, accumulate, load, store},
    tile::{Tile, for_each_tile},
};

/// At most this many rows go through all panels together, so that they stay in the cache.
const BLOCK: usize = 48;

pub(crate) struct Product<'a> {
    pub weights: &'a Packed,
    /// One number for each column, or empty.
    pub bias: &'a [f32],
    pub rows: &'a [f32],
    /// Distance from the start of one row to the start of the next.
    pub stride: usize,
    pub to: &'a mut [f32],
    /// The same distance for the rows of `to`.
    pub to_stride: usize,
    /// Whether the product is added to what `to` holds.
    pub add: bool,
}

impl Product<'_> {
    /// Multiplies the first `n` rows.
    #[inline(always)]
    pub(crate) fn run<S: Simd>(mut self, simd: S, n: usize) {
        let blocks = n.div_ceil(BLOCK);
        for block in 0..blocks {
            let (first, end) = (n * block / blocks, n * (block + 1) / blocks);
            for panel in 0..self.weights.panels() {
                let product = &mut self;
                for_each_tile(
                    simd,
                    end - first,
                    &mut Panel {
                        product,
                        panel,
                        first,
                    },
                );
            }
        }
    }
}

struct Panel<'a, 'p> {
    product: &'a mut Product<'p>,
    panel: usize,
    first: usize,
}

impl<S: Simd> Tile<S> for Panel<'_, '_> {
    #[inline(always)]
    fn rows<const M: usize>(&mut self, simd: S, first: usize) {
        let first = self.first + first;
        let product = &mut *self.product;
        let n = product.weights.n();
        let column = |v: usize| (self.panel * VECTORS + v) * S::F32_LANES;
        let mut bias: Sums<S> = [simd.splat_f32s(0.0); VECTORS];
        for (v, bias) in bias.iter_mut().enumerate() {
            *bias = load(simd, product.bias, column(v));
        }
        let mut rows: [&[f32]; M] = [&[]; M];
        for (m, row) in rows.iter_mut().enumerate() {
            *row = &product.rows[(first + m) * product.stride..];
        }
        let mut sums = [bias; M];
        if product.add {
            for (m, sums) in sums.iter_mut().enumerate() {
                let to = &product.to[(first + m) * product.to_stride..][..n];
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.add_f32s(*sum, load(simd, to, column(v)));
                }
            }
        }
        let panel = product.weights.panel::<S, VECTORS>(self.panel);
        let sums = accumulate(simd, sums, rows, panel);
        for (m, sums) in sums.into_iter().enumerate() {
            let to = &mut product.to[(first + m) * product.to_stride..][..n];
            for (v, sum) in sums.into_iter().enumerate() {
                store(simd, to, column(v), sum);
            }
        }
    }
}
