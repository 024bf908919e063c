//! How far back the gradient reaches, before and after training.

use burn::tensor::backend::Backend;
use demos::view::{
    palette::{COLOURS, GREY},
    panels::{Axis, Figure, Mark, Panel, Points},
};
use long_memory::{NetworkKind, Trained};

use super::networks::colour;
use crate::results::{Group, median, networks};

/// The smallest gradient norm that is drawn.
const DEEPEST: f64 = 1e-30;

pub fn figure<B: Backend>(groups: &[Group<B>]) -> Option<Figure> {
    let (hidden, cell) = (|kind| Mark::Line(colour(kind), 2), COLOURS[5].rgb);
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
            let cells = of_each(&|done| Some(done.reach.as_ref()?[when].of("cell")?.to_vec()));
            let hiddens = of_each(&|done| Some(done.reach.as_ref()?[when].hidden().to_vec()));
            for (norms, thin, line) in [
                (cells, cell, Mark::Line(cell, 2)),
                (hiddens, colour(group.kind), hidden(group.kind)),
            ] {
                series.extend(
                    norms
                        .iter()
                        .map(|norms| (Mark::Line(thin, 1), positive(norms))),
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
    let with_reach = networks(groups)
        .into_iter()
        .filter(|&kind| longest.iter().any(|group| group.kind == kind));
    let key = |kind| (format!("{kind}: ∂loss_T/∂h, hidden state"), hidden(kind));
    let mut keys: Vec<_> = with_reach.map(key).collect();
    let has_cell = |group: &Group<B>| {
        let reach = group.trained[0].reach.as_ref();
        reach.is_some_and(|reach| reach[0].of("cell").is_some())
    };
    let with_cell: Vec<NetworkKind> = networks(groups)
        .into_iter()
        .filter(|&kind| {
            longest
                .iter()
                .filter(|group| group.kind == kind)
                .any(|group| has_cell(group))
        })
        .collect();
    if !with_cell.is_empty() {
        let names: Vec<String> = with_cell.iter().map(NetworkKind::to_string).collect();
        let text = format!("{}: ∂loss_T/∂c, cell state", names.join(", "));
        keys.push((text, Mark::Line(cell, 2)));
    }
    keys.push(("thick: median over seeds".into(), Mark::Line(GREY, 2)));
    (!longest.is_empty()).then_some(Figure {
        keys,
        rows: rows.into(),
        panel: (400, 300),
        note: None,
    })
}

/// Returns the points of gradient norms, from k = 0, without those too small to draw.
fn positive(norms: &[f64]) -> Points {
    let points = norms.iter().enumerate().map(|(k, &norm)| (k as f64, norm));
    points
        .filter(|&(_, norm)| norm.is_finite() && norm > DEEPEST)
        .collect()
}
