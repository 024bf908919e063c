//! Finds where the documents of a text begin and end.

use std::{mem, ops::Range};

use memchr::memmem::Finder;

use crate::{
    error::Error,
    text::{Corpus, SymbolCodes},
};

/// The documents of a text in their order, each with its separator.
pub(super) struct DocumentScan<'a> {
    /// `None` if one of its symbols does not occur in the text.
    separator: Option<Finder<'static>>,
    search: CodeSearch<'a>,
    /// The start of the document, in bytes of codes.
    start: u64,
}

impl<'a> DocumentScan<'a> {
    /// Scans from symbol number `start` on.
    pub(super) fn new(corpus: &'a Corpus, separator: &[u32], start: usize) -> Self {
        let width = corpus.codes.width;
        let code = |token| {
            let code = corpus.tokens.iter().position(|found| found == token)?;
            Some(code.to_le_bytes().into_iter().take(width))
        };
        let codes: Option<Vec<_>> = separator.iter().map(code).collect();
        let codes: Vec<u8> = codes.into_iter().flatten().flatten().collect();
        let start = (start * width) as u64;
        DocumentScan {
            separator: (!codes.is_empty()).then(|| Finder::new(&codes).into_owned()),
            search: CodeSearch {
                codes: &corpus.codes,
                length: (corpus.n_symbols() * width) as u64,
                block: Vec::new(),
                place: start,
                next: 0,
            },
            start,
        }
    }
}

impl Iterator for DocumentScan<'_> {
    type Item = Result<Range<usize>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.search.length;
        while self.start < length {
            let found = self.separator.as_ref().map(|end| self.search.end_of(end));
            let end = match found.transpose() {
                Ok(end) => end.flatten(),
                Err(e) => return Some(Err(e)),
            };
            let start = mem::replace(&mut self.start, end.unwrap_or(length));
            // Nothing but a separator is not a document.
            let is_empty = |end: &Finder| self.start - start == end.needle().len() as u64;
            if end.is_some() && self.separator.as_ref().is_some_and(is_empty) {
                continue;
            }
            let end = self.start;
            let width = self.search.codes.width as u64;
            return Some(Ok((start / width) as usize..(end / width) as usize));
        }
        None
    }
}

/// Searches the codes of a text, from one occurrence to the next.
struct CodeSearch<'a> {
    codes: &'a SymbolCodes,
    /// In bytes, as are all positions here.
    length: u64,
    /// The bytes at `place`, searched up to `next`.
    block: Vec<u8>,
    place: u64,
    next: usize,
}

/// Bytes of codes that are read together.
const BLOCK: usize = 1 << 18;

impl CodeSearch<'_> {
    /// Returns where the next occurrence ends; `None` if there is none.
    fn end_of(&mut self, needle: &Finder) -> Result<Option<u64>, Error> {
        let length = needle.needle().len();
        loop {
            match needle.find(&self.block[self.next..]) {
                Some(at) => {
                    let at = self.next + at;
                    // A match may straddle two codes.
                    if (self.place + at as u64).is_multiple_of(self.codes.width as u64) {
                        self.next = at + length;
                        return Ok(Some(self.place + self.next as u64));
                    }
                    self.next = at + 1;
                }
                None if self.read_on(length - 1)? => (),
                None => return Ok(None),
            }
        }
    }

    /// Reads the next block, after up to `kept` bytes of this one, in which an occurrence may begin. Returns
    /// whether there was more to read.
    fn read_on(&mut self, kept: usize) -> Result<bool, Error> {
        let kept = kept.min(self.block.len() - self.next);
        let gone = self.block.len() - kept;
        self.block.drain(..gone);
        (self.place, self.next) = (self.place + gone as u64, 0);
        let from = self.place + kept as u64;
        let n = (self.length - from).min(BLOCK as u64) as usize;
        self.block.resize(kept + n, 0);
        self.codes.read(from, &mut self.block[kept..])?;
        Ok(n > 0)
    }
}
