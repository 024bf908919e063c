//! Products of matrices, designed for recurrent networks: few rows, weights packed once and used at every
//! step, and sums that stay in registers until the gates are computed.

mod pack;
mod panel;
mod product;
mod tile;
mod weight_gradient;

pub(crate) use pack::{Columns, Packed};
pub(crate) use panel::{Sums, VECTORS, accumulate, load, store};
pub(crate) use product::Product;
pub(crate) use tile::{Tile, for_each_tile};
pub(crate) use weight_gradient::{Rows, outer_sums, segment_sums};
