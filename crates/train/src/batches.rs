//! A text, cut into what each update learns from: one long text in lanes, or many short documents.

mod batch;
mod config;
pub mod documents;
mod find_documents;
pub mod lanes;

pub use batch::{Batch, Whole};
pub use config::{BatchConfig, Split};
pub use lanes::{needed, needed_to_validate};

use bytemuck::{cast_slice, pod_collect_to_vec};

use self::{documents::Documents, lanes::Lanes};
use crate::{
    error::Error,
    ranks::{Communicator, Share},
    text::{Corpus, Vocab},
};

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

impl<'a> Batches<'a> {
    /// Returns the whole text as one stretch, in windows of `seq_length` steps.
    ///
    /// # Panics
    ///
    /// Panics if the text has fewer than two symbols.
    pub fn in_one_go(corpus: &'a Corpus, seq_length: usize) -> Self {
        let length = corpus.n_symbols().saturating_sub(1);
        assert!(length > 0, "a text of at least two symbols");
        Batches::Lanes {
            lanes: Lanes::new(corpus, vec![0], length),
            seq_length,
        }
    }
}

impl Batches<'_> {
    /// Keeps one rank's share of the rows of each batch: a batch is then a part of the whole one
    /// ([`Batch::part_of`]), and may have no rows.
    pub fn keep(&mut self, share: Share) {
        match self {
            Batches::Lanes { lanes, .. } => lanes.keep(share),
            Batches::Documents(documents) => documents.keep(share),
        }
    }

    /// Returns how many batches an epoch has.
    pub fn n_batches(&self) -> usize {
        match self {
            Batches::Lanes { lanes, seq_length } => lanes.n_batches(*seq_length),
            Batches::Documents(documents) => documents.n_batches(),
        }
    }

    /// Returns how many symbols an epoch predicts, on all ranks.
    pub fn targets(&self) -> usize {
        match self {
            Batches::Lanes { lanes, .. } => lanes.targets(),
            Batches::Documents(documents) => documents.targets(),
        }
    }

    /// Returns how many documents an epoch has; `None` if the text is one long document.
    pub fn n_documents(&self) -> Option<usize> {
        match self {
            Batches::Lanes { .. } => None,
            Batches::Documents(documents) => Some(documents.n_documents()),
        }
    }

    /// Returns how many characters the symbols that an epoch predicts have on average: those of its first thousand
    /// batches, on all ranks. The symbols are words or pieces.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be read.
    pub fn chars_per_symbol(&self, vocab: &Vocab, ranks: &dyn Communicator) -> Result<f64, Error> {
        let mut symbol = Vec::new();
        let mut chars_of = |token| {
            symbol.clear();
            vocab.decode(token, &mut symbol);
            String::from_utf8_lossy(&symbol).chars().count()
        };
        let lengths: Vec<usize> = (0..vocab.size() as u32).map(&mut chars_of).collect();
        let (mut n_chars, mut n_symbols) = (0, 0);
        for index in 0..self.n_batches().min(1000) {
            let batch = self.batch(0, index)?;
            let [rows, time] = batch.shape;
            n_symbols += batch.n_targets();
            let row_lengths = batch.lengths.unwrap_or_else(|| vec![time; rows]);
            for (row, length) in batch.targets.chunks(time.max(1)).zip(row_lengths) {
                n_chars += row[..length]
                    .iter()
                    .map(|&token| lengths[token as usize])
                    .sum::<usize>();
            }
        }
        let counts = [n_chars as u64, n_symbols as u64];
        let counts = ranks.all_gather(cast_slice(&counts));
        let sum_of = |index: usize| -> u64 {
            let of_ranks = counts.iter().map(|counts| pod_collect_to_vec(counts));
            of_ranks.map(|counts: Vec<u64>| counts[index]).sum()
        };
        Ok(sum_of(0) as f64 / sum_of(1) as f64)
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

/// Cuts a corpus into batches to train on and, if a part or another text is held out, batches to validate on.
///
/// # Errors
///
/// Returns an error if a text is too short, or cannot be read.
///
/// # Panics
///
/// Panics on settings that [`BatchConfig::validate`] rejects.
pub fn split<'a>(
    corpus: &'a Corpus,
    config: &BatchConfig,
) -> Result<(Batches<'a>, Option<Batches<'a>>), Error> {
    let Some(held_out) = &corpus.held_out else {
        return split_one(corpus, config);
    };
    let whole = BatchConfig {
        val_frac: 0.0,
        ..config.clone()
    };
    let (train, _) = split_one(corpus, &whole)?;
    let val = match &config.documents {
        Some(separator) => {
            let documents = documents::to_validate(held_out, separator, config)?;
            Batches::Documents(Box::new(documents))
        }
        None if held_out.n_symbols() < 2 => {
            return Err(Error::TooShort {
                name: held_out.name.clone(),
                found: held_out.n_symbols(),
                needed: 2,
                batch_size: 1,
                seq_length: 1,
                val_frac: 0.0,
                that_fit: None,
            });
        }
        None => Batches::Lanes {
            lanes: lanes::to_validate(held_out, 0, config),
            seq_length: config.seq_length,
        },
    };
    Ok((train, Some(val)))
}

fn split_one<'a>(
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
