//! The symbols that a text is made of, and the number of each.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{word_coder::WordCoder, words::Cuts};
use crate::{
    disk::{Disk, atomic},
    error::{Error, InFile},
};

/// What one symbol of a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// A Unicode scalar value.
    #[default]
    Chars,
    /// A byte, of any file.
    Bytes,
    /// A frequent word, with the space before it. Rare words are spelled, so that nothing is unknown.
    Words,
    /// A frequent part of words (byte-pair encoding: Sennrich et al. 2016), from a single character to a whole
    /// word with the space before it.
    Pieces,
}

impl Units {
    /// All of them.
    pub const ALL: [Self; 4] = [Units::Chars, Units::Bytes, Units::Words, Units::Pieces];

    /// Returns their name in `config.json` and on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Units::Chars => "chars",
            Units::Bytes => "bytes",
            Units::Words => "words",
            Units::Pieces => "pieces",
        }
    }

    /// Returns whether they are words or pieces of words.
    pub(crate) fn are_words(self) -> bool {
        matches!(self, Units::Words | Units::Pieces)
    }
}

/// The symbols that a model knows. A symbol's token is its index in this list.
///
/// The characters of one text are sorted by code point, so the same text gives the same tokens
/// everywhere; characters that another text adds follow. Bytes stand for themselves: all 256, whether a
/// text has them or not.
///
/// Words and pieces begin with the characters, which spell what is not among them. Words follow by how often they
/// occur, and pieces in the order in which they were learned, which is also the order in which they are applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "units", content = "symbols")]
pub enum Vocab {
    /// Distinct characters. U+FFFF, which is none, stands for all others if it is there.
    Chars(Vec<char>),
    /// All bytes.
    Bytes,
    /// Distinct characters and words.
    Words(Vec<String>),
    /// Distinct characters and parts of words.
    Pieces(Vec<String>),
}

/// Stands for characters that are too rare for symbols of their own: Unicode will never give it a meaning. It is
/// written as U+FFFD, the replacement character.
pub(crate) const UNKNOWN: char = '\u{ffff}';

impl Vocab {
    /// Returns the vocabulary of the characters of `text`.
    pub fn of_chars(text: &str) -> Self {
        let symbols: BTreeSet<char> = text.chars().collect();
        Vocab::Chars(symbols.into_iter().collect())
    }

    /// Returns what its symbols are.
    pub fn units(&self) -> Units {
        match self {
            Vocab::Chars(_) => Units::Chars,
            Vocab::Bytes => Units::Bytes,
            Vocab::Words(_) => Units::Words,
            Vocab::Pieces(_) => Units::Pieces,
        }
    }

    /// Returns the number of symbols.
    pub fn size(&self) -> usize {
        match self {
            Vocab::Chars(symbols) => symbols.len(),
            Vocab::Bytes => 256,
            Vocab::Words(symbols) | Vocab::Pieces(symbols) => symbols.len(),
        }
    }

    /// Returns whether one symbol stands for all unknown characters.
    pub fn has_unknown(&self) -> bool {
        matches!(self, Vocab::Chars(symbols) if symbols.contains(&UNKNOWN))
    }

    /// Returns the characters that it knows; none if it consists of bytes.
    pub fn chars(&self) -> Vec<char> {
        match self {
            Vocab::Chars(symbols) => symbols.clone(),
            Vocab::Bytes => Vec::new(),
            Vocab::Words(symbols) | Vocab::Pieces(symbols) => {
                symbols.iter().filter_map(|symbol| only(symbol)).collect()
            }
        }
    }

    /// Returns these symbols with their tokens, followed by the symbols that only `other` has, if they are not
    /// unknown here: of words and pieces, only the characters, so that a text keeps its tokens. `None` if the units
    /// differ.
    pub fn extended(&self, other: &Vocab) -> Option<Vocab> {
        let is_known: HashSet<char> = self.chars().into_iter().collect();
        let mut new = other.chars();
        new.retain(|symbol| !is_known.contains(symbol));
        let with_new = |known: &[String]| {
            let new = new.iter().map(char::to_string);
            known.iter().cloned().chain(new).collect()
        };
        match (self, other) {
            (Vocab::Chars(_), Vocab::Chars(_)) if self.has_unknown() => Some(self.clone()),
            (Vocab::Chars(known), Vocab::Chars(_)) => {
                Some(Vocab::Chars(known.iter().chain(&new).copied().collect()))
            }
            (Vocab::Bytes, Vocab::Bytes) => Some(Vocab::Bytes),
            (Vocab::Words(known), Vocab::Words(_)) => Some(Vocab::Words(with_new(known))),
            (Vocab::Pieces(known), Vocab::Pieces(_)) => Some(Vocab::Pieces(with_new(known))),
            _ => None,
        }
    }

    /// Returns the tokens of `text`, or the first character that is not in the vocabulary.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        match self {
            Vocab::Chars(symbols) => {
                let tokens: HashMap<char, u32> = symbols.iter().copied().zip(0..).collect();
                let token = |c| tokens.get(&c).or(tokens.get(&UNKNOWN)).copied().ok_or(c);
                text.chars().map(token).collect()
            }
            Vocab::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Vocab::Words(_) | Vocab::Pieces(_) => {
                let mut tokens = Vec::new();
                self.coder().encode(text, &Cuts::default(), &mut tokens)?;
                Ok(tokens)
            }
        }
    }

    /// Returns what encodes words or pieces.
    pub(crate) fn coder(&self) -> WordCoder<'_> {
        match self {
            Vocab::Words(symbols) => WordCoder::new(symbols, false),
            Vocab::Pieces(symbols) => WordCoder::new(symbols, true),
            Vocab::Chars(_) | Vocab::Bytes => panic!("neither words nor pieces"),
        }
    }

    /// Appends the symbol of `token`: in UTF-8, or a byte.
    ///
    /// # Panics
    ///
    /// Panics unless `token` is below [`size`](Self::size).
    pub fn decode(&self, token: u32, text: &mut Vec<u8>) {
        match self {
            Vocab::Chars(symbols) => {
                let symbol = match symbols[token as usize] {
                    UNKNOWN => char::REPLACEMENT_CHARACTER,
                    known => known,
                };
                text.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Vocab::Bytes => text.push(u8::try_from(token).expect("a byte's token")),
            Vocab::Words(symbols) | Vocab::Pieces(symbols) => {
                text.extend_from_slice(symbols[token as usize].as_bytes());
            }
        }
    }

    /// Reads the file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or holds anything else.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let json = std::fs::read(path).in_file(path)?;
        let json = str::from_utf8(&json).map_err(|e| Error::foreign(path, e))?;
        Self::from_json(json).map_err(|e| Error::foreign(path, e))
    }

    /// Returns the vocabulary in the content of such a file, or what is wrong with it.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let vocab: Self = serde_json::from_str(json).map_err(|e| e.to_string())?;
        vocab.check().map(|()| vocab)
    }

    /// Checks that there are symbols and that they are distinct.
    pub(crate) fn check(&self) -> Result<(), String> {
        let symbols: Vec<String> = match self {
            Vocab::Bytes => return Ok(()),
            Vocab::Chars(symbols) => symbols.iter().map(char::to_string).collect(),
            Vocab::Words(symbols) | Vocab::Pieces(symbols) => symbols.clone(),
        };
        let mut seen = HashSet::new();
        match symbols.iter().find(|symbol| !seen.insert(*symbol)) {
            Some(twice) => Err(format!("it has the symbol {twice:?} twice")),
            None if symbols.is_empty() => Err("it has no symbols".to_owned()),
            None if symbols.iter().any(String::is_empty) => Err("a symbol is empty".to_owned()),
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

/// Returns the only character of a symbol, if it is one.
fn only(symbol: &str) -> Option<char> {
    let mut symbols = symbol.chars();
    symbols.next().filter(|_| symbols.next().is_none())
}
