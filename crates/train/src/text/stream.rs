//! Tokens back to text.

use super::vocab::Vocab;

/// Tokens as UTF-8 text that can be shown as it grows.
///
/// A character is complete at once. Bytes are held back until their character is complete; bytes that
/// cannot be UTF-8 are replaced by U+FFFD.
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
        let mut text = String::new();
        loop {
            let (whole, broken) = match std::str::from_utf8(&self.pending) {
                Ok(all) => (all.len(), None),
                Err(e) => (e.valid_up_to(), e.error_len()),
            };
            text.push_str(&String::from_utf8_lossy(&self.pending[..whole]));
            self.pending.drain(..whole + broken.unwrap_or(0));
            match broken {
                Some(_) => text.push(char::REPLACEMENT_CHARACTER),
                None => return text,
            }
        }
    }

    /// Returns what is still held back at the end of the text.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}
