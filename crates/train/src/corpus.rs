//! A text of any size in the numbers of its vocabulary.
//!
//! One pass over its files finds the symbols, checks that it is UTF-8 and computes its hash. From then
//! on it is read by place ([`tokens`](Corpus::tokens)), a window at a time, and what is in memory does
//! not grow with it:
//!
//! | the text | is read from |
//! |---|---|
//! | bytes, or characters that are ASCII, in a large file | that file |
//! | the same in small files, compressed, or from standard input | memory up to 16 MiB, then a temporary file |
//! | other characters | the same, as numbers of one, two or four bytes |
//!
//! Files are read, not mapped into memory. A read at a place needs no `unsafe`; a file that became
//! shorter is an error, where a map ends the process by a signal; and what was read is in the system's
//! page cache all the same. An update reads a few kilobytes.

use std::{fmt, ops::Range, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use crate::source::Skipped;
use crate::{
    codes::Codes,
    error::Error,
    pass::Pass,
    separator::Separator,
    source::{self, Reader, Source},
    vocab::{Units, Vocab},
};

/// A text in the numbers of its vocabulary.
#[derive(Debug)]
pub struct Corpus {
    /// What to call it in messages: its path, as a rule.
    pub name: String,
    /// Its symbols.
    pub vocab: Vocab,
    /// What was found in its folders and not read.
    pub skipped: Vec<Skipped>,
    pub(crate) id: TextId,
    pub(crate) codes: Codes,
    /// The token of each code; `u32::MAX` where the text has none of them.
    pub(crate) tokens: Vec<u32>,
}

/// Which text it is, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextId {
    /// SHA-256 of its bytes, decompressed and without byte order marks, as hexadecimal digits.
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
    /// Reads files as one text, one after another: each is a file, `-` for standard input, or a folder
    /// for all files in it and in its folders, sorted by name. What ends in `.gz` or `.zst` is
    /// decompressed. In a folder, what begins with a dot is left out, and where `units` are characters
    /// so is what begins with something else than UTF-8 text.
    ///
    /// A byte order mark at the start of a file of characters is not part of the text; everything
    /// else is, line ends of either kind included. Where there is a `separator`, it is added to each
    /// file that does not end in it, so that no document goes on from one file to the next.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or decompressed, or is not UTF-8 though `units`
    /// are characters; or if the text is empty, or is one symbol over and over.
    pub fn read(
        paths: &[PathBuf],
        units: Units,
        separator: Option<&Separator>,
    ) -> Result<Self, Error> {
        let name = match paths {
            [] => String::new(),
            [path] => path.display().to_string(),
            [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
        };
        let (sources, skipped) = source::list(paths)?;
        let mut pass = Pass::new(units, separator);
        pass.skipped = skipped;
        for source in &sources {
            pass.take(source, Reader::open(&source.path)?)?;
        }
        pass.finish(name)
    }

    /// A text that is in memory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`read`](Self::read).
    pub fn from_bytes(
        name: &str,
        bytes: &[u8],
        units: Units,
        separator: Option<&Separator>,
    ) -> Result<Self, Error> {
        let source = Source {
            path: name.into(),
            is_found: false,
        };
        let mut pass = Pass::new(units, separator);
        pass.take(&source, Reader::Memory(bytes))?;
        pass.finish(name.to_owned())
    }

    /// Which text it is.
    pub fn id(&self) -> &TextId {
        &self.id
    }

    /// The same text in the numbers of `known`, whose symbols keep them; symbols that are not in it
    /// follow.
    ///
    /// # Errors
    ///
    /// Returns an error if one is of characters and the other of bytes.
    pub fn with_known(mut self, known: &Vocab) -> Result<Self, Error> {
        let Some(vocab) = known.extended(&self.vocab) else {
            let reason = "not of the units of this text".to_owned();
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

    /// How many symbols it has.
    pub fn n_symbols(&self) -> usize {
        self.id.symbols
    }

    /// Appends the tokens at these places; each is below `vocab.size()`.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read, or is not as it was.
    pub fn tokens(&self, range: Range<usize>, tokens: &mut Vec<u32>) -> Result<(), Error> {
        assert!(range.end <= self.n_symbols(), "past the end of the text");
        self.codes.look_up(range, &self.tokens, tokens)
    }
}
