//! How files become a text.

use super::{
    encoding::Encoding,
    separator::Separator,
    vocab::{Units, Vocab},
};

/// How files become a text.
///
/// The default reads them as characters of UTF-8, as one long text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextConfig {
    /// What one symbol is.
    pub units: Units,
    /// The encoding of files without a byte order mark; `None` is UTF-8.
    pub encoding: Option<Encoding>,
    /// Whether `\r\n` and `\r` stay as they are, instead of becoming `\n`. Bytes always stay.
    pub keep_line_ends: bool,
    /// What ends a document. It is added to each file and each record that does not end in it, so that no
    /// document continues into the next.
    pub documents: Option<Separator>,
    /// Which part of each file is text; `None` for all of it.
    pub records: Option<Records>,
    /// How often a symbol must occur to be one of its own. Rarer characters become one, written as
    /// U+FFFD, the replacement character; rarer words are spelled; rarer pieces are not learned.
    pub min_count: usize,
    /// How many words or pieces there are at most, besides the characters.
    pub vocab_size: usize,
    /// The symbols of an earlier text, which keep their tokens. New tokens follow for the characters that are not
    /// among them, unless one symbol stands for all of these; no words and no pieces follow.
    pub known: Option<Vocab>,
}

/// Which part of a file is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// A column of CSV (RFC 4180; tabs instead of commas if the name ends in `.tsv`), by its name in the first
    /// line; or by its number from 1, if the first line has no names.
    Csv(String),
    /// A field of JSON objects, one a line, by its name or as a JSON pointer (RFC 6901).
    Jsonl(String),
}

impl Default for TextConfig {
    fn default() -> Self {
        TextConfig {
            units: Units::Chars,
            encoding: None,
            keep_line_ends: false,
            documents: None,
            records: None,
            min_count: 1,
            vocab_size: 5000,
            known: None,
        }
    }
}

impl From<Units> for TextConfig {
    fn from(units: Units) -> Self {
        TextConfig {
            units,
            ..Self::default()
        }
    }
}

impl TextConfig {
    /// Returns how often a symbol has occurred after it occurred once more, or 1 if it does not matter: the first
    /// pass over a large text takes twice as long if it counts.
    pub(crate) fn next_count(&self, count: u64) -> u64 {
        if self.min_count > 1 { count + 1 } else { 1 }
    }
}
