//! Fits lines into the width of a terminal.

use console::Term;
use textwrap::Options;

/// Returns the width of the terminal that standard output goes to, in columns; a file takes any.
pub fn width() -> usize {
    width_of(&Term::stdout())
}

/// The same of standard error.
pub(super) fn width_of_stderr() -> usize {
    width_of(&Term::stderr())
}

fn width_of(term: &Term) -> usize {
    term.size_checked()
        .map_or(usize::MAX, |(_, columns)| columns.into())
}

/// Wraps lines between words, if standard output is a terminal.
pub fn wrapped(text: &str) -> String {
    filled(text, width())
}

/// Wraps lines between words.
pub fn filled(text: &str, width: usize) -> String {
    wrap(text, width, "", "")
}

/// Wraps a line between words; what follows the first part is indented by `indent` spaces.
pub fn hanging(line: &str, width: usize, indent: usize) -> String {
    wrap(line, width, "", &" ".repeat(indent)) + "\n"
}

/// Returns a name without its middle if it has more than `most` characters.
pub(super) fn shortened(name: &str, most: usize) -> String {
    let symbols: Vec<char> = name.chars().collect();
    if symbols.len() <= most {
        return name.to_owned();
    }
    let half = (most - 1) / 2;
    let (start, end) = (&symbols[..half], &symbols[symbols.len() - half..]);
    start.iter().chain(&['…']).chain(end).collect()
}

/// Joins as many of the first parts as fit into `width` columns, with two spaces between them.
pub(super) fn first_that_fit(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if console::measure_text_width(&line) + gap.len() + console::measure_text_width(part)
            > width
        {
            break;
        }
        line = line + gap + part;
    }
    line
}

/// Indents each line by four spaces, and wraps it between words.
pub(super) fn quoted(text: &str, width: usize) -> String {
    wrap(text, width, "    ", "    ")
}

/// Indents the first line of each line by `first`, and what is wrapped of it by `rest`.
fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    // Wrapping counts in narrower numbers.
    let options = Options::new(width.min(1 << 16))
        .initial_indent(first)
        .subsequent_indent(rest);
    let lines = text.split('\n').map(|line| textwrap::fill(line, &options));
    let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
