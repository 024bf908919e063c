//! Text as words, or as pieces of words.

use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut, in bytes: they are no words, and to put them together from pieces would take for ever.
const LONGEST: usize = 64;

/// Calls `each` with each word of a text (Unicode Standard Annex 29). Punctuation marks and line ends are words too,
/// and a single space belongs to the word after it, so that the words, one after another, are the text.
fn each_word<'a>(text: &'a str, mut each: impl FnMut(&'a str)) {
    let mut each = |mut word: &'a str| {
        while word.len() > LONGEST {
            let (first, rest) = word.split_at(word.floor_char_boundary(LONGEST));
            each(first);
            word = rest;
        }
        each(word);
    };
    let mut end = 0;
    // Where a space begins that may belong to the next segment.
    let mut space = None;
    each_segment(text, |segment| {
        let start = end;
        end += segment.len();
        let begin = match space.take() {
            Some(begin) if !segment.starts_with(char::is_whitespace) => begin,
            Some(begin) => {
                each(&text[begin..start]);
                start
            }
            None => start,
        };
        match segment {
            " " => space = Some(begin),
            _ => each(&text[begin..end]),
        }
    });
    if let Some(begin) = space {
        each(&text[begin..]);
    }
}

/// Calls `each` with what lies between one word boundary and the next.
fn each_segment<'a>(text: &'a str, mut each: impl FnMut(&'a str)) {
    // The end of a line is a boundary, so each line can be taken by itself.
    for line in text.split_inclusive('\n') {
        if !line.is_ascii() {
            line.split_word_bounds().for_each(&mut each);
            continue;
        }
        // Several times as fast as for any text.
        let mut end = 0;
        for (start, word) in line.unicode_word_indices() {
            each_run(&line[end..start], &mut each);
            each(word);
            end = start + word.len();
        }
        each_run(&line[end..], &mut each);
    }
}

/// Calls `each` with each segment of an ASCII text that has no letters and digits: single characters, but for runs of
/// spaces, runs of underscores, and `\r\n`.
fn each_run<'a>(text: &'a str, mut each: impl FnMut(&'a str)) {
    let goes_on = |a: &u8, b: &u8| matches!((a, b), (b' ', b' ') | (b'_', b'_') | (b'\r', b'\n'));
    let mut rest = text;
    for run in text.as_bytes().chunk_by(goes_on) {
        let (segment, after) = rest.split_at(run.len());
        each(segment);
        rest = after;
    }
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
    /// Calls `each` with each word of a text, of which none reaches beyond the end of a document.
    pub fn each_word<'a>(&self, text: &'a str, mut each: impl FnMut(&'a str)) {
        let Some(end) = self.separator.as_deref() else {
            return each_word(text, each);
        };
        for document in text.split_inclusive(end) {
            let body = document.strip_suffix(end).unwrap_or(document);
            each_word(body, &mut each);
            each_word(&document[body.len()..], &mut each);
        }
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
        // Before a space that is the first of them.
        let before_space = || {
            let mut ends = text.rmatch_indices(' ').map(|(end, _)| end);
            ends.find(|end| !text[..*end].ends_with(char::is_whitespace))
        };
        match lines.or_else(before_space) {
            Some(whole) => whole,
            None if text.len() > LONGEST_PART => text.len(),
            None => 0,
        }
    }
}

/// How many workers share a text, each with what it remembers of its parts. Their number decides which of the rarest
/// words are forgotten, so it is the same on every machine.
pub(crate) const WORKERS: usize = 4;

/// Cuts a text that comes in blocks into parts of whole words, one for each worker at a time.
pub(crate) struct WordParts {
    cuts: Cuts,
    ready: Vec<String>,
    /// What may be the beginning of a longer word.
    partial: String,
}

impl WordParts {
    pub fn new(cuts: Cuts) -> Self {
        WordParts {
            cuts,
            ready: Vec::new(),
            partial: String::new(),
        }
    }

    pub fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    /// Appends a block. Returns a part for each worker once there are as many; until then, none.
    pub fn push(&mut self, block: &str) -> Vec<String> {
        let mut part = std::mem::take(&mut self.partial) + block;
        self.partial = part.split_off(self.cuts.whole_words(&part));
        self.ready.push(part);
        match self.ready.len() {
            WORKERS => std::mem::take(&mut self.ready),
            _ => Vec::new(),
        }
    }

    /// Returns whether it has no part that waits for others.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Returns what is left at the end of the text, at most a part for each worker.
    pub fn finish(&mut self) -> Vec<String> {
        let mut parts = std::mem::take(&mut self.ready);
        parts.push(std::mem::take(&mut self.partial));
        parts
    }
}
