//! How an LSTM keeps two numbers: its gates and cell states, step by step.

use demos::view::{
    palette::{COLOURS, GREY, Rgb},
    panels::{Axis, Figure, Mark, Panel, Points},
};
use long_memory::Step;

use crate::results::Example;

/// For curves in the background.
const FAINT: Rgb = (200, 200, 200);

pub fn figure(example: &Example) -> Figure {
    let (blue, orange) = (COLOURS[0].rgb, COLOURS[1].rgb);
    let steps = example.steps.len();
    let panel = |title: String, label, range, series| Panel {
        title,
        x: Axis::linear("step t", -1.0..steps as f64),
        y: Axis::linear(label, range),
        series,
    };
    let at_each = |f: &dyn Fn(&Step) -> f64| -> Points {
        let values = example.steps.iter().map(f).enumerate();
        values.map(|(t, value)| (t as f64, value)).collect()
    };
    let read = |is_marked: bool| -> Points {
        let mark = if is_marked { 1.0 } else { 0.0 };
        let numbers = at_each(&|step| step.x[0]).into_iter();
        let marks = example.steps.iter().map(|step| step.x[1]);
        numbers
            .zip(marks)
            .filter(|&(_, m)| m == mark)
            .map(|(point, _)| point)
            .collect()
    };
    let unit = example.unit;
    // All units in grey, and over them the one that holds the sum.
    let of_units = |f: &dyn Fn(&Step) -> &[f64]| -> Vec<(Mark, Points)> {
        let curve = |unit: usize| at_each(&|step| f(step)[unit]);
        let all = (0..f(&example.steps[0]).len()).map(|i| (Mark::Line(FAINT, 1), curve(i)));
        all.chain([(Mark::Line(blue, 2), curve(unit))]).collect()
    };
    let cells = of_units(&|step| &step.c);
    let heights = cells.iter().flat_map(|(_, points)| points).map(|&(_, c)| c);
    let (low, high) = heights.fold((0.0f64, 0.0f64), |(low, high), c| (low.min(c), high.max(c)));
    let margin = 0.05 * (high - low);
    let forget = example.steps.iter().flat_map(|step| &step.f);
    let lowest = forget.copied().fold(0.9, f64::min);
    let answer = example.steps[steps - 1].answer[0];
    let sum = example.sums[steps - 1];
    let rows = [
        panel(
            format!("input: the marked numbers add up to {sum:.3}, the answer is {answer:.3}"),
            "number",
            0.0..1.05,
            vec![
                (Mark::Stem(GREY), read(false)),
                (Mark::Stem(orange), read(true)),
            ],
        ),
        panel(
            "forget gate: 1 keeps the cell state, 0 forgets it".into(),
            "f",
            lowest - 0.02..1.01,
            of_units(&|step| &step.f),
        ),
        panel(
            "input gate: 1 lets the candidate in, 0 shuts it out".into(),
            "i",
            -0.03..1.03,
            of_units(&|step| &step.i),
        ),
        panel("cell state".into(), "c", low - margin..high + margin, cells),
    ];
    Figure {
        keys: vec![
            ("marked number".into(), Mark::Stem(orange)),
            ("other number".into(), Mark::Stem(GREY)),
            (
                format!("unit {unit}, which tracks the sum best"),
                Mark::Line(blue, 2),
            ),
            ("other units".into(), Mark::Line(FAINT, 1)),
        ],
        rows: rows.map(|panel| vec![panel]).into(),
        panel: (960, 220),
        note: None,
    }
}
