//! Writes the tokens of a text, in as few bytes as the largest of them needs.

use super::{
    byte_store::ByteStoreWriter,
    symbol_codes::SymbolCodes,
    vocab::{UNKNOWN, Vocab},
    words::{Cuts, WordCoder},
};
use crate::error::Error;

/// The tokens of a text that comes in parts.
pub(crate) struct TokenWriter<'a> {
    coder: Coder<'a>,
    width: usize,
    store: ByteStoreWriter,
    n_tokens: usize,
    /// What may be the beginning of a longer word.
    partial: String,
}

enum Coder<'a> {
    /// The token of each code point; `u32::MAX` for those without one.
    Chars(Vec<u32>),
    Words(WordCoder<'a>),
}

impl<'a> TokenWriter<'a> {
    pub fn new(vocab: &'a Vocab, cuts: Cuts) -> Self {
        TokenWriter {
            coder: match vocab {
                Vocab::Chars(symbols) => Coder::Chars(by_code_point(symbols)),
                _ => Coder::Words(vocab.coder(cuts)),
            },
            width: match vocab.size() {
                0..=0x100 => 1,
                0x101..=0x1_0000 => 2,
                _ => 4,
            },
            store: ByteStoreWriter::new(),
            n_tokens: 0,
            partial: String::new(),
        }
    }

    /// Writes the next part. Returns `false` if it has a character that is not in the vocabulary.
    pub fn push(&mut self, part: &str) -> Result<bool, Error> {
        let mut tokens = Vec::new();
        let are_known = match &mut self.coder {
            Coder::Chars(known) => {
                let unknown = known.get(UNKNOWN as usize).copied();
                let token = |c| match known.get(c as usize) {
                    Some(&token) if token != u32::MAX => token,
                    _ => unknown.unwrap_or(u32::MAX),
                };
                tokens.extend(part.chars().map(token));
                !tokens.contains(&u32::MAX)
            }
            Coder::Words(coder) => {
                let joined = std::mem::take(&mut self.partial) + part;
                let whole = coder.whole_words(&joined);
                self.partial = joined[whole..].to_owned();
                coder.encode(&joined[..whole], &mut tokens).is_ok()
            }
        };
        self.write(&tokens)?;
        Ok(are_known)
    }

    fn write(&mut self, tokens: &[u32]) -> Result<(), Error> {
        let mut codes = Vec::with_capacity(tokens.len() * self.width);
        for token in tokens {
            codes.extend_from_slice(&token.to_le_bytes()[..self.width]);
        }
        self.n_tokens += tokens.len();
        self.store.push(&codes)
    }

    /// Returns the tokens and how many there are; `None` if the last word has a character that is not in the
    /// vocabulary.
    pub fn finish(mut self) -> Result<Option<(SymbolCodes, usize)>, Error> {
        let mut tokens = Vec::new();
        if let Coder::Words(coder) = &mut self.coder
            && coder.encode(&self.partial, &mut tokens).is_err()
        {
            return Ok(None);
        }
        self.write(&tokens)?;
        let codes = SymbolCodes::of_store(self.width, self.store.finish());
        Ok(Some((codes, self.n_tokens)))
    }
}

/// Returns the token of each code point; `u32::MAX` for those without one.
pub(crate) fn by_code_point(symbols: &[char]) -> Vec<u32> {
    let last = symbols.iter().max().map_or(0, |&last| last as usize);
    let mut tokens = vec![u32::MAX; last + 1];
    for (token, &symbol) in (0..).zip(symbols) {
        tokens[symbol as usize] = token;
    }
    tokens
}
