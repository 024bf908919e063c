//! A text as a list of tokens.

use std::{io::Read, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    checkpoint::hex,
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

/// Which text it is, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextId {
    /// SHA-256 of its bytes, without a byte order mark, as hexadecimal digits.
    pub sha256: String,
    /// How many symbols it has.
    pub symbols: usize,
}

impl Corpus {
    /// Which text it is.
    pub fn id(&self) -> TextId {
        let mut hasher = Sha256::new();
        let mut text = Vec::new();
        for tokens in self.tokens.chunks(1 << 16) {
            text.clear();
            for &token in tokens {
                self.vocab.decode(token, &mut text);
            }
            hasher.update(&text);
        }
        TextId {
            sha256: hex(hasher.finalize().as_slice()),
            symbols: self.tokens.len(),
        }
    }

    /// The same text in the numbers of `known`, whose symbols keep them; symbols that are not in it
    /// follow.
    ///
    /// # Errors
    ///
    /// Where one is of characters and the other of bytes.
    pub fn with_known(mut self, known: &Vocab) -> Result<Self, Error> {
        let Some(vocab) = known.extended(&self.vocab) else {
            let reason = "not of the units of this text".to_owned();
            return Err(Error::Foreign {
                path: "vocab.json".into(),
                reason,
            });
        };
        if let (Vocab::Chars(old), Vocab::Chars(_)) = (&self.vocab, &vocab) {
            let text: String = old.iter().collect();
            let numbers = vocab.encode(&text).expect("all of its symbols");
            for token in &mut self.tokens {
                *token = numbers[*token as usize];
            }
        }
        self.vocab = vocab;
        Ok(self)
    }

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
