//! The losses of runs as curves in one coordinate system, however they are drawn then.

use std::{ops::Range, path::Path};

use train::{History, run::Point};

use super::grouped;

/// Curves of several runs, and how far the axes go.
pub struct Chart {
    /// In the order of their colours.
    pub runs: Vec<Curves>,
    /// What x counts: updates or, where the runs' epochs are of different lengths, epochs.
    pub unit: &'static str,
    /// x goes from 0 to here.
    pub end: f64,
    /// Nats per character. The highest fiftieth of a training curve may be above, for a fresh model's
    /// loss would press all others together.
    pub losses: Range<f64>,
    /// Updates that a point of a smooth curve is the mean of.
    pub window: usize,
}

/// What is drawn of one run, as (x, nats per character).
pub struct Curves {
    /// What the legend calls it.
    pub name: String,
    /// Training loss, thinned to its highest and lowest values.
    pub raw: Vec<(f64, f64)>,
    /// Training loss, as centred means.
    pub smooth: Vec<(f64, f64)>,
    /// Validation loss.
    pub validation: Vec<(f64, f64)>,
    /// Its lowest point.
    pub best: Option<(f64, f64)>,
}

/// A colour of Okabe and Ito's (2008), whom colour-blind readers can tell apart.
pub struct Colour {
    /// For a picture.
    pub rgb: (u8, u8, u8),
    /// The nearest of a terminal's 256.
    pub ansi: u8,
}

const fn colour(rgb: (u8, u8, u8), ansi: u8) -> Colour {
    Colour { rgb, ansi }
}

/// All but yellow, which white paper swallows.
pub const COLOURS: [Colour; 7] = [
    colour((0, 114, 178), 32),
    colour((213, 94, 0), 166),
    colour((0, 158, 115), 36),
    colour((204, 121, 167), 175),
    colour((230, 159, 0), 214),
    colour((86, 180, 233), 117),
    colour((0, 0, 0), 244),
];

/// Points of a curve at most: more than a picture has columns.
const POINTS: usize = 1000;

impl Chart {
    /// Of runs with at least one loss each, and their folders.
    pub fn new(runs: &[(&Path, History)]) -> Self {
        let longest = runs.iter().map(|(_, run)| run.training.len()).max();
        let half = longest.unwrap_or(0) / 100;
        let by_epochs = runs
            .iter()
            .any(|(_, run)| run.epoch_length != runs[0].1.epoch_length);
        let place = |point: &Point| {
            let x = if by_epochs {
                point.epoch
            } else {
                point.update as f64
            };
            (x, point.loss)
        };
        let curves = |(folder, run): &(&Path, History)| {
            let training: Vec<_> = run.training.iter().map(place).collect();
            Curves {
                name: folder
                    .to_string_lossy()
                    .replace(char::is_control, "\u{fffd}"),
                raw: thinned(&training),
                smooth: smoothed(&training, half),
                validation: run.validation.iter().map(place).collect(),
                best: run.best().as_ref().map(place),
            }
        };
        let curves: Vec<Curves> = runs.iter().map(curves).collect();
        let all = curves
            .iter()
            .flat_map(|run| run.raw.iter().chain(&run.validation));
        Chart {
            unit: if by_epochs { "epochs" } else { "updates" },
            end: all.map(|&(x, _)| x).fold(1.0, f64::max),
            losses: losses(&curves),
            window: 2 * half + 1,
            runs: curves,
        }
    }

    /// A number on the axis of losses.
    pub fn loss_label(&self, loss: f64) -> String {
        match self.losses.end - self.losses.start {
            span if span > 1e4 => format!("{loss:.1e}"),
            span if span < 0.1 => format!("{loss:.4}"),
            _ => format!("{loss:.2}"),
        }
    }

    /// A number on the axis of updates or epochs.
    pub fn x_label(&self, x: f64) -> String {
        match x.fract() {
            0.0 => grouped(x as usize),
            _ => format!("{x:.1}"),
        }
    }
}

/// The lowest and the highest point of each stretch.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretches = points.chunks(points.len().div_ceil(POINTS).max(1));
    let ends = stretches.flat_map(|stretch| {
        let by_loss = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (
            stretch.iter().min_by(by_loss),
            stretch.iter().max_by(by_loss),
        );
        low.into_iter().chain(high)
    });
    ends.copied().collect()
}

/// Means over each point, the `half` before it and the `half` after it: of fewer at the start, where a
/// loss falls fast, and at the end of as many, which are before it.
fn smoothed(points: &[(f64, f64)], half: usize) -> Vec<(f64, f64)> {
    let n = points.len();
    let places = (0..n).step_by(n.div_ceil(POINTS).max(1));
    let mean = |i: usize| {
        let half = half.min(i);
        let end = n.min(i + half + 1);
        let around = &points[end.saturating_sub(2 * half + 1)..end];
        let sum: f64 = around.iter().map(|&(_, loss)| loss).sum();
        (points[i].0, sum / around.len() as f64)
    };
    places.map(mean).collect()
}

fn losses(runs: &[Curves]) -> Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for run in runs {
        let [raw, smooth, validation] = [&run.raw[..], &run.smooth, &run.validation].map(sorted);
        for loss in [part(&raw, 0.02), part(&smooth, 0.0), part(&validation, 0.0)] {
            low = low.min(loss.unwrap_or(low));
        }
        for loss in [part(&smooth, 0.98), part(&validation, 1.0)] {
            high = high.max(loss.unwrap_or(high));
        }
    }
    let margin = (0.05 * (high - low)).max(0.01);
    low - margin..high + margin
}

fn sorted(points: &[(f64, f64)]) -> Vec<f64> {
    let mut losses: Vec<f64> = points.iter().map(|&(_, loss)| loss).collect();
    losses.sort_by(f64::total_cmp);
    losses
}

/// The value that this share of all lies below.
fn part(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(share * last as f64).round() as usize])
}
