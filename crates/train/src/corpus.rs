//! A text as a list of tokens.

use std::{io::Read, path::Path};

use crate::{
    error::{Error, InFile},
    vocab::{Units, Vocab},
};

/// A text in the numbers of its vocabulary.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// What to call it in messages: its path, as a rule.
    pub name: String,
    /// Its symbols.
    pub vocab: Vocab,
    /// The text: each token is below `vocab.size()`.
    pub tokens: Vec<u32>,
}

impl Corpus {
    /// Reads a text file, or standard input where `path` is `-`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, and as [`from_bytes`](Self::from_bytes) has it.
    pub fn read(path: &Path, units: Units) -> Result<Self, Error> {
        let bytes = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(path)
        };
        let name = path.display().to_string();
        Self::from_bytes(&name, &bytes.in_file(path)?, units)
    }

    /// A text that is in memory. A byte order mark at the start of UTF-8 text is not part of it;
    /// everything else is, line ends of either kind included.
    ///
    /// # Errors
    ///
    /// Where the text is empty, is one symbol over and over, or is not UTF-8 though `units` are
    /// characters.
    pub fn from_bytes(name: &str, bytes: &[u8], units: Units) -> Result<Self, Error> {
        let name = name.to_owned();
        let (vocab, tokens) = match units {
            Units::Bytes => (Vocab::Bytes, bytes.iter().map(|&b| b.into()).collect()),
            Units::Chars => {
                let text = std::str::from_utf8(bytes).map_err(|e| Error::NotUtf8 {
                    name: name.clone(),
                    offset: e.valid_up_to(),
                    problem: match e.error_len() {
                        Some(_) => format!("invalid byte 0x{:02x}", bytes[e.valid_up_to()]),
                        None => "the text ends within a character that begins".to_owned(),
                    },
                })?;
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let vocab = Vocab::of_chars(text);
                let tokens = vocab.encode(text).expect("its own characters");
                (vocab, tokens)
            }
        };
        let Some(&first) = tokens.first() else {
            return Err(Error::Empty { name });
        };
        if tokens.iter().all(|&token| token == first) {
            let mut symbol = Vec::new();
            vocab.decode(first, &mut symbol);
            let symbol = String::from_utf8_lossy(&symbol).into_owned();
            return Err(Error::OneSymbol { name, symbol });
        }
        Ok(Corpus {
            name,
            vocab,
            tokens,
        })
    }
}
