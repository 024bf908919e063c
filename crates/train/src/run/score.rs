//! How well a trained model predicts a text.

use burn::tensor::backend::Backend;
use models::{Cell, CharLm};

use crate::{
    batches::{BatchConfig, Batches, Split, split},
    error::Error,
    learn::tbptt::evaluate,
    ranks::Alone,
    text::{Corpus, Separator, Vocab},
};

/// Symbols that the model reads at a time; its state goes on from one to the next.
const WINDOW: usize = 1000;

/// How well a model predicts a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The mean cross-entropy of a symbol, in nats.
    pub nats: f64,
    /// Characters that a symbol has, on average.
    pub chars_per_symbol: f64,
    /// The symbols that were predicted: all but the first, or all of all documents.
    pub symbols: usize,
}

/// Returns how well a model predicts a text, read in one go from a state of zeros, or document by document. The
/// symbols of `corpus` are those of `vocab`, the model's ([`TextConfig::known`](crate::TextConfig::known)).
///
/// # Errors
///
/// Returns an error if the text has characters that the model does not know, is too short, or cannot be read.
pub fn score<B: Backend, C: Cell<B>>(
    model: &CharLm<B, C>,
    vocab: &Vocab,
    corpus: &Corpus,
    documents: Option<&Separator>,
    device: &B::Device,
) -> Result<Score, Error> {
    let text = || corpus.name.clone();
    if corpus.vocab.size() > vocab.size() {
        let known = vocab.chars().len();
        return Err(Error::UnknownSymbols {
            text: text(),
            symbols: corpus.vocab.chars().into_iter().skip(known).collect(),
        });
    }
    if corpus.n_symbols() < 2 {
        return Err(Error::NothingToPredict { text: text() });
    }
    let batches = match documents {
        None => Batches::in_one_go(corpus, WINDOW),
        Some(_) => {
            let config = BatchConfig {
                batch_size: 1,
                seq_length: WINDOW,
                val_frac: 0.0,
                split: Split::Tail,
                documents: documents.cloned(),
                seed: 1,
            };
            match split(corpus, &config) {
                // A single document is a text.
                Err(Error::FewDocuments { .. }) => Batches::in_one_go(corpus, WINDOW),
                batches => batches?.0,
            }
        }
    };
    let nats = evaluate(model, &batches, device)?;
    Ok(Score {
        nats,
        chars_per_symbol: batches.chars_per_symbol(vocab, &Alone)?,
        symbols: batches.targets(),
    })
}
