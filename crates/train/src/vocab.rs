//! Which symbols a text is made of, and the number of each.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};

use crate::error::{Error, InFile};

/// What one symbol of a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// A Unicode scalar value of UTF-8 text.
    #[default]
    Chars,
    /// A byte, of any file at all.
    Bytes,
}

/// The symbols that a model knows. A symbol's token is its place in this list.
///
/// Characters stand in the order of their code points, so the same text gives the same tokens
/// everywhere. Bytes stand for themselves: all 256, whether a text has them or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "units", content = "symbols")]
pub enum Vocab {
    /// Distinct characters, ascending.
    Chars(Vec<char>),
    /// All bytes.
    Bytes,
}

impl Vocab {
    /// The characters of `text`.
    pub fn of_chars(text: &str) -> Self {
        let symbols: BTreeSet<char> = text.chars().collect();
        Vocab::Chars(symbols.into_iter().collect())
    }

    /// How many symbols there are.
    pub fn size(&self) -> usize {
        match self {
            Vocab::Chars(symbols) => symbols.len(),
            Vocab::Bytes => 256,
        }
    }

    /// The tokens of `text`, or the first character that the model never saw.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        match self {
            Vocab::Chars(symbols) => {
                let token = |c| symbols.binary_search(&c).map(|i| i as u32).map_err(|_| c);
                text.chars().map(token).collect()
            }
            Vocab::Bytes => Ok(text.bytes().map(u32::from).collect()),
        }
    }

    /// Appends what `token` stands for: a character in UTF-8, or a byte.
    ///
    /// # Panics
    ///
    /// Where `token` is not below [`size`](Self::size).
    pub fn decode(&self, token: u32, text: &mut Vec<u8>) {
        match self {
            Vocab::Chars(symbols) => {
                let symbol = symbols[token as usize];
                text.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Vocab::Bytes => text.push(u8::try_from(token).expect("a byte's token")),
        }
    }

    /// Reads the file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or holds anything else.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let json = std::fs::read(path).in_file(path)?;
        let vocab = serde_json::from_slice(&json).map_err(|e| Error::foreign(path, e))?;
        if let Vocab::Chars(symbols) = &vocab {
            if !symbols.is_sorted_by(|a, b| a < b) {
                return Err(Error::foreign(
                    path,
                    "its characters are not in ascending order",
                ));
            }
            if symbols.is_empty() {
                return Err(Error::foreign(path, "it has no characters"));
            }
        }
        Ok(vocab)
    }

    /// Writes the vocabulary as JSON.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(self).expect("a vocabulary is plain data");
        std::fs::write(path, json).in_file(path)
    }
}
