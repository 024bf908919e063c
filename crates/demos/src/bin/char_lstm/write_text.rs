//! Generates text with a model, onto standard output.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};
use burn::tensor::backend::Backend;
use models::CharLm;
use train::{Sampler, Separator, TextStream, Vocab};

/// The text to generate.
pub struct Text<'a> {
    pub documents: Option<&'a Separator>,
    pub prime: &'a str,
    pub length: usize,
    pub temperature: f64,
    pub seed: u64,
}

impl Text<'_> {
    /// Writes the text to standard output, symbol by symbol, until its end or until nobody reads it any
    /// more.
    pub fn write<B: Backend>(&self, model: &CharLm<B>, vocab: &Vocab) -> Result<()> {
        let sampler = Sampler::new(
            model,
            vocab,
            self.documents,
            self.prime,
            self.temperature,
            self.seed,
        )?;
        let mut stream = TextStream::new(vocab);
        let mut out = io::stdout().lock();
        let mut write = |text: &str| {
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            match written {
                Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
                Err(e) => Err(e).context("standard output"),
                Ok(()) => Ok(true),
            }
        };
        let mut is_read = write(self.prime)?;
        for token in sampler.take(self.length) {
            if !is_read {
                return Ok(());
            }
            is_read = write(&stream.push(token))?;
        }
        write(&(stream.finish() + "\n")).map(|_| ())
    }
}
