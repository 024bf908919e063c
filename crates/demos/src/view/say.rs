//! Prints to standard output.

use std::io::{self, Write};

/// Prints to standard output. A training run continues even if its reader has gone (`| head`).
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
