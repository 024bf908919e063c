//! Tables in Markdown.

/// Returns a table whose first `words` columns are words, and the others numbers.
pub fn markdown(words: usize, head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let rule = (0..head.len()).map(|i| if i < words { "---" } else { "---:" }.to_owned());
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows = rows.iter().map(|row| line(row));
    [line(&head), line(&rule.collect::<Vec<_>>())]
        .into_iter()
        .chain(rows)
        .collect()
}

/// Returns a number with three significant digits, or all those before the point.
pub fn short(number: f64) -> String {
    let decimals = match number.abs() {
        99.95.. => 0,
        9.995.. => 1,
        _ => 2,
    };
    format!("{number:.decimals$}")
}
