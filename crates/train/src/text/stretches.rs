//! The tokens of some stretches of a text, and of no others.

use std::ops::Range;

use memchr::memrchr;

use super::{
    ingest::whole_characters,
    read_ahead::BLOCK,
    symbol_codes::{Extent, SymbolCodes},
    token_writer::TokenWriter,
    vocab::Vocab,
    words::Cuts,
};
use crate::error::Error;

/// A byte at which encoding can begin, and how many tokens precede it.
pub(super) struct Mark {
    pub byte: u64,
    pub token: u64,
}

/// Encodes stretches of a text in UTF-8.
pub(super) struct Stretches<'a> {
    text: &'a SymbolCodes,
    n_bytes: u64,
    writer: TokenWriter<'a>,
    /// What is stored, in this order.
    stored: Vec<Range<usize>>,
}

impl<'a> Stretches<'a> {
    pub fn new(text: &'a SymbolCodes, n_bytes: u64, vocab: &'a Vocab, cuts: Cuts) -> Self {
        Stretches {
            text,
            n_bytes,
            writer: TokenWriter::new(vocab, cuts),
            stored: Vec::new(),
        }
    }

    /// Encodes a part that begins and ends with whole lines, before anything else. Returns how many tokens it has, and
    /// marks some lines, as if none were before it.
    pub fn encode_part(&mut self, part: &Range<u64>) -> Result<(usize, Vec<Mark>), Error> {
        let (text, writer) = (self.text, &mut self.writer);
        let (mut marks, mut bytes, mut from) = (Vec::new(), Vec::new(), part.start);
        while from < part.end {
            if writer.is_up_to_date() {
                marks.push(Mark {
                    byte: from,
                    token: writer.n_tokens() as u64,
                });
            }
            bytes.resize((part.end - from).min(BLOCK as u64) as usize, 0);
            text.read(from, &mut bytes)?;
            let is_last = from + bytes.len() as u64 == part.end;
            let lines = match memrchr(b'\n', &bytes) {
                Some(end) if !is_last => &bytes[..=end],
                _ => &bytes[..],
            };
            let lines = str::from_utf8(lines).map_err(|_| text.changed(from))?;
            if !writer.push(lines)? {
                return Err(text.changed(from));
            }
            from += lines.len() as u64;
        }
        if !writer.end_stretch()? {
            return Err(text.changed(part.start));
        }
        Ok((writer.n_tokens(), marks))
    }

    /// Notes that the [part](Self::encode_part) has these tokens.
    pub fn number_part(&mut self, tokens: Range<usize>) {
        self.stored.push(tokens);
    }

    /// Encodes what of these ranges of tokens is not in the part.
    pub fn encode(&mut self, ranges: Vec<Range<usize>>, marks: &[Mark]) -> Result<(), Error> {
        let part = self.stored.first().cloned().unwrap_or_default();
        for range in merged(ranges) {
            let before = range.start..range.end.min(part.start);
            let after = range.start.max(part.end)..range.end;
            for outside in [before, after] {
                if !outside.is_empty() {
                    self.encode_range(outside, marks)?;
                }
            }
        }
        Ok(())
    }

    fn encode_range(&mut self, range: Range<usize>, marks: &[Mark]) -> Result<(), Error> {
        let (text, writer) = (self.text, &mut self.writer);
        let mark = marks.partition_point(|mark| mark.token <= range.start as u64) - 1;
        let Mark { byte, token } = marks[mark];
        writer.begin_stretch(range.start - token as usize, range.len());
        let (mut bytes, mut from) = (Vec::new(), byte);
        while from < self.n_bytes && !writer.is_done() {
            bytes.resize((self.n_bytes - from).min(BLOCK as u64) as usize, 0);
            text.read(from, &mut bytes)?;
            let whole = whole_characters(&bytes);
            if whole.is_empty() || !writer.push(whole)? {
                return Err(text.changed(from));
            }
            from += whole.len() as u64;
        }
        if !writer.end_stretch()? || !writer.is_done() {
            return Err(text.changed(byte));
        }
        self.stored.push(range);
        Ok(())
    }

    /// Returns the tokens by their place in the text.
    pub fn finish(self) -> SymbolCodes {
        let codes = self.writer.finish();
        let width = codes.width as u64;
        let mut offset = 0;
        let extent = |range: Range<usize>| {
            let extent = Extent {
                start: range.start as u64 * width,
                store: 0,
                offset,
            };
            offset += range.len() as u64 * width;
            extent
        };
        let mut extents: Vec<Extent> = self.stored.into_iter().map(extent).collect();
        extents.sort_by_key(|extent| extent.start);
        SymbolCodes { extents, ..codes }
    }
}

/// Returns ranges in their order, those that overlap as one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}
