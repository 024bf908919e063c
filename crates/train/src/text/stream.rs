//! Tokens back to text.

use std::fmt::Write;

use super::vocab::{Units, Vocab};

/// Tokens as text that can be shown as it grows.
///
/// A character is complete at once. Bytes are held back until their character is complete. What cannot be shown
/// is escaped: bytes that are not UTF-8 as `\xe9`, control characters as `\u{1b}`. U+0000, which ends documents
/// that are files, becomes a line feed.
pub struct TextStream<'a> {
    vocab: &'a Vocab,
    pending: Vec<u8>,
}

impl<'a> TextStream<'a> {
    /// Creates an empty stream of symbols of `vocab`.
    pub fn new(vocab: &'a Vocab) -> Self {
        TextStream {
            vocab,
            pending: Vec::new(),
        }
    }

    /// Appends `token` and returns the text that can be shown now.
    pub fn push(&mut self, token: u32) -> String {
        self.vocab.decode(token, &mut self.pending);
        self.whole()
    }

    /// Appends a text and returns what of it can be shown now.
    pub fn push_bytes(&mut self, text: &[u8]) -> String {
        self.pending.extend_from_slice(text);
        self.whole()
    }

    /// Returns what is pending, as far as it can be shown.
    fn whole(&mut self) -> String {
        let mut text = String::new();
        loop {
            let (whole, broken) = match str::from_utf8(&self.pending) {
                Ok(all) => (all.len(), None),
                Err(e) => (e.valid_up_to(), e.error_len()),
            };
            for symbol in String::from_utf8_lossy(&self.pending[..whole]).chars() {
                match symbol {
                    '\n' | '\r' | '\t' => text.push(symbol),
                    // The end of a document that is a file or a record.
                    '\0' if self.vocab.units() != Units::Bytes => text.push('\n'),
                    _ if symbol.is_control() => text.extend(symbol.escape_unicode()),
                    _ => text.push(symbol),
                }
            }
            self.pending.drain(..whole);
            match broken {
                Some(broken) => escape(&mut text, self.pending.drain(..broken)),
                None => return text,
            }
        }
    }

    /// Returns what is still held back at the end of the text.
    pub fn finish(self) -> String {
        let mut text = String::new();
        escape(&mut text, self.pending);
        text
    }
}

fn escape(text: &mut String, bytes: impl IntoIterator<Item = u8>) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("a string takes all");
    }
}
