//! One table for everything, with a column for each peer and a unit for each row.

use crate::peers::Peer;

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: &'static str,
    /// The sizes.
    pub sizes: String,
    /// The unit of all values.
    pub unit: &'static str,
    /// The value of each peer that was measured.
    pub cells: Vec<(Peer, Cell)>,
}

/// A value in its row's unit, and its ratio to ours if that says something.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The value.
    pub value: f64,
    /// The value over ours.
    pub ratio: Option<f64>,
}

/// The table in Markdown, with columns for these peers.
pub fn markdown(rows: &[Row], columns: &[Peer]) -> String {
    let mut lines = vec![vec!["".into(), "sizes".into(), "unit".into()]];
    lines[0].extend(columns.iter().map(|peer| peer.title().to_string()));
    for row in rows {
        let mut line = vec![row.what.to_string(), row.sizes.clone(), row.unit.into()];
        line.extend(columns.iter().map(|&peer| {
            let cell = row.cells.iter().find(|(whose, _)| *whose == peer);
            cell.map_or("–".into(), |(_, cell)| cell.text())
        }));
        lines.push(line);
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|i| lines.iter().map(|line| line[i].chars().count()).max())
        .map(|width| width.unwrap_or_default())
        .collect();
    let rule = widths.iter().enumerate().map(|(i, width)| match i < 3 {
        true => "-".repeat(*width),
        false => "-".repeat(width - 1) + ":",
    });
    lines.insert(1, rule.collect());

    let mut text = String::new();
    for line in lines {
        for (i, (word, &width)) in line.iter().zip(&widths).enumerate() {
            text += &match i < 3 {
                true => format!("| {word:<width$} "),
                false => format!("| {word:>width$} "),
            };
        }
        text += "|\n";
    }
    text
}

impl Cell {
    fn text(self) -> String {
        match self.ratio {
            Some(ratio) => format!("{} (×{})", short(self.value), short(ratio)),
            None => short(self.value),
        }
    }
}

/// The value with three significant digits.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        99.95.. => 0,
        9.995.. => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_an_absent_peer_gets_a_dash() {
        let row = Row {
            what: "LSTM, forward",
            sizes: "B1".into(),
            unit: "ms",
            cells: vec![
                (
                    Peer::Ours,
                    Cell {
                        value: 9.996,
                        ratio: None,
                    },
                ),
                (
                    Peer::Candle,
                    Cell {
                        value: 123.4,
                        ratio: Some(12.345),
                    },
                ),
            ],
        };
        let columns = [Peer::Ours, Peer::Candle, Peer::Pytorch];
        let expected = "\
|               | sizes | unit | ours |   candle-nn | PyTorch |
| ------------- | ----- | ---- | ---: | ----------: | ------: |
| LSTM, forward | B1    | ms   | 10.0 | 123 (×12.3) |       – |
";
        assert_eq!(markdown(&[row], &columns), expected);
    }
}
