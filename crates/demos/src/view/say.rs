//! Prints lines.

use std::io::{self, Write};

use anyhow::Result;
use indicatif::ProgressBar;

use crate::{
    exit::{complain, unless_nobody_reads},
    ranks::launcher,
};

/// Prints to standard output; of several ranks, only the first does. A training run continues even if its reader has
/// gone (`| head`), or if what takes its output is full.
pub fn say(text: &str) {
    if launcher::is_first() {
        let _ = tell(text);
    }
}

/// Prints to standard output what the program was started for. A reader who has gone (`| head`) is no problem.
///
/// # Errors
///
/// Returns an error if the text cannot be written, because what takes the output is full for instance.
pub fn tell(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    unless_nobody_reads(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints a line to standard error, above a bar that is there.
pub fn note_above(bar: &ProgressBar, line: &str) {
    bar.suspend(|| complain(line));
}
