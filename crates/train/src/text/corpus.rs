//! A text of any size, as tokens of its vocabulary.

use std::{fmt, ops::Range, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{byte_store::ByteStore, files::Skipped, symbol_codes::SymbolCodes, vocab::Vocab};
use crate::error::Error;

/// A text of any size, as tokens of its vocabulary.
///
/// One pass over its files decodes them, collects the symbols and computes the hash. From then
/// on the text is read by position ([`tokens`](Corpus::tokens)), one batch at a time, so memory does not
/// grow with the text:
///
/// | the text | is read from |
/// |---|---|
/// | bytes, or ASCII characters, in a large file | that file |
/// | the same in small files, compressed files or standard input | memory up to 16 MiB, then a temporary file |
/// | the same with other encodings or line ends, or in records | likewise, from where it differs from the file on |
/// | other characters, words, pieces | memory or a temporary file, as numbers of one, two or four bytes |
///
/// Files are read, not mapped into memory: reading by position needs no `unsafe`; a file that was truncated
/// is an error, whereas a mapping would end the process by a signal; and the system's page cache keeps what
/// was read in either case. An update reads a few kilobytes.
#[derive(Debug)]
pub struct Corpus {
    /// What messages call it: usually its path.
    pub name: String,
    /// Its symbols.
    pub vocab: Vocab,
    /// What was found in its folders but not read.
    pub skipped: Vec<Skipped>,
    /// What can be read only once, such as standard input: what it was called, and its bytes.
    pub(crate) streams: Vec<(PathBuf, ByteStore)>,
    /// Another text, to validate on instead of a part of this one.
    pub(crate) held_out: Option<Box<Corpus>>,
    pub(crate) id: TextId,
    pub(crate) codes: SymbolCodes,
    /// The token of each code; `u32::MAX` for a code that is not in the text.
    pub(crate) tokens: Vec<u32>,
}

/// Identifies a text, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextId {
    /// SHA-256 of the bytes that it was made from, decompressed and without byte order marks, in hexadecimal
    /// digits.
    pub sha256: String,
    /// How many symbols it has.
    pub symbols: usize,
}

impl fmt::Display for TextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} symbols and SHA-256 {}", self.symbols, self.sha256)
    }
}

impl Corpus {
    /// Returns what identifies the text.
    pub fn id(&self) -> &TextId {
        &self.id
    }

    /// Returns the same text with another one to validate on, instead of a part of this.
    ///
    /// # Panics
    ///
    /// Panics unless `held_out` was read with this text's symbols as [known](crate::TextConfig::known) ones.
    pub fn with_held_out(mut self, held_out: Corpus) -> Self {
        let begins_alike = self.vocab.extended(&held_out.vocab);
        let is_known = begins_alike.is_some_and(|extended| extended == held_out.vocab);
        assert!(is_known, "read with the symbols of the other text");
        self.vocab = held_out.vocab.clone();
        self.held_out = Some(Box::new(held_out));
        self
    }

    /// Returns what identifies the text to validate on, if it is another one.
    pub fn held_out_id(&self) -> Option<&TextId> {
        self.held_out.as_ref().map(|held_out| &held_out.id)
    }

    /// Returns what of the text, and of the one to validate on, can be read only once.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &(PathBuf, ByteStore)> {
        let held_out = self.held_out.iter().flat_map(|held_out| &held_out.streams);
        self.streams.iter().chain(held_out)
    }

    /// Returns the number of symbols.
    pub fn n_symbols(&self) -> usize {
        self.id.symbols
    }

    /// Appends the tokens at these positions. Each is below `vocab.size()`.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or has changed.
    ///
    /// # Panics
    ///
    /// Panics if `range` reaches past the end of the text.
    pub fn tokens(&self, range: Range<usize>, tokens: &mut Vec<u32>) -> Result<(), Error> {
        assert!(range.end <= self.n_symbols(), "past the end of the text");
        self.codes.look_up(range, &self.tokens, tokens)
    }
}
