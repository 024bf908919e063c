//! The colour and the mark of each network.

use demos::view::{
    palette::{COLOURS, Rgb},
    panels::Mark,
};
use long_memory::NetworkKind;

pub fn colour(kind: NetworkKind) -> Rgb {
    let colour = match kind {
        NetworkKind::FeedForward => 2,
        // The colours of the list of cells, around the feed-forward network's.
        NetworkKind::Recurrent(cell) => match cell as usize {
            cell @ 0..2 => cell,
            cell => 1 + cell,
        },
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
