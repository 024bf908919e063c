//! The colour and the mark of each network.

use demos::view::{
    palette::{COLOURS, Rgb},
    panels::Mark,
};
use long_memory::Kind;

pub fn colour(kind: Kind) -> Rgb {
    match kind {
        Kind::Lstm => COLOURS[0].rgb,
        Kind::Rnn => COLOURS[1].rgb,
        Kind::FeedForward => COLOURS[2].rgb,
    }
}

/// Returns the mark of one trained network.
pub fn mark(kind: Kind) -> Mark {
    match kind {
        Kind::Lstm => Mark::Triangle(colour(kind)),
        Kind::Rnn => Mark::Dot(colour(kind)),
        Kind::FeedForward => Mark::Cross(colour(kind)),
    }
}
