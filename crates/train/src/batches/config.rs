//! How a text is cut into batches.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, check, check_count},
    text::Separator,
};

/// Which part of a text is held out for validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The end of the text, or the last documents.
    #[default]
    Tail,
    /// The last windows of every lane, as char-rnn does. Only one long text has lanes.
    Lanes,
    /// Documents from all over the text, one out of as many as the share says, at random.
    Random,
}

/// How a text is cut into batches.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchConfig {
    /// Lanes or documents read side by side.
    pub batch_size: usize,
    /// Steps of a window: how far back gradients reach (truncated BPTT).
    pub seq_length: usize,
    /// The share of the text that is held out for validation, from 0 to below 1.
    pub val_frac: f64,
    /// Which part that is.
    pub split: Split,
    /// What ends each of many independent documents; `None` if the text is one long document.
    pub documents: Option<Separator>,
    /// Decides the order of documents, and which of them are held out at random.
    pub seed: u64,
}

impl BatchConfig {
    /// Checks that each setting is in its range.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that is not.
    pub fn validate(&self) -> Result<(), Error> {
        check_count("seq_length", self.seq_length, 1)?;
        check_count("batch_size", self.batch_size, 1)?;
        if let Some(separator) = &self.documents {
            let reason = "a separator has at least one character";
            check(!separator.0.is_empty(), "documents", separator, reason)?;
            let reason =
                "documents have no lanes; hold them out at random, or the last ones (tail)";
            check(self.split != Split::Lanes, "split", "lanes", reason)?;
        } else {
            let reason = "only documents are held out at random; hold out lane ends or the tail";
            check(self.split != Split::Random, "split", "random", reason)?;
        }
        let reason = "must be at least 0 and below 1";
        check(
            (0.0..1.0).contains(&self.val_frac),
            "val_frac",
            self.val_frac,
            reason,
        )
    }
}

/// Returns the least length above `low`, which does not fit, that fits.
pub(crate) fn shortest_that_fits(mut low: usize, fits: impl Fn(usize) -> bool) -> usize {
    let mut high = low.max(1);
    while !fits(high) {
        low = high;
        high = high.saturating_mul(2);
        if low == high {
            return high;
        }
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            high = middle
        } else {
            low = middle
        }
    }
    high
}
