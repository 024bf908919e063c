//! Writes the tokens of a text, in as few bytes as the largest of them needs.

use rayon::prelude::*;

use super::{
    byte_store::ByteStoreWriter,
    symbol_codes::SymbolCodes,
    vocab::{UNKNOWN, Vocab},
    word_coder::WordCoder,
    words::{Cuts, WORKERS, WordParts},
};
use crate::error::Error;

/// The tokens of a text that comes in parts.
pub(crate) struct TokenWriter<'a> {
    coder: Coder<'a>,
    width: usize,
    store: ByteStoreWriter,
    n_tokens: usize,
    /// Of the tokens to come, this many are not kept, and then this many are.
    skipped: usize,
    kept: usize,
}

enum Coder<'a> {
    /// The token of each code point; `u32::MAX` for those without one.
    Chars(Vec<u32>),
    /// One coder for each worker.
    Words(WordParts, Vec<WordCoder<'a>>),
}

impl<'a> TokenWriter<'a> {
    pub fn new(vocab: &'a Vocab, cuts: Cuts) -> Self {
        TokenWriter {
            coder: match vocab {
                Vocab::Chars(symbols) => Coder::Chars(by_code_point(symbols)),
                _ => Coder::Words(WordParts::new(cuts), vec![vocab.coder(); WORKERS]),
            },
            width: match vocab.size() {
                0..=0x100 => 1,
                0x101..=0x1_0000 => 2,
                _ => 4,
            },
            store: ByteStoreWriter::new(),
            n_tokens: 0,
            skipped: 0,
            kept: usize::MAX,
        }
    }

    /// Begins another stretch of a text, of which `n` tokens are kept, from number `from` on.
    pub fn begin_stretch(&mut self, from: usize, n: usize) {
        (self.skipped, self.kept) = (from, n);
    }

    /// Returns whether no token is wanted any more.
    pub fn is_done(&self) -> bool {
        self.kept == 0
    }

    /// Returns how many tokens there were, whether kept or not.
    pub fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// Returns whether all blocks so far have been looked at, but for the beginning of a word.
    pub fn is_up_to_date(&self) -> bool {
        match &self.coder {
            Coder::Chars(_) => true,
            Coder::Words(parts, _) => parts.is_empty(),
        }
    }

    /// Writes the next block. Returns `false` if a character has been found that is not in the vocabulary.
    pub fn push(&mut self, block: &str) -> Result<bool, Error> {
        match &mut self.coder {
            Coder::Chars(known) => {
                let unknown = known.get(UNKNOWN as usize).copied();
                let token = |c| match known.get(c as usize) {
                    Some(&token) if token != u32::MAX => token,
                    _ => unknown.unwrap_or(u32::MAX),
                };
                let tokens: Vec<u32> = block.chars().map(token).collect();
                self.write(&tokens)?;
                Ok(!tokens.contains(&u32::MAX))
            }
            Coder::Words(parts, _) => {
                let parts = parts.push(block);
                self.write_parts(parts)
            }
        }
    }

    fn write_parts(&mut self, parts: Vec<String>) -> Result<bool, Error> {
        let Coder::Words(words, coders) = &mut self.coder else {
            return Ok(true);
        };
        let cuts = words.cuts();
        let coding = coders.par_iter_mut().zip(parts).map(|(coder, part)| {
            let mut tokens = Vec::new();
            let all = coder.encode(&part, cuts, &mut tokens);
            (tokens, all.is_ok())
        });
        let encoded: Vec<_> = coding.collect();
        let mut are_known = true;
        for (tokens, part_is_known) in encoded {
            are_known &= part_is_known;
            self.write(&tokens)?;
        }
        Ok(are_known)
    }

    fn write(&mut self, tokens: &[u32]) -> Result<(), Error> {
        self.n_tokens += tokens.len();
        let (skipped, tokens) = tokens.split_at(self.skipped.min(tokens.len()));
        let tokens = &tokens[..self.kept.min(tokens.len())];
        self.skipped -= skipped.len();
        self.kept -= tokens.len();
        let mut codes = Vec::with_capacity(tokens.len() * self.width);
        for token in tokens {
            codes.extend_from_slice(&token.to_le_bytes()[..self.width]);
        }
        self.store.push(&codes)
    }

    /// Writes what is left at the end of a text or a stretch, if it is wanted. Returns `false` if a character has been
    /// found that is not in the vocabulary.
    pub fn end_stretch(&mut self) -> Result<bool, Error> {
        match &mut self.coder {
            Coder::Chars(_) => Ok(true),
            Coder::Words(parts, _) => {
                let rest = parts.finish();
                if self.is_done() {
                    Ok(true)
                } else {
                    self.write_parts(rest)
                }
            }
        }
    }

    /// Returns the tokens that were kept.
    pub fn finish(self) -> SymbolCodes {
        SymbolCodes::of_store(self.width, self.store.finish())
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
