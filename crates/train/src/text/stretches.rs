//! The tokens of some stretches of a text, and of no others.

use std::ops::Range;

use super::{
    ingest::whole_characters,
    read_ahead::BLOCK,
    symbol_codes::{Extent, SymbolCodes},
    token_writer::TokenWriter,
    vocab::Vocab,
    words::Cuts,
};
use crate::error::Error;

/// Where encoding can begin: at a byte that so many tokens precede.
pub(super) struct Mark {
    pub byte: u64,
    pub token: u64,
}

/// Encodes these ranges of tokens of a text in UTF-8.
pub(super) fn encode(
    text: &SymbolCodes,
    n_bytes: u64,
    vocab: &Vocab,
    cuts: &Cuts,
    marks: &[Mark],
    ranges: Vec<Range<usize>>,
) -> Result<SymbolCodes, Error> {
    let mut writer = TokenWriter::new(vocab, cuts.clone());
    let (mut extents, mut n_tokens) = (Vec::new(), 0);
    let mut bytes = Vec::new();
    for range in merged(ranges) {
        extents.push((range.start, n_tokens));
        n_tokens += range.len();
        let mark = marks.partition_point(|mark| mark.token <= range.start as u64) - 1;
        let Mark { byte, token } = marks[mark];
        writer.begin_stretch(range.start - token as usize, range.len());
        let mut from = byte;
        while from < n_bytes && !writer.is_done() {
            bytes.resize((n_bytes - from).min(BLOCK as u64) as usize, 0);
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
    }
    let codes = writer.finish();
    let width = codes.width as u64;
    let extent = |(start, offset): (usize, usize)| Extent {
        start: start as u64 * width,
        store: 0,
        offset: offset as u64 * width,
    };
    Ok(SymbolCodes {
        extents: extents.into_iter().map(extent).collect(),
        ..codes
    })
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
