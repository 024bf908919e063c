//! Writes text with a trained model: each symbol is drawn from the distribution that the model predicts.

use std::{borrow::Cow, collections::HashSet};

use burn::tensor::backend::Backend;
use models::{Cell, CharLm, Stepper};
use rand::{SeedableRng, distr::Distribution, distr::weighted::WeightedIndex};
use rand_chacha::ChaCha8Rng;

use crate::{
    error::Error,
    text::{Separator, Vocab},
};

/// An endless stream of tokens: `p(v) ∝ exp(logits[v] / temperature)`.
pub struct Sampler {
    model: Stepper,
    temperature: f64,
    rng: ChaCha8Rng,
    /// What the model predicts for the next symbol.
    logits: Vec<f32>,
    /// What ends a document; empty in one long text.
    separator: Vec<u32>,
    /// The last symbols of the document, at most as many as the separator has.
    ending: Vec<u32>,
}

/// What to write after, and how.
#[derive(Clone, Debug)]
pub struct Sampling<'a> {
    /// What ends a document, if the text consists of documents.
    pub documents: Option<&'a Separator>,
    /// What the model reads first, for a state like those that it has met in training; it is no part of the
    /// text. Symbols that the model does not know are left out.
    pub warm_up: &'a [u8],
    /// The beginning of the text; with `documents`, of a document.
    pub prime: &'a [u8],
    /// Whether symbols of `prime` that the model does not know are left out, instead of an error.
    pub skip_unknown: bool,
    /// 1 draws from the model's own distribution; less favours likely symbols, and 0 always takes the likeliest.
    pub temperature: f64,
    /// Decides what is drawn.
    pub seed: u64,
}

/// One long text from the model's own distribution, after nothing, with seed 1.
impl Default for Sampling<'_> {
    fn default() -> Self {
        Sampling {
            documents: None,
            warm_up: b"",
            prime: b"",
            skip_unknown: false,
            temperature: 1.0,
            seed: 1,
        }
    }
}

impl Sampler {
    /// Creates a sampler of a model's text. The same model and the same `how` give the same text.
    ///
    /// With documents, a new one follows the end of each. Without, nothing to read counts as a line feed.
    ///
    /// # Errors
    ///
    /// Returns an error if `how.prime` is not UTF-8 for a model of characters, or has a character that is not in
    /// its vocabulary.
    pub fn new<B: Backend, C: Cell<B>>(
        model: &CharLm<B, C>,
        vocab: &Vocab,
        how: &Sampling,
    ) -> Result<Self, Error> {
        let separator = how.documents.map_or("", |separator| &separator.0);
        let separator = encode(vocab, separator.as_bytes(), false)?;
        let mut tokens = match separator.is_empty() {
            true => encode(vocab, how.warm_up, true)?,
            false => Vec::new(),
        };
        tokens.extend(encode(vocab, how.prime, how.skip_unknown)?);
        if tokens.is_empty() && separator.is_empty() {
            tokens = vocab.encode("\n").unwrap_or_else(|_| vec![0]);
        }
        let model = model.stepper(1);
        let mut sampler = Sampler {
            temperature: how.temperature,
            rng: ChaCha8Rng::seed_from_u64(how.seed),
            logits: vec![0.0; model.output_len()],
            model,
            ending: Vec::new(),
            separator,
        };
        sampler.begin_document();
        tokens.into_iter().for_each(|token| sampler.read(token));
        Ok(sampler)
    }

    fn read(&mut self, token: u32) {
        self.model.step_tokens(&[token], &mut self.logits);
        self.ending.push(token);
        let extra = self.ending.len().saturating_sub(self.separator.len());
        self.ending.drain(..extra);
        if self.ending == self.separator {
            self.begin_document();
        }
    }

    /// Starts a document from a state of zeros, as if after the end of another.
    fn begin_document(&mut self) {
        if let Some(&last) = self.separator.last() {
            self.ending.clear();
            self.model.reset();
            self.model.step_tokens(&[last], &mut self.logits);
        }
    }

    fn draw(&mut self) -> u32 {
        let (likeliest, max) = self
            .logits
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .expect("a vocabulary has symbols");
        if self.temperature == 0.0 {
            return likeliest as u32;
        }
        let weight = |logit: &f32| (f64::from(logit - max) / self.temperature).exp();
        match WeightedIndex::new(self.logits.iter().map(weight)) {
            Ok(distribution) => distribution.sample(&mut self.rng) as u32,
            // Weights with NaN in them have no distribution.
            Err(_) => likeliest as u32,
        }
    }
}

impl Iterator for Sampler {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let token = self.draw();
        self.read(token);
        Some(token)
    }
}

/// Returns the tokens of a text to read.
fn encode(vocab: &Vocab, text: &[u8], skip_unknown: bool) -> Result<Vec<u32>, Error> {
    if let Vocab::Bytes = vocab {
        return Ok(text.iter().copied().map(u32::from).collect());
    }
    let known = vocab.chars();
    let text = str::from_utf8(text).map_err(|e| Error::PrimeNotUtf8 {
        offset: e.valid_up_to(),
    })?;
    let text: Cow<str> = match skip_unknown {
        true => {
            let known: HashSet<&char> = known.iter().collect();
            text.chars()
                .filter(|symbol| known.contains(symbol))
                .collect()
        }
        false => text.into(),
    };
    vocab.encode(&text).map_err(|symbol| Error::UnknownSymbol {
        symbol,
        known: known.iter().collect(),
    })
}
