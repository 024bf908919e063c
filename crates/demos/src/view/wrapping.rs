//! Breaks the lines of a text between words, as it comes.

use std::mem;

use console::measure_text_width;

/// A text that is shown as it grows, with lines that break between words.
pub struct Wrapping {
    width: usize,
    /// How wide the line is that has been shown.
    column: usize,
    /// White space after it.
    gap: String,
    /// The start of a word.
    word: String,
}

impl Wrapping {
    /// Creates an empty text with lines of at most `width` columns.
    pub fn new(width: usize) -> Self {
        Wrapping {
            width,
            column: 0,
            gap: String::new(),
            word: String::new(),
        }
    }

    /// Appends `text` and returns what can be shown now: all but the last word.
    pub fn push(&mut self, text: &str) -> String {
        let mut shown = String::new();
        for symbol in text.chars() {
            match symbol {
                '\n' | '\r' => {
                    self.end_word(&mut shown);
                    shown.push(symbol);
                    self.gap.clear();
                    self.column = 0;
                }
                ' ' | '\t' => {
                    self.end_word(&mut shown);
                    self.gap.push(symbol);
                }
                _ => {
                    self.word.push(symbol);
                    // Between the symbols of some scripts there is no space, and each is two columns wide.
                    let is_wide = !symbol.is_ascii() && measure_text_width(&symbol.to_string()) > 1;
                    if is_wide || measure_text_width(&self.word) >= self.width {
                        self.end_word(&mut shown);
                    }
                }
            }
        }
        shown
    }

    /// Returns the last word.
    pub fn finish(mut self) -> String {
        let mut shown = String::new();
        self.end_word(&mut shown);
        shown
    }

    fn end_word(&mut self, shown: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let begin = self.gap.chars().fold(self.column, |column, blank| {
            if blank == '\t' {
                (column / 8 + 1) * 8
            } else {
                column + 1
            }
        });
        let word = measure_text_width(&self.word);
        if begin + word > self.width {
            if self.column > 0 {
                shown.push('\n');
            }
            self.column = word;
        } else {
            shown.push_str(&self.gap);
            self.column = begin + word;
        }
        self.gap.clear();
        shown.push_str(&mem::take(&mut self.word));
    }
}
