//! The pictures.
//!
//! | file | what it shows |
//! |---|---|
//! | `distance` | how good each network is, against the distance |
//! | `curves` | how it came to that, update by update |
//! | `gradient` | how far back the gradient reaches, before and after training |
//! | `forget_gate` | how an LSTM keeps two numbers |

use std::{fs, path::Path};

use anyhow::{Context, Result};
use burn::tensor::backend::Backend;
use demos::view::{
    chart::COLOURS,
    figure::{Axis, BLACK, Figure, GREY, Ink, Mark, Panel},
    picture,
};
use long_memory::{Answer, CurvePoint, Kind, Step, Trained};

use crate::findings::{Example, Findings, Group, median};

type Points = Vec<(f64, f64)>;

/// Writes each as SVG and as PNG. Gives a line for each file.
pub fn write<B: Backend>(folder: &Path, findings: &Findings<B>) -> Result<String> {
    let groups = findings.groups();
    let pictures = [
        ("distance", (!groups.is_empty()).then(|| distance(&groups))),
        ("curves", (!groups.is_empty()).then(|| curves(&groups))),
        ("gradient", gradient(&groups)),
        ("forget_gate", findings.example.as_ref().map(forget_gate)),
    ];
    let mut told = String::new();
    for (name, figure) in pictures {
        for end in ["svg", "png"] {
            let path = folder.join(format!("{name}.{end}"));
            let write = || -> Result<bool> {
                let Some(figure) = &figure else {
                    if path.exists() {
                        fs::remove_file(&path)?;
                    }
                    return Ok(false);
                };
                let svg = figure.svg()?;
                let bytes = match end {
                    "png" => picture::png(&svg)?,
                    _ => svg.into_bytes(),
                };
                fs::write(&path, bytes)?;
                Ok(true)
            };
            if write().with_context(|| path.display().to_string())? {
                told += &format!("wrote {}\n", path.display());
            }
        }
    }
    Ok(told)
}

fn ink(kind: Kind) -> Ink {
    match kind {
        Kind::Lstm => COLOURS[0].rgb,
        Kind::Rnn => COLOURS[1].rgb,
        Kind::FeedForward => COLOURS[2].rgb,
    }
}

/// Of one training.
fn mark(kind: Kind) -> Mark {
    match kind {
        Kind::Lstm => Mark::Triangle(ink(kind)),
        Kind::Rnn => Mark::Dot(ink(kind)),
        Kind::FeedForward => Mark::Cross(ink(kind)),
    }
}

fn key(label: &str, mark: Mark) -> (String, Mark) {
    (label.to_owned(), mark)
}

/// A mean square error beyond these stands at the end of the axis.
const LEAST: f64 = 1e-4;
const MOST: f64 = 10.0;

/// What a result is measured by.
fn axis(answer: Answer) -> Axis {
    match answer {
        Answer::Number => Axis::log("mean square error", LEAST..MOST),
        Answer::Class(_) => Axis::linear("share of right answers", -0.02..1.04),
    }
}

/// A result as it can be drawn.
fn within(answer: Answer, result: f64) -> f64 {
    match answer {
        Answer::Number => result.clamp(LEAST, MOST),
        Answer::Class(_) => result,
    }
}

/// The groups of each task, and of these those of each distance.
fn by_task<'a, 'b, B: Backend>(groups: &'a [Group<'b, B>]) -> Vec<&'a [Group<'b, B>]> {
    let same = |a: &Group<B>, b: &Group<B>| a.task.name() == b.task.name();
    groups.chunk_by(same).collect()
}

fn distance<B: Backend>(groups: &[Group<B>]) -> Figure {
    let panel = |of_task: &&[Group<B>]| {
        let (task, answer) = (of_task[0].task, of_task[0].task.answer());
        let mut distances: Vec<usize> = of_task.iter().map(|group| group.distance).collect();
        distances.sort_unstable();
        distances.dedup();
        let ticks: Vec<f64> = distances.iter().map(|&distance| distance as f64).collect();
        let (low, high) = (ticks[0] / 1.3, ticks[ticks.len() - 1] * 1.3);
        let known = |f: &dyn Fn(usize) -> f64| -> Points {
            let first = (low, f(distances[0]));
            let last = (high, f(distances[distances.len() - 1]));
            let between = distances
                .iter()
                .map(|&distance| (distance as f64, f(distance)));
            [vec![first], between.collect(), vec![last]].concat()
        };
        let mut series = vec![
            (Mark::Line(GREY, 1), known(&|distance| task.floor(distance))),
            (
                Mark::Dashes(BLACK),
                known(&|distance| task.chance(distance)),
            ),
        ];
        for (i, kind) in Kind::ALL.into_iter().enumerate() {
            // Side by side, so that none hides another.
            let aside = 1.06f64.powi(i as i32 - 1);
            let mut of_kind: Vec<&Group<B>> =
                of_task.iter().filter(|group| group.kind == kind).collect();
            of_kind.sort_by_key(|group| group.distance);
            let place =
                |group: &&Group<B>, result| (group.distance as f64 * aside, within(answer, result));
            let medians = of_kind.iter().map(|group| place(group, group.median()));
            series.push((Mark::Line(ink(kind), 2), medians.collect()));
            let each = of_kind.iter().flat_map(|group| {
                group
                    .trained
                    .iter()
                    .map(move |done| place(group, done.result))
            });
            series.push((mark(kind), each.collect()));
        }
        let x = Axis {
            ticks,
            ..Axis::log("distance, steps", low..high)
        };
        Panel {
            title: task.name().to_owned(),
            x,
            y: axis(answer),
            series,
        }
    };
    let panels: Vec<Panel> = by_task(groups).iter().map(panel).collect();
    let mut keys: Vec<_> = Kind::ALL
        .map(|kind| key(&format!("{kind}: each seed; line: median"), mark(kind)))
        .into();
    keys.push(key("guess that sees nothing", Mark::Dashes(BLACK)));
    keys.push(key("best guess from the last input", Mark::Line(GREY, 1)));
    Figure {
        keys,
        rows: in_rows(panels, 2),
        panel: (480, 330),
    }
}

fn in_rows(panels: Vec<Panel>, columns: usize) -> Vec<Vec<Panel>> {
    let mut panels = panels.into_iter().peekable();
    let mut rows = Vec::new();
    while panels.peek().is_some() {
        rows.push(panels.by_ref().take(columns).collect());
    }
    rows
}

fn curves<B: Backend>(groups: &[Group<B>]) -> Figure {
    let panel = |of_distance: &[Group<B>]| {
        let (task, answer) = (of_distance[0].task, of_distance[0].task.answer());
        let all = of_distance.iter().flat_map(|group| &group.trained);
        let updates = all.map(|done| done.updates).max().unwrap_or(1);
        let mut series = Vec::new();
        for group in of_distance {
            for done in &group.trained {
                let place =
                    |point: &CurvePoint| (point.update as f64, within(answer, point.result));
                let curve: Points = done.curve.iter().map(place).collect();
                let end = curve.last().copied().into_iter().collect();
                series.push((Mark::Line(ink(group.kind), 1), curve));
                series.push((mark(group.kind), end));
            }
        }
        Panel {
            title: format!("{}, distance {}", task.name(), of_distance[0].distance),
            x: Axis::linear("updates", 0.0..1.02 * updates as f64),
            y: axis(answer),
            series,
        }
    };
    let same = |a: &Group<B>, b: &Group<B>| a.distance == b.distance;
    let row = |of_task: &&[Group<B>]| of_task.chunk_by(same).map(panel).collect();
    let keys = Kind::ALL.map(|kind| key(&format!("{kind}: a seed, and where it ends"), mark(kind)));
    Figure {
        keys: keys.into(),
        rows: by_task(groups).iter().map(row).collect(),
        panel: (360, 260),
    }
}

/// The smallest gradient that is drawn, beside the largest.
const DEEPEST: f64 = 1e-30;

fn gradient<B: Backend>(groups: &[Group<B>]) -> Option<Figure> {
    let (hidden, cell) = (|kind| Mark::Line(ink(kind), 2), COLOURS[5].rgb);
    let longest: Vec<&Group<B>> = groups
        .iter()
        .filter(|group| group.is_longest(groups) && group.trained[0].reach.is_some())
        .collect();
    let same = |a: &&Group<B>, b: &&Group<B>| a.task.name() == b.task.name();
    let panel = |when: usize, of_task: &[&Group<B>]| {
        let mut series: Vec<(Mark, Points)> = Vec::new();
        for group in of_task {
            let of_each = |f: &dyn Fn(&Trained<B>) -> Option<Vec<f64>>| -> Vec<Vec<f64>> {
                group.trained.iter().filter_map(|done| f(done)).collect()
            };
            let cells = of_each(&|done| done.reach.as_ref()?[when].cell.clone());
            let hiddens = of_each(&|done| Some(done.reach.as_ref()?[when].hidden.clone()));
            for (norms, ink, line) in [
                (cells, cell, Mark::Line(cell, 2)),
                (hiddens, ink(group.kind), hidden(group.kind)),
            ] {
                series.extend(
                    norms
                        .iter()
                        .map(|norms| (Mark::Line(ink, 1), positive(norms))),
                );
                if let Some(first) = norms.first() {
                    let at = |k: usize| median(norms.iter().map(|norms| norms[k]).collect());
                    let medians: Vec<f64> = (0..first.len()).map(at).collect();
                    series.push((line, positive(&medians)));
                }
            }
        }
        let values = series
            .iter()
            .flat_map(|(_, points)| points)
            .map(|&(_, y)| y);
        let (low, high) = values.fold((0.1f64, 1.0f64), |(low, high), y| (low.min(y), high.max(y)));
        let (group, steps) = (of_task[0], of_task[0].task.steps(of_task[0].distance));
        let training = ["before", "after"][when];
        Panel {
            title: format!(
                "{}, distance {}, {training} training",
                group.task.name(),
                group.distance
            ),
            x: Axis::linear("steps back, k", 0.0..steps as f64),
            y: Axis::log("gradient norm at step T-k", low / 2.0..high * 2.0),
            series,
        }
    };
    let rows = [0, 1].map(|when| {
        let tasks = longest.chunk_by(same);
        tasks.map(|of_task| panel(when, of_task)).collect()
    });
    (!longest.is_empty()).then(|| Figure {
        keys: vec![
            key("Rnn: ∂loss_T/∂h, hidden state", hidden(Kind::Rnn)),
            key("Lstm: ∂loss_T/∂h, hidden state", hidden(Kind::Lstm)),
            key("Lstm: ∂loss_T/∂c, cell", Mark::Line(cell, 2)),
            key("thick: median of the seeds", Mark::Line(GREY, 2)),
        ],
        rows: rows.into(),
        panel: (400, 300),
    })
}

/// Where a gradient is large enough to be drawn, from k = 0 on.
fn positive(norms: &[f64]) -> Points {
    let points = norms.iter().enumerate().map(|(k, &norm)| (k as f64, norm));
    points
        .filter(|&(_, norm)| norm.is_finite() && norm > DEEPEST)
        .collect()
}

fn forget_gate(example: &Example) -> Figure {
    let (blue, orange) = (COLOURS[0].rgb, COLOURS[1].rgb);
    let steps = example.moments.len();
    let panel = |title: String, label, range, series| Panel {
        title,
        x: Axis::linear("step t", -1.0..steps as f64),
        y: Axis::linear(label, range),
        series,
    };
    let at_each = |f: &dyn Fn(&Step) -> f64| -> Points {
        let values = example.moments.iter().map(f).enumerate();
        values.map(|(t, value)| (t as f64, value)).collect()
    };
    let read = |is_marked: bool| -> Points {
        let mark = if is_marked { 1.0 } else { 0.0 };
        let numbers = at_each(&|moment| moment.x[0]).into_iter();
        let marks = example.moments.iter().map(|moment| moment.x[1]);
        numbers
            .zip(marks)
            .filter(|&(_, m)| m == mark)
            .map(|(point, _)| point)
            .collect()
    };
    let unit = example.unit;
    // All units in grey, the one that holds the sum above them.
    let of_units = |f: &dyn Fn(&Step) -> &[f64]| -> Vec<(Mark, Points)> {
        let curve = |unit: usize| at_each(&|moment| f(moment)[unit]);
        let all = (0..f(&example.moments[0]).len()).map(|i| (Mark::Line(FAINT, 1), curve(i)));
        all.chain([(Mark::Line(blue, 2), curve(unit))]).collect()
    };
    let cells = of_units(&|moment| &moment.c);
    let heights = cells.iter().flat_map(|(_, points)| points).map(|&(_, c)| c);
    let (low, high) = heights.fold((0.0f64, 0.0f64), |(low, high), c| (low.min(c), high.max(c)));
    let margin = 0.05 * (high - low);
    let forget = example.moments.iter().flat_map(|moment| &moment.f);
    let lowest = forget.copied().fold(0.9, f64::min);
    let answer = example.moments[steps - 1].answer[0];
    let sum = example.sums[steps - 1];
    let rows = [
        panel(
            format!("what it reads; the marked numbers add up to {sum:.3}, it answers {answer:.3}"),
            "number",
            0.0..1.05,
            vec![
                (Mark::Stem(GREY), read(false)),
                (Mark::Stem(orange), read(true)),
            ],
        ),
        panel(
            "forget gate: 1 keeps what the cell has, 0 forgets it".into(),
            "f",
            lowest - 0.02..1.01,
            of_units(&|moment| &moment.f),
        ),
        panel(
            "input gate: 1 takes the candidate in, 0 shuts it out".into(),
            "i",
            -0.03..1.03,
            of_units(&|moment| &moment.i),
        ),
        panel("cell".into(), "c", low - margin..high + margin, cells),
    ];
    Figure {
        keys: vec![
            key("a marked number", Mark::Stem(orange)),
            key("another number", Mark::Stem(GREY)),
            key(
                &format!("unit {unit}, which follows the sum best"),
                Mark::Line(blue, 2),
            ),
            key("the other units", Mark::Line(FAINT, 1)),
        ],
        rows: in_rows(rows.into(), 1),
        panel: (960, 220),
    }
}

/// For what is in the background.
const FAINT: Ink = (200, 200, 200);
