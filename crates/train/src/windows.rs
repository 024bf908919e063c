//! What a run learns from or is validated on: one long text in lanes, or many short ones.

use crate::{
    config::RunConfig,
    corpus::Corpus,
    documents::{self, Documents},
    error::Error,
    lanes::{self, Lanes, Window},
};

/// A text as windows.
#[derive(Debug)]
pub enum Windows<'a> {
    /// One long text.
    Lanes {
        /// Read side by side.
        lanes: Lanes<'a>,
        /// Steps of a window.
        seq_length: usize,
    },
    /// Many short ones.
    Documents(Box<Documents<'a>>),
}

impl Windows<'_> {
    /// How many windows an epoch has.
    pub fn n_windows(&self) -> usize {
        match self {
            Windows::Lanes { lanes, seq_length } => lanes.n_windows(*seq_length),
            Windows::Documents(documents) => documents.n_windows(),
        }
    }

    /// How many symbols an epoch predicts.
    pub fn targets(&self) -> usize {
        match self {
            Windows::Lanes { lanes, .. } => lanes.targets(),
            Windows::Documents(documents) => documents.targets(),
        }
    }

    /// Window number `index` of an epoch, both counted from 0. Lanes are the same in each.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be read.
    ///
    /// # Panics
    ///
    /// Panics if `index` is not below [`n_windows`](Self::n_windows).
    pub fn window(&self, epoch: usize, index: usize) -> Result<Window, Error> {
        match self {
            Windows::Lanes { lanes, seq_length } => lanes.window(index, *seq_length),
            Windows::Documents(documents) => documents.window(epoch, index),
        }
    }
}

/// Cuts a corpus into windows to train on and, where a part is held out, windows to validate on.
///
/// # Errors
///
/// Returns an error if the text is too short, or cannot be read.
///
/// # Panics
///
/// Panics on settings that [`RunConfig::validate`] refuses.
pub fn split<'a>(
    corpus: &'a Corpus,
    config: &RunConfig,
) -> Result<(Windows<'a>, Option<Windows<'a>>), Error> {
    match &config.documents {
        Some(separator) => {
            let (train, val) = documents::split(corpus, separator, config)?;
            let windows = |documents| Windows::Documents(Box::new(documents));
            Ok((windows(train), val.map(windows)))
        }
        None => {
            let (train, val) = lanes::split(corpus, config)?;
            let seq_length = config.seq_length;
            let windows = |lanes| Windows::Lanes { lanes, seq_length };
            Ok((windows(train), val.map(windows)))
        }
    }
}
