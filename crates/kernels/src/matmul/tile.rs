//! Tiles: a few rows are multiplied by a panel together, as many as registers can hold the sums of.

use pulp::Simd;

/// Something done to several rows at once: `M` of them, from `first` on.
pub(crate) trait Tile<S: Simd> {
    fn rows<const M: usize>(&mut self, simd: S, first: usize);
}

/// Returns the largest number of rows whose sums fit into registers beside a panel's vectors.
pub(crate) const fn most_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 6 } else { 3 }
}

/// Goes through `0..n` in tiles that are as equal as possible.
#[inline(always)]
pub(crate) fn for_each_tile<S: Simd>(simd: S, n: usize, tile: &mut impl Tile<S>) {
    let tiles = n.div_ceil(most_rows::<S>());
    let mut first = 0;
    for left in (1..=tiles).rev() {
        let rows = (n - first).div_ceil(left);
        match rows {
            1 => tile.rows::<1>(simd, first),
            2 => tile.rows::<2>(simd, first),
            3 => tile.rows::<3>(simd, first),
            4 if most_rows::<S>() > 3 => tile.rows::<4>(simd, first),
            5 if most_rows::<S>() > 3 => tile.rows::<5>(simd, first),
            6 if most_rows::<S>() > 3 => tile.rows::<6>(simd, first),
            _ => unreachable!("a tile has at most `most_rows` rows"),
        }
        first += rows;
    }
}
