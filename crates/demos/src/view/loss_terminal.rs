//! Draws loss curves in a terminal: Braille dots, eight to a character, and letters for validation.

use console::{Style, measure_text_width};
use train::bits_per_char;

use super::{
    fit::shortened,
    loss_curves::{LossCurves, RunCurves},
    numbers::plural,
    palette::COLOURS,
};

/// A character of the chart.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// Its dots, one bit each, as Unicode numbers them.
    dots: u8,
    letter: Option<char>,
    run: usize,
}

struct Canvas {
    cells: Vec<Cell>,
    width: usize,
    height: usize,
}

/// Returns the curves as `height` lines of at most `width` characters, but at least 40, and a legend. Colours
/// appear only in a terminal that supports them.
pub fn draw(curves: &LossCurves, width: usize, height: usize) -> String {
    let (columns, height) = (width.max(40), height.max(2));
    let span = curves.losses.end - curves.losses.start;
    let label = |row: usize| {
        let share = row as f64 / (height - 1) as f64;
        curves.loss_label(curves.losses.end - share * span)
    };
    let labels: Vec<String> = (0..height).map(label).collect();
    let label_width = labels.iter().map(String::len).max().unwrap_or(0);
    let width = columns - label_width - 2;

    let mut text = "nats per character\n".to_owned();
    let canvas = Canvas::of(curves, width, height);
    for (row, (label, cells)) in labels.iter().zip(canvas.cells.chunks(width)).enumerate() {
        let (label, axis) = match row % 5 {
            0 => (label.as_str(), '┤'),
            _ => ("", '│'),
        };
        let cells: String = cells.iter().map(Cell::show).collect();
        let line = format!("{label:>label_width$} {axis}{cells}");
        text += line.trim_end();
        text.push('\n');
    }
    let middle = curves.x_label(curves.end / 2.0);
    let end = curves.x_with_unit(curves.end);
    let half = (width / 2).saturating_sub(middle.len() / 2);
    let rest = width.saturating_sub(half + middle.len());
    text += &format!("{:label_width$} └{}\n", "", "─".repeat(width));
    text += &format!("{:label_width$}  {:<half$}{middle}{end:>rest$}\n\n", "", 0);
    text + &legend(curves, columns)
}

/// Each run on one line if it fits, otherwise on several, its numbers below its name.
fn legend(curves: &LossCurves, width: usize) -> String {
    let mut text = String::new();
    for (i, run) in curves.runs.iter().enumerate() {
        let mut facts = Vec::new();
        if let Some(&(_, loss)) = run.smooth.last() {
            facts.push(format!("training {loss:.4}"));
        }
        if let Some((x, loss)) = run.best {
            let (bits, x) = (bits_per_char(loss), curves.x_with_unit(x));
            facts.push(format!(
                "best validation {loss:.4} ({bits:.3} bits) after {x}"
            ));
        }
        let key = format!("⣀⡠⠔ {}", letter(i));
        let line = format!("{}   {}", run.name, facts.join("   "));
        let fits = KEY + measure_text_width(&line) <= width;
        text += &format!("{}  ", style(i).apply_to(key));
        if fits {
            text += line.trim_end();
        } else {
            let indent = " ".repeat(KEY);
            let below = textwrap::Options::new(width)
                .initial_indent(&indent)
                .subsequent_indent(&indent);
            let name = shortened(&run.name, width - KEY);
            text += &format!("{name}\n{}", textwrap::fill(&facts.join("; "), below));
        }
        text.push('\n');
    }
    let has = |what: fn(&RunCurves) -> bool| curves.runs.iter().any(what);
    let mut keys = Vec::new();
    if has(|run| !run.smooth.is_empty()) {
        let mean = plural(curves.window, "update");
        keys.push(format!("line: training, mean over {mean}"));
    }
    if has(|run| !run.validation.is_empty()) {
        keys.push("letter: validation".to_owned());
    }
    if has(|run| run.best.is_some()) {
        keys.push("capital letter: its best".to_owned());
    }
    text + &textwrap::fill(&keys.join("; "), width) + "\n"
}

/// Columns of a run's line, its letter and the space after it.
const KEY: usize = 7;

impl Canvas {
    fn of(curves: &LossCurves, width: usize, height: usize) -> Self {
        let cells = vec![Cell::default(); width * height];
        let mut canvas = Canvas {
            cells,
            width,
            height,
        };
        let (columns, rows) = (2 * width - 1, 4 * height - 1);
        let span = curves.losses.end - curves.losses.start;
        // In dots from the upper left. Points outside the chart are moved close to it.
        let dot = |&(x, loss): &(f64, f64)| {
            let x = x / curves.end * columns as f64;
            let y = (curves.losses.end - loss) / span * rows as f64;
            (x.round(), y.round().clamp(-1.0, rows as f64 + 1.0))
        };
        for (i, run) in curves.runs.iter().enumerate() {
            let dots: Vec<_> = run.smooth.iter().map(dot).collect();
            for ends in dots.windows(2) {
                canvas.line(ends[0], ends[1], i);
            }
            if let [one] = dots[..] {
                canvas.line(one, one, i);
            }
        }
        for (i, run) in curves.runs.iter().enumerate() {
            for point in &run.validation {
                canvas.write(dot(point), letter(i), i);
            }
        }
        for (i, run) in curves.runs.iter().enumerate() {
            if let Some(best) = &run.best {
                canvas.write(dot(best), letter(i).to_ascii_uppercase(), i);
            }
        }
        canvas
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), run: usize) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).max(1.0);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            let (x, y) = ((from.0 + share * dx).round(), (from.1 + share * dy).round());
            // The bit of each dot in a Braille character, by row and column.
            const BITS: [[u8; 2]; 4] = [[0, 3], [1, 4], [2, 5], [6, 7]];
            if let Some(cell) = self.cell((x, y)) {
                cell.dots |= 1 << BITS[y as usize % 4][x as usize % 2];
                cell.run = run;
            }
        }
    }

    fn write(&mut self, dot: (f64, f64), letter: char, run: usize) {
        if let Some(cell) = self.cell(dot) {
            cell.letter = Some(letter);
            cell.run = run;
        }
    }

    /// Returns the character with this dot, if the dot is inside the chart.
    fn cell(&mut self, (x, y): (f64, f64)) -> Option<&mut Cell> {
        let inside = (0.0..2.0 * self.width as f64).contains(&x)
            && (0.0..4.0 * self.height as f64).contains(&y);
        let (column, row) = (x as usize / 2, y as usize / 4);
        let cells = &mut self.cells;
        inside.then(|| cells.get_mut(row * self.width + column))?
    }
}

impl Cell {
    fn show(&self) -> String {
        let character = match (self.letter, self.dots) {
            (Some(letter), _) => letter,
            (None, 0) => return " ".to_owned(),
            (None, dots) => char::from_u32(0x2800 + u32::from(dots)).expect("a Braille pattern"),
        };
        style(self.run).apply_to(character).to_string()
    }
}

fn letter(run: usize) -> char {
    char::from(b'a' + (run % 26) as u8)
}

fn style(run: usize) -> Style {
    Style::new().color256(COLOURS[run % COLOURS.len()].ansi)
}
