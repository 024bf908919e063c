//! The colour and the mark of each network.

use demos::view::{
    palette::{COLOURS, Rgb},
    panels::Mark,
};
use long_memory::NetworkKind;

pub fn colour(kind: NetworkKind) -> Rgb {
    let colour = match kind {
        NetworkKind::FeedForward => 2,
        // The list of cells has the colours that neither the feed-forward network nor `gradient` takes.
        NetworkKind::Recurrent(cell) => [0, 1, 3, 4, 6][cell as usize % 5],
    };
    COLOURS[colour % COLOURS.len()].rgb
}

/// Returns the mark of one trained network.
pub fn mark(kind: NetworkKind) -> Mark {
    let marks = [Mark::Triangle, Mark::Dot, Mark::Cross];
    let mark = match kind {
        NetworkKind::FeedForward => 2,
        NetworkKind::Recurrent(cell) => cell as usize % 2,
    };
    marks[mark](colour(kind))
}
