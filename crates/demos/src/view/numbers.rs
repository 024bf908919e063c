//! Formats numbers for people.

use train::Units;

/// Formats `1115394` as `1,115,394`.
pub fn grouped(n: usize) -> String {
    indicatif::HumanCount(n as u64).to_string()
}

/// Formats `3` and `epoch` as `3 epochs`.
pub fn plural(n: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Formats `3.2e9` as `2.98 GiB`.
pub fn bytes(n: f64) -> String {
    indicatif::BinaryBytes(n as u64).to_string()
}

/// Returns what one symbol of a text is called.
pub fn symbol(units: Units) -> &'static str {
    match units {
        Units::Chars => "character",
        Units::Bytes => "byte",
        Units::Words => "word",
        Units::Pieces => "piece",
    }
}
