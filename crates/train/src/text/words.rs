//! Text as words, or as pieces of words.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut, in bytes: they are no words, and to put them together from pieces would take for ever.
const LONGEST: usize = 64;

/// Cuts a text into words (Unicode Standard Annex 29). Punctuation marks and line ends are words too, and a single
/// space belongs to the word after it, so that the words, one after another, are the text.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut segments = text.split_word_bound_indices().peekable();
    let mut rest = "";
    std::iter::from_fn(move || {
        if rest.is_empty() {
            let (start, segment) = segments.next()?;
            let mut end = start + segment.len();
            let is_word = |next: &&str| !next.starts_with(char::is_whitespace);
            if segment == " "
                && let Some((_, next)) = segments.next_if(|(_, next)| is_word(next))
            {
                end += next.len();
            }
            rest = &text[start..end];
        }
        let (word, after) = rest.split_at(rest.floor_char_boundary(LONGEST));
        rest = after;
        Some(word)
    })
}

/// What no word reaches beyond.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts {
    /// What ends a document, whatever stands beside it.
    pub separator: Option<String>,
}

/// A part of a text without any line end or space that is longer than this is cut at its end.
const LONGEST_PART: usize = 1 << 16;

impl Cuts {
    /// Cuts a text into words, of which none reaches beyond the end of a document.
    fn words<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let documents: Vec<&str> = match &self.separator {
            Some(end) => text.split_inclusive(end.as_str()).collect(),
            None => vec![text],
        };
        let parts = documents.into_iter().flat_map(|document| {
            let end = self.separator.as_deref();
            let body = end.and_then(|end| document.strip_suffix(end));
            let (body, end) = document.split_at(body.unwrap_or(document).len());
            [body, end]
        });
        parts.flat_map(words)
    }

    /// Returns how much of a text is whole words, whatever comes after it.
    fn whole_words(&self, text: &str) -> usize {
        let end = self.separator.as_deref().unwrap_or_default();
        if let (Some(last), false) = (text.rfind(end), end.is_empty()) {
            return last + end.len();
        }
        // What follows may be the beginning of a separator.
        let text = &text[..text.floor_char_boundary(text.len().saturating_sub(end.len()))];
        let lines = text.rfind('\n').map(|end| end + 1);
        let before_spaces = |end: usize| text[..end].trim_end_matches(' ').len();
        match lines.or_else(|| text.rfind(' ').map(before_spaces)) {
            Some(whole) => whole,
            None if text.len() > LONGEST_PART => text.len(),
            None => 0,
        }
    }
}

/// How often each word occurs.
#[derive(Default)]
pub(crate) struct WordCounts {
    cuts: Cuts,
    counts: HashMap<String, u64>,
    /// What may be the beginning of a longer word.
    partial: String,
}

/// As many different words are counted at a time; when there are more, the rarest are forgotten.
const MOST_WORDS: usize = 1 << 20;

impl WordCounts {
    pub fn new(cuts: Cuts) -> Self {
        WordCounts {
            cuts,
            ..Self::default()
        }
    }

    /// Counts the words of the next part of a text.
    pub fn add(&mut self, part: &str) {
        let joined = std::mem::take(&mut self.partial) + part;
        let whole = self.cuts.whole_words(&joined);
        self.count(&joined[..whole]);
        self.partial = joined[whole..].to_owned();
    }

    fn count(&mut self, text: &str) {
        for word in self.cuts.words(text) {
            match self.counts.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(self.counts.insert(word.to_owned(), 1)),
            }
        }
        let mut rare = 1;
        while self.counts.len() > MOST_WORDS {
            self.counts.retain(|_, count| *count > rare);
            rare *= 2;
        }
    }

    /// Returns the words of more than one character, the most frequent first.
    pub fn finish(mut self) -> Vec<(String, u64)> {
        let partial = std::mem::take(&mut self.partial);
        self.count(&partial);
        let mut counts: Vec<_> = self.counts.into_iter().collect();
        counts.retain(|(word, _)| word.chars().nth(1).is_some());
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }
}

/// The tokens of words.
pub(crate) struct WordCoder<'a> {
    cuts: Cuts,
    tokens: HashMap<&'a str, u32>,
    are_pieces: bool,
    /// The tokens of words that were met before.
    known: HashMap<String, Vec<u32>>,
}

/// Words whose tokens are kept.
const KEPT: usize = 1 << 16;

impl<'a> WordCoder<'a> {
    /// Creates the coder of a vocabulary: of words that are spelled by their characters unless they are in it, or
    /// of pieces, which words are put together from.
    pub fn new(symbols: &'a [String], are_pieces: bool, cuts: Cuts) -> Self {
        WordCoder {
            cuts,
            tokens: symbols.iter().map(String::as_str).zip(0..).collect(),
            are_pieces,
            known: HashMap::new(),
        }
    }

    /// Returns how much of a text is whole words, whatever comes after it.
    pub fn whole_words(&self, text: &str) -> usize {
        self.cuts.whole_words(text)
    }

    /// Appends the tokens of a text that begins and ends with whole words. Returns the first character that is
    /// not in the vocabulary, if there is one.
    pub fn encode(&mut self, text: &str, tokens: &mut Vec<u32>) -> Result<(), char> {
        for word in self.cuts.words(text) {
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
