//! Writing with a trained model: each symbol is drawn from what the model expects next.

use burn::tensor::backend::Backend;
use models::{CharLm, Stepper};
use rand::{SeedableRng, distr::Distribution, distr::weighted::WeightedIndex};
use rand_chacha::ChaCha8Rng;

use crate::{error::Error, separator::Separator, vocab::Vocab};

/// An endless text: `p(v) ∝ exp(logits[v] / temperature)`.
pub struct Sampler {
    model: Stepper,
    temperature: f64,
    rng: ChaCha8Rng,
    /// What the model expects next.
    logits: Vec<f32>,
    /// What ends a document; nothing in one long text.
    separator: Vec<u32>,
    /// The last symbols of the document, as many as the separator has.
    ending: Vec<u32>,
}

impl Sampler {
    /// A sampler that goes on from `prime`. From nothing it goes on as after a line's end.
    ///
    /// A model of `documents` begins with one, and after each with another.
    ///
    /// Temperature 1 draws from the model's own distribution, less makes it bolder, 0 always takes
    /// the likeliest symbol. The same seed gives the same text.
    ///
    /// # Errors
    ///
    /// Returns an error if `prime` has a character that is not in the vocabulary.
    pub fn new<B: Backend>(
        model: &CharLm<B>,
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

    /// From a state of zeros, after the end of another.
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

/// Tokens as UTF-8 text that can be shown as it grows.
///
/// Characters are whole at once. Bytes of a character not yet complete are held back; what cannot be
/// UTF-8 is replaced by U+FFFD.
pub struct TextStream<'a> {
    vocab: &'a Vocab,
    pending: Vec<u8>,
}

impl<'a> TextStream<'a> {
    /// A stream of the symbols of `vocab`.
    pub fn new(vocab: &'a Vocab) -> Self {
        TextStream {
            vocab,
            pending: Vec::new(),
        }
    }

    /// The text that can be shown once `token` is there.
    pub fn push(&mut self, token: u32) -> String {
        self.vocab.decode(token, &mut self.pending);
        let mut text = String::new();
        loop {
            let (whole, broken) = match std::str::from_utf8(&self.pending) {
                Ok(all) => (all.len(), None),
                Err(e) => (e.valid_up_to(), e.error_len()),
            };
            text.push_str(&String::from_utf8_lossy(&self.pending[..whole]));
            self.pending.drain(..whole + broken.unwrap_or(0));
            match broken {
                Some(_) => text.push(char::REPLACEMENT_CHARACTER),
                None => return text,
            }
        }
    }

    /// What is still held back at the end of the text.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}
