//! The tokens of words, and of pieces of words.

use std::sync::Arc;

use hashbrown::HashMap;

use super::words::Cuts;

/// The tokens of words. Clones share the vocabulary.
#[derive(Clone)]
pub(crate) struct WordCoder<'a> {
    tokens: Arc<HashMap<&'a str, u32>>,
    are_pieces: bool,
    /// The tokens of words that were met before.
    known: HashMap<String, Vec<u32>>,
}

/// Words whose tokens are kept.
const KEPT: usize = 1 << 16;

impl<'a> WordCoder<'a> {
    /// Creates the coder of a vocabulary: of words that are spelled by their characters unless they are in it, or
    /// of pieces, which words are put together from.
    pub fn new(symbols: &'a [String], are_pieces: bool) -> Self {
        WordCoder {
            tokens: Arc::new(symbols.iter().map(String::as_str).zip(0..).collect()),
            are_pieces,
            known: HashMap::new(),
        }
    }

    /// Appends the tokens of a text that begins and ends with whole words. Returns the first character that is
    /// not in the vocabulary, if there is one.
    pub fn encode(&mut self, text: &str, cuts: &Cuts, tokens: &mut Vec<u32>) -> Result<(), char> {
        let mut all = Ok(());
        cuts.each_word(text, |word| {
            if all.is_ok() {
                all = self.encode_word(word, tokens);
            }
        });
        all
    }

    fn encode_word(&mut self, word: &str, tokens: &mut Vec<u32>) -> Result<(), char> {
        if let Some(&token) = self.tokens.get(word) {
            tokens.push(token);
        } else if let Some(found) = self.known.get(word) {
            tokens.extend_from_slice(found);
        } else {
            let found = match self.are_pieces {
                true => self.merge(word)?,
                false => self.spell(word)?,
            };
            tokens.extend_from_slice(&found);
            if self.known.len() < KEPT {
                self.known.insert(word.to_owned(), found);
            }
        }
        Ok(())
    }

    fn spell(&self, word: &str) -> Result<Vec<u32>, char> {
        let mut buffer = [0; 4];
        let mut token = |c: char| {
            self.tokens
                .get(&*c.encode_utf8(&mut buffer))
                .copied()
                .ok_or(c)
        };
        word.chars().map(&mut token).collect()
    }

    /// Puts a word together from its characters: of all neighbours that make a piece, those whose piece was
    /// learned first become it, until none are left (Sennrich 2016).
    fn merge(&self, word: &str) -> Result<Vec<u32>, char> {
        let mut tokens = self.spell(word)?;
        // Where each piece begins, and the end of the word.
        let mut bounds: Vec<usize> = word.char_indices().map(|(place, _)| place).collect();
        bounds.push(word.len());
        loop {
            let pair = |i: usize| self.tokens.get(&word[bounds[i]..bounds[i + 2]]);
            let pairs = (0..tokens.len() - 1).filter_map(|i| Some((*pair(i)?, i)));
            let Some((token, first)) = pairs.min() else {
                return Ok(tokens);
            };
            tokens[first] = token;
            tokens.remove(first + 1);
            bounds.remove(first + 1);
        }
    }
}
