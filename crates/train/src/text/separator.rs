//! What ends a document.

use std::{convert::Infallible, fmt, str::FromStr};

use super::escapes::{escape, unescape};
use crate::serde_text::serde_as_text;

/// The text between independent documents.
///
/// As text, and so in JSON, it is `lines` for a line feed, or the text itself, with [escapes](unescape).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separator(pub String);

const LINES: &str = "lines";

impl FromStr for Separator {
    type Err = Infallible;

    fn from_str(given: &str) -> Result<Self, Infallible> {
        if given == LINES {
            return Ok(Separator("\n".to_owned()));
        }
        Ok(Separator(unescape(given)))
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == "\n" {
            return f.write_str(LINES);
        }
        f.write_str(&escape(&self.0))
    }
}

serde_as_text!(Separator);
