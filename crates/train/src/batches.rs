//! A text, cut into what each update learns from: one long text in lanes, or many short documents.

mod batch;
mod config;
pub mod documents;
mod find_documents;
pub mod lanes;

pub use batch::Batch;
pub use config::{BatchConfig, Split};

use self::{documents::Documents, lanes::Lanes};
use crate::{error::Error, text::Corpus};

/// The batches of a text.
#[derive(Debug)]
pub enum Batches<'a> {
    /// One long text.
    Lanes {
        /// Its stretches that are read side by side.
        lanes: Lanes<'a>,
        /// Steps of a window.
        seq_length: usize,
    },
    /// Many short documents.
    Documents(Box<Documents<'a>>),
}

impl Batches<'_> {
    /// Returns how many batches an epoch has.
    pub fn n_batches(&self) -> usize {
        match self {
            Batches::Lanes { lanes, seq_length } => lanes.n_batches(*seq_length),
            Batches::Documents(documents) => documents.n_batches(),
        }
    }

    /// Returns how many symbols an epoch predicts.
    pub fn targets(&self) -> usize {
        match self {
            Batches::Lanes { lanes, .. } => lanes.targets(),
            Batches::Documents(documents) => documents.targets(),
        }
    }

    /// Returns batch number `index` of an epoch, both counted from 0. Lanes are the same in every epoch.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be read.
    ///
    /// # Panics
    ///
    /// Panics unless `index` is below [`n_batches`](Self::n_batches).
    pub fn batch(&self, epoch: usize, index: usize) -> Result<Batch, Error> {
        match self {
            Batches::Lanes { lanes, seq_length } => lanes.batch(index, *seq_length),
            Batches::Documents(documents) => documents.batch(epoch, index),
        }
    }
}

/// Cuts a corpus into batches to train on and, if a part is held out, batches to validate on.
///
/// # Errors
///
/// Returns an error if the text is too short, or cannot be read.
///
/// # Panics
///
/// Panics on settings that [`BatchConfig::validate`] rejects.
pub fn split<'a>(
    corpus: &'a Corpus,
    config: &BatchConfig,
) -> Result<(Batches<'a>, Option<Batches<'a>>), Error> {
    match &config.documents {
        Some(separator) => {
            let (train, val) = documents::split(corpus, separator, config)?;
            let batches = |documents| Batches::Documents(Box::new(documents));
            Ok((batches(train), val.map(batches)))
        }
        None => {
            let (train, val) = lanes::split(corpus, config)?;
            let seq_length = config.seq_length;
            let batches = |lanes| Batches::Lanes { lanes, seq_length };
            Ok((batches(train), val.map(batches)))
        }
    }
}
