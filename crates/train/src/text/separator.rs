//! What ends a document.

use std::{convert::Infallible, fmt, str::FromStr};

use super::escapes::{escape, unescape};
use crate::serde_text::serde_as_text;

/// The text between independent documents.
///
/// As text, and so in JSON, it is `lines` for a line feed, `files` for the [end of a file](Self::file), or the text
/// itself, with [escapes](unescape).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separator(pub String);

const LINES: &str = "lines";
const FILES: &str = "files";

/// No text has it.
const END_OF_FILE: &str = "\0";

impl Separator {
    /// Returns the end of a file or of a record, for those that are documents: U+0000, which stands after each.
    pub fn file() -> Self {
        Separator(END_OF_FILE.to_owned())
    }
}

impl FromStr for Separator {
    type Err = Infallible;

    fn from_str(given: &str) -> Result<Self, Infallible> {
        Ok(match given {
            LINES => Separator("\n".to_owned()),
            FILES => Separator::file(),
            _ => Separator(unescape(given)),
        })
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "\n" => f.write_str(LINES),
            END_OF_FILE => f.write_str(FILES),
            other => f.write_str(&escape(other)),
        }
    }
}

serde_as_text!(Separator);
