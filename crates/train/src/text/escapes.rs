//! Characters that are hard to write on a command line or in JSON.

const ESCAPES: [(char, char); 5] = [
    ('\\', '\\'),
    ('n', '\n'),
    ('r', '\r'),
    ('t', '\t'),
    ('0', '\0'),
];

/// Returns the text with a line feed for `\n`, and likewise for `\r`, `\t`, `\0` and `\\`. Other backslashes stay.
pub fn unescape(given: &str) -> String {
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
    text
}

/// Returns the text that [`unescape`] turns into `meant`.
pub(crate) fn escape(meant: &str) -> String {
    let mut text = String::new();
    for symbol in meant.chars() {
        match ESCAPES.iter().find(|(_, meant)| *meant == symbol) {
            Some((name, _)) => text.extend(['\\', *name]),
            None => text.push(symbol),
        }
    }
    text
}
