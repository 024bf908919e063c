//! The symbols that a text is made of, and the number of each.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    disk::{Disk, atomic},
    error::{Error, InFile},
};

/// What one symbol of a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// A Unicode scalar value of UTF-8 text.
    #[default]
    Chars,
    /// A byte, of any file.
    Bytes,
}

/// The symbols that a model knows. A symbol's token is its index in this list.
///
/// The characters of one text are sorted by code point, so the same text gives the same tokens
/// everywhere; characters that another text adds follow. Bytes stand for themselves: all 256, whether a
/// text has them or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "units", content = "symbols")]
pub enum Vocab {
    /// Distinct characters.
    Chars(Vec<char>),
    /// All bytes.
    Bytes,
}

impl Vocab {
    /// Returns the vocabulary of the characters of `text`.
    pub fn of_chars(text: &str) -> Self {
        let symbols: BTreeSet<char> = text.chars().collect();
        Vocab::Chars(symbols.into_iter().collect())
    }

    /// Returns the number of symbols.
    pub fn size(&self) -> usize {
        match self {
            Vocab::Chars(symbols) => symbols.len(),
            Vocab::Bytes => 256,
        }
    }

    /// Returns these symbols with their tokens, followed by the symbols that only `other` has. `None` if
    /// one vocabulary consists of characters and the other of bytes.
    pub fn extended(&self, other: &Vocab) -> Option<Vocab> {
        match (self, other) {
            (Vocab::Chars(known), Vocab::Chars(other)) => {
                let is_known: HashSet<&char> = known.iter().collect();
                let new = other.iter().filter(|symbol| !is_known.contains(symbol));
                Some(Vocab::Chars(known.iter().chain(new).copied().collect()))
            }
            (Vocab::Bytes, Vocab::Bytes) => Some(Vocab::Bytes),
            _ => None,
        }
    }

    /// Returns the tokens of `text`, or the first character that is not in the vocabulary.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        match self {
            Vocab::Chars(symbols) => {
                let tokens: HashMap<char, u32> = symbols.iter().copied().zip(0..).collect();
                let token = |c| tokens.get(&c).copied().ok_or(c);
                text.chars().map(token).collect()
            }
            Vocab::Bytes => Ok(text.bytes().map(u32::from).collect()),
        }
    }

    /// Appends the symbol of `token`: a character in UTF-8, or a byte.
    ///
    /// # Panics
    ///
    /// Panics unless `token` is below [`size`](Self::size).
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
    /// Returns an error if the file cannot be read or holds anything else.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let json = std::fs::read(path).in_file(path)?;
        let vocab: Self = serde_json::from_slice(&json).map_err(|e| Error::foreign(path, e))?;
        vocab.check().map_err(|e| Error::foreign(path, e))?;
        Ok(vocab)
    }

    /// Checks that there are symbols and that they are distinct.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Vocab::Chars(symbols) = self else {
            return Ok(());
        };
        let mut seen = HashSet::new();
        match symbols.iter().find(|symbol| !seen.insert(**symbol)) {
            Some(twice) => Err(format!("it has the character {twice:?} twice")),
            None if symbols.is_empty() => Err("it has no characters".to_owned()),
            None => Ok(()),
        }
    }

    /// Writes the vocabulary as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        atomic::write_file(&Disk, path, &self.to_json())
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a vocabulary is plain data")
    }
}
