//! Generates text with a model, onto standard output.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anyhow::{Context, Result};
use burn::tensor::backend::Backend;
use models::CharLm;
use train::{Sampler, Sampling, TextStream, Vocab};

/// Writes a text of `length` symbols after `how.prime` to standard output, symbol by symbol, until its end or
/// until nobody reads it any more. A terminal gets no control characters and no bytes that are not text, unless
/// it is to be `raw`, as it always is in a file or a pipe.
pub fn write_text<B: Backend>(
    model: &CharLm<B>,
    vocab: &Vocab,
    how: &Sampling,
    length: usize,
    raw: bool,
) -> Result<()> {
    let sampler = Sampler::new(model, vocab, how)?;
    let mut out = io::stdout().lock();
    let raw = raw || !out.is_terminal();
    let mut write = |text: &[u8]| {
        let written = out.write_all(text).and_then(|()| out.flush());
        match written {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(e) => Err(e).context("standard output"),
            Ok(()) => Ok(true),
        }
    };
    let mut stream = TextStream::new(vocab);
    let mut is_read = write(how.prime)?;
    for token in sampler.take(length) {
        if !is_read {
            return Ok(());
        }
        is_read = match raw {
            true => {
                let mut symbol = Vec::new();
                vocab.decode(token, &mut symbol);
                write(&symbol)?
            }
            false => write(stream.push(token).as_bytes())?,
        };
    }
    write((stream.finish() + "\n").as_bytes()).map(|_| ())
}
