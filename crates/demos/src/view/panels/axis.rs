//! An axis of a panel: its range, linear or logarithmic, and where its numbers stand.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// An axis.
#[derive(Clone)]
pub struct Axis {
    /// The quantity and its unit.
    pub label: &'static str,
    /// The first and the last value.
    pub range: Range<f64>,
    /// Whether the axis is logarithmic.
    pub log: bool,
    /// The values that are labelled; if empty, round numbers.
    pub ticks: Vec<f64>,
}

/// The approximate number of labels on an axis.
const TICKS: usize = 6;

impl Axis {
    /// Creates a linear axis with labels at round numbers.
    pub fn linear(label: &'static str, range: Range<f64>) -> Self {
        Axis {
            label,
            range,
            log: false,
            ticks: Vec::new(),
        }
    }

    /// Creates a logarithmic axis with labels at powers of ten; `range` must be positive.
    pub fn log(label: &'static str, range: Range<f64>) -> Self {
        Axis {
            log: true,
            ..Self::linear(label, range)
        }
    }

    /// Returns the position of a value: itself, or its logarithm.
    pub(super) fn place(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    pub(super) fn scale(&self) -> Scale {
        let (low, high) = (self.place(self.range.start), self.place(self.range.end));
        let ticks: Vec<f64> = match &self.ticks[..] {
            [] => round_numbers(low, high, self.log),
            ticks => ticks.iter().map(|&tick| self.place(tick)).collect(),
        };
        Scale { low, high, ticks }
    }

    pub(super) fn number(&self, place: f64) -> String {
        match (self.log, self.ticks.is_empty()) {
            (true, true) => format!("1e{place:.0}"),
            (true, false) => format!("{:.0}", 10f64.powf(place)),
            (false, _) => {
                let number = format!("{place:.4}");
                let short = number.trim_end_matches('0').trim_end_matches('.');
                if short == "-0" {
                    "0".into()
                } else {
                    short.into()
                }
            }
        }
    }
}

/// Returns the multiples of 1, 2 or 5 times a power of ten; with `whole`, only integers.
fn round_numbers(low: f64, high: f64, whole: bool) -> Vec<f64> {
    let wanted = (high - low) / TICKS as f64;
    let power = 10f64.powf(wanted.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let fits = |step: &f64| *step >= wanted && (!whole || step.fract() == 0.0);
    let step = steps.into_iter().find(fits).unwrap_or(1.0);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A linear coordinate with labels at given places.
pub(super) struct Scale {
    pub(super) low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Ranged for Scale {
    type ValueType = f64;
    type FormatOption = NoDefaultFormatting;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        start + (share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {}
