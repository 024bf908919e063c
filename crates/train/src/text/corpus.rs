//! A text of any size, as tokens of its vocabulary.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

use super::{files::Skipped, symbol_codes::SymbolCodes, vocab::Vocab};
use crate::error::Error;

/// A text of any size, as tokens of its vocabulary.
///
/// One pass over its files collects the symbols, checks that they are UTF-8 and computes the hash. From then
/// on the text is read by position ([`tokens`](Corpus::tokens)), one batch at a time, so memory does not
/// grow with the text:
///
/// | the text | is read from |
/// |---|---|
/// | bytes, or ASCII characters, in a large file | that file |
/// | the same in small files, compressed files or standard input | memory up to 16 MiB, then a temporary file |
/// | other characters | memory or a temporary file, as numbers of one, two or four bytes |
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
    pub(crate) id: TextId,
    pub(crate) codes: SymbolCodes,
    /// The token of each code; `u32::MAX` for a code that is not in the text.
    pub(crate) tokens: Vec<u32>,
}

/// Identifies a text, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextId {
    /// SHA-256 of its bytes, decompressed and without byte order marks, in hexadecimal digits.
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

    /// Returns the same text with the tokens of `known`; new tokens follow for the symbols that are not in
    /// it.
    ///
    /// # Errors
    ///
    /// Returns an error if one vocabulary consists of characters and the other of bytes.
    pub fn with_known(mut self, known: &Vocab) -> Result<Self, Error> {
        let Some(vocab) = known.extended(&self.vocab) else {
            let reason = "its units differ from the units of this text".to_owned();
            return Err(Error::Foreign {
                path: "vocab.json".into(),
                reason,
            });
        };
        if let Vocab::Chars(old) = &self.vocab {
            let text: String = old.iter().collect();
            let numbers = vocab.encode(&text).expect("all of its symbols");
            let codes = self.tokens.iter_mut().filter(|token| **token != u32::MAX);
            codes.for_each(|token| *token = numbers[*token as usize]);
        }
        self.vocab = vocab;
        Ok(self)
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
