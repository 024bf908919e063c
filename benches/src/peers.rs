//! Who is compared, and how each peer runs a case.

pub mod burn_nn;
pub mod candle;
pub mod ours;

use anyhow::{Result, bail};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_ndarray::NdArray;
use clap::ValueEnum;

use crate::case::Case;

/// Someone to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Peer {
    /// `models` and `train`, on NdArray.
    Ours,
    /// The same, with one thread.
    OursOneThread,
    /// burn-nn on NdArray.
    BurnNdarray,
    /// burn-nn on Flex.
    BurnFlex,
    /// candle-nn.
    Candle,
    /// PyTorch, through `benches/peers.py`.
    Pytorch,
}

/// Runs a case once.
pub type Run = Box<dyn FnMut() -> Result<()>>;

impl Peer {
    /// Every peer.
    pub const ALL: [Peer; 6] = [
        Peer::Ours,
        Peer::OursOneThread,
        Peer::BurnNdarray,
        Peer::BurnFlex,
        Peer::Candle,
        Peer::Pytorch,
    ];

    /// The peers with a column in the table.
    pub const COMPARED: [Peer; 5] = [
        Peer::Ours,
        Peer::BurnNdarray,
        Peer::BurnFlex,
        Peer::Candle,
        Peer::Pytorch,
    ];

    /// The name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Peer::Ours => "ours",
            Peer::OursOneThread => "ours, 1 thread",
            Peer::BurnNdarray => "burn-nn, NdArray",
            Peer::BurnFlex => "burn-nn, Flex",
            Peer::Candle => "candle-nn",
            Peer::Pytorch => "PyTorch",
        }
    }

    /// Prepares to run `case`. `None` if this peer cannot do it.
    ///
    /// # Errors
    ///
    /// Returns an error if the peer fails, and for PyTorch, which is not Rust.
    pub fn prepare(self, case: Case) -> Result<Option<Run>> {
        match self {
            Peer::Ours | Peer::OursOneThread => Ok(ours::prepare(case)),
            Peer::BurnNdarray => Ok(burn_nn::prepare::<Autodiff<NdArray>>(case)),
            Peer::BurnFlex => Ok(burn_nn::prepare::<Autodiff<Flex>>(case)),
            Peer::Candle => candle::prepare(case),
            Peer::Pytorch => bail!("PyTorch is served by peers.py"),
        }
    }
}
