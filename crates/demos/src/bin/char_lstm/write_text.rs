//! Generates text with a model, onto standard output.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use burn::tensor::backend::Backend;
use demos::{
    exit::unless_nobody_reads,
    view::{self, Wrapping},
};
use models::CharLm;
use train::{Sampler, Sampling, TextStream, Vocab};

/// Writes a text of `length` symbols after `how.prime` to standard output, until its end or until nobody reads
/// it any more. A file or a pipe gets its bytes, symbol by symbol, and so does a terminal if it is to be `raw`.
/// Otherwise a terminal gets no control characters, no bytes that are not text, and lines that break between
/// words.
pub fn write_text<B: Backend>(
    model: &CharLm<B>,
    vocab: &Vocab,
    how: &Sampling,
    length: usize,
    raw: bool,
) -> Result<()> {
    let sampler = Sampler::new(model, vocab, how)?;
    let mut out = io::stdout().lock();
    let mut screen = (!raw && out.is_terminal()).then(|| Screen::new(vocab));
    let mut write = |bytes: &[u8], screen: &mut Option<Screen>| {
        match screen {
            Some(screen) => out.write_all(screen.push(bytes).as_bytes()),
            None => out.write_all(bytes),
        }
        .and_then(|()| out.flush())
    };
    let write_all = || {
        write(how.prime, &mut screen)?;
        let mut symbol = Vec::new();
        for token in sampler.take(length) {
            symbol.clear();
            vocab.decode(token, &mut symbol);
            write(&symbol, &mut screen)?;
        }
        let end = screen.take().map(Screen::finish).unwrap_or_default();
        write((end + "\n").as_bytes(), &mut None)
    };
    unless_nobody_reads(write_all())
}

/// A text on a terminal.
struct Screen<'a> {
    text: TextStream<'a>,
    lines: Wrapping,
}

impl<'a> Screen<'a> {
    fn new(vocab: &'a Vocab) -> Self {
        Screen {
            text: TextStream::new(vocab),
            lines: Wrapping::new(view::width()),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> String {
        self.lines.push(&self.text.push_bytes(bytes))
    }

    fn finish(mut self) -> String {
        let rest = self.lines.push(&self.text.finish());
        rest + &self.lines.finish()
    }
}
