//! What ends a document.

use std::{convert::Infallible, fmt, str::FromStr};

use crate::serde_text::serde_as_text;

/// The text between independent documents.
///
/// As text, and so in JSON, it is `lines` for a line feed, or the text itself, in which `\n`, `\r`, `\t`
/// and `\\` stand for characters that are hard to write there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separator(pub String);

const ESCAPES: [(char, char); 4] = [('\\', '\\'), ('n', '\n'), ('r', '\r'), ('t', '\t')];

const LINES: &str = "lines";

impl FromStr for Separator {
    type Err = Infallible;

    fn from_str(given: &str) -> Result<Self, Infallible> {
        if given == LINES {
            return Ok(Separator("\n".to_owned()));
        }
        let mut text = String::new();
        let mut symbols = given.chars();
        while let Some(symbol) = symbols.next() {
            let escaped = |&&(name, _): &&(char, char)| symbols.as_str().starts_with(name);
            match ESCAPES.iter().find(escaped) {
                Some(&(_, meant)) if symbol == '\\' => {
                    text.push(meant);
                    symbols.next();
                }
                _ => text.push(symbol),
            }
        }
        Ok(Separator(text))
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == "\n" {
            return f.write_str(LINES);
        }
        for symbol in self.0.chars() {
            match ESCAPES.iter().find(|(_, meant)| *meant == symbol) {
                Some((name, _)) => write!(f, "\\{name}")?,
                None => write!(f, "{symbol}")?,
            }
        }
        Ok(())
    }
}

serde_as_text!(Separator);
