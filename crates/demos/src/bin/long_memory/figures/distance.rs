//! The result of each network against the distance.

use burn::tensor::backend::Backend;
use demos::view::{
    palette::{BLACK, GREY},
    panels::{Axis, Figure, Mark, Panel, Points},
};
use long_memory::NetworkKind;

use super::{
    networks::{colour, mark},
    result_axis::{axis, within},
};
use crate::results::{Group, by_task, networks};

pub fn figure<B: Backend>(groups: &[Group<B>]) -> Figure {
    let networks = networks(groups);
    let panel = |of_task: &&[Group<B>]| {
        let (task, answer) = (of_task[0].task, of_task[0].task.answer());
        let mut distances: Vec<usize> = of_task.iter().map(|group| group.distance).collect();
        distances.sort_unstable();
        distances.dedup();
        let ticks: Vec<f64> = distances.iter().map(|&distance| distance as f64).collect();
        // A single distance needs room around it: the networks stand side by side.
        let room = if ticks.len() == 1 { 4.0 } else { 1.3 };
        let (low, high) = (ticks[0] / room, ticks[ticks.len() - 1] * room);
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
        for (i, &kind) in networks.iter().enumerate() {
            // Side by side, so that no network hides another.
            let aside = 1.06f64.powf(i as f64 - (networks.len() as f64 - 1.0) / 2.0);
            let mut of_kind: Vec<&Group<B>> =
                of_task.iter().filter(|group| group.kind == kind).collect();
            of_kind.sort_by_key(|group| group.distance);
            let place =
                |group: &&Group<B>, result| (group.distance as f64 * aside, within(answer, result));
            let medians = of_kind.iter().map(|group| place(group, group.median()));
            series.push((Mark::Line(colour(kind), 2), medians.collect()));
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
    let key = |&kind: &NetworkKind| (format!("{kind}: each seed; line: median"), mark(kind));
    let mut keys: Vec<_> = networks.iter().map(key).collect();
    keys.push((
        "chance: best guess without input".into(),
        Mark::Dashes(BLACK),
    ));
    keys.push((
        "floor: best guess from the last input".into(),
        Mark::Line(GREY, 1),
    ));
    Figure {
        keys,
        rows: in_rows(panels, 2),
        panel: (480, 330),
        note: None,
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
