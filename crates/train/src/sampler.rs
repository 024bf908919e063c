//! Writes text with a trained model: each symbol is drawn from the distribution that the model predicts.

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

impl Sampler {
    /// Creates a sampler that continues `prime`.
    ///
    /// With `documents`, `prime` is the beginning of a document, and a new document follows the end of each.
    /// Without, an empty `prime` counts as a line feed.
    ///
    /// Temperature 1 draws from the model's own distribution; a lower one favours likely symbols, and 0
    /// always takes the likeliest. The same seed gives the same text.
    ///
    /// # Errors
    ///
    /// Returns an error if `prime` has a character that is not in the vocabulary.
    pub fn new<B: Backend, C: Cell<B>>(
        model: &CharLm<B, C>,
        vocab: &Vocab,
        documents: Option<&Separator>,
        prime: &str,
        temperature: f64,
        seed: u64,
    ) -> Result<Self, Error> {
        let unknown = |symbol| Error::UnknownSymbol {
            symbol,
            known: match vocab {
                Vocab::Chars(symbols) => format!("{:?}", symbols.iter().collect::<String>()),
                Vocab::Bytes => unreachable!("bytes are all known"),
            },
        };
        let separator = documents.map_or("", |separator| &separator.0);
        let separator = vocab.encode(separator).map_err(unknown)?;
        let mut tokens = vocab.encode(prime).map_err(unknown)?;
        if tokens.is_empty() && separator.is_empty() {
            tokens = vocab.encode("\n").unwrap_or_else(|_| vec![0]);
        }
        let model = model.stepper(1);
        let mut sampler = Sampler {
            temperature,
            rng: ChaCha8Rng::seed_from_u64(seed),
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
