//! The losses of runs as curves in one coordinate system, whatever draws them.

use std::{ops::Range, path::Path};

use train::{History, run::Point};

use super::numbers::grouped;

/// What the x axis shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XAxis {
    /// Updates.
    Updates,
    /// Epochs.
    Epochs,
    /// Time spent in updates.
    Time,
}

/// The curves of several runs, and the ranges of the axes.
pub struct LossCurves {
    /// In the order of their colours.
    pub runs: Vec<RunCurves>,
    /// The unit of x.
    pub unit: &'static str,
    /// The end of the x axis, which starts at 0.
    pub end: f64,
    /// The range of the y axis, in nats per character. The highest 2 % of a training curve may lie above
    /// it: the loss of a fresh model would flatten everything else.
    pub losses: Range<f64>,
    /// The number of updates that each point of a smooth curve averages.
    pub window: usize,
}

/// The curves of one run, as (x, nats per character).
pub struct RunCurves {
    /// Its name in the legend.
    pub name: String,
    /// Training loss, thinned to its lowest and highest values.
    pub raw: Vec<(f64, f64)>,
    /// Training loss, smoothed by a centred moving average.
    pub smooth: Vec<(f64, f64)>,
    /// Validation loss.
    pub validation: Vec<(f64, f64)>,
    /// The lowest validation loss.
    pub best: Option<(f64, f64)>,
}

/// The most points a curve keeps: more than a chart has columns.
const POINTS: usize = 1000;

impl LossCurves {
    /// Creates the curves of runs, given with their folders; each run must have at least one loss. The x axis shows
    /// updates unless `x` says otherwise, or epochs if the runs' epochs differ in length.
    pub fn new(runs: &[(&Path, History)], x: Option<XAxis>) -> Self {
        let longest = runs.iter().map(|(_, run)| run.training.len()).max();
        let half = longest.unwrap_or(0) / 100;
        let differ = |(_, run): &(&Path, History)| run.epoch_length != runs[0].1.epoch_length;
        let x = x.unwrap_or(match runs.iter().any(differ) {
            true => XAxis::Epochs,
            false => XAxis::Updates,
        });
        let points = runs
            .iter()
            .flat_map(|(_, run)| run.training.iter().chain(&run.validation));
        let longest = points.map(|point| point.seconds).fold(0.0, f64::max);
        let (unit, seconds) = match x {
            XAxis::Updates => ("updates", 1.0),
            XAxis::Epochs => ("epochs", 1.0),
            XAxis::Time if longest < 120.0 => ("seconds", 1.0),
            XAxis::Time if longest < 7200.0 => ("minutes", 60.0),
            XAxis::Time => ("hours", 3600.0),
        };
        let place = |point: &Point| {
            let x = match x {
                XAxis::Updates => point.update as f64,
                XAxis::Epochs => point.epoch,
                XAxis::Time => point.seconds / seconds,
            };
            (x, point.loss)
        };
        let curves = |(folder, run): &(&Path, History)| {
            let training: Vec<_> = run.training.iter().map(place).collect();
            RunCurves {
                name: folder
                    .to_string_lossy()
                    .replace(char::is_control, "\u{fffd}"),
                raw: thinned(&training),
                smooth: smoothed(&training, half),
                validation: run.validation.iter().map(place).collect(),
                best: run.best().as_ref().map(place),
            }
        };
        let curves: Vec<RunCurves> = runs.iter().map(curves).collect();
        let all = curves
            .iter()
            .flat_map(|run| run.raw.iter().chain(&run.validation));
        LossCurves {
            unit,
            end: match all.map(|&(x, _)| x).fold(0.0, f64::max) {
                0.0 => 1.0,
                end => end,
            },
            losses: loss_range(&curves),
            window: 2 * half + 1,
            runs: curves,
        }
    }

    /// Formats a number on the y axis.
    pub fn loss_label(&self, loss: f64) -> String {
        match self.losses.end - self.losses.start {
            span if span > 1e4 => format!("{loss:.1e}"),
            span if span < 0.1 => format!("{loss:.4}"),
            _ => format!("{loss:.2}"),
        }
    }

    /// Formats a number on the x axis.
    pub fn x_label(&self, x: f64) -> String {
        match x.fract() {
            0.0 => grouped(x as usize),
            _ if self.unit == "updates" => grouped(x.round() as usize),
            _ => format!("{x:.1}"),
        }
    }

    /// Formats a number on the x axis with its unit.
    pub fn x_with_unit(&self, x: f64) -> String {
        let label = self.x_label(x);
        let unit = match label.as_str() {
            "1" => self.unit.trim_end_matches('s'),
            _ => self.unit,
        };
        format!("{label} {unit}")
    }
}

/// Keeps the lowest and the highest point of each stretch.
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

/// Averages each point with `half` points before it and `half` after it. At the start, where the loss
/// falls fast, the window shrinks; at the end, it reaches further back instead.
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

/// Returns the range of the y axis.
fn loss_range(runs: &[RunCurves]) -> Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for run in runs {
        let [raw, smooth, validation] = [&run.raw[..], &run.smooth, &run.validation].map(sorted);
        for loss in [
            quantile(&raw, 0.02),
            quantile(&smooth, 0.0),
            quantile(&validation, 0.0),
        ] {
            low = low.min(loss.unwrap_or(low));
        }
        for loss in [quantile(&smooth, 0.98), quantile(&validation, 1.0)] {
            high = high.max(loss.unwrap_or(high));
        }
    }
    let margin = (0.05 * (high - low)).max(0.01 * high.abs()).max(1e-6);
    // No loss is negative, and neither is a label.
    let least = if low < 0.0 { low - margin } else { 0.0 };
    (low - margin).max(least)..high + margin
}

fn sorted(points: &[(f64, f64)]) -> Vec<f64> {
    let mut losses: Vec<f64> = points.iter().map(|&(_, loss)| loss).collect();
    losses.sort_by(f64::total_cmp);
    losses
}

/// Returns the quantile of sorted values, or `None` if there are none.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(share * last as f64).round() as usize])
}
