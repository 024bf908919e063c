//! The result of each network during training.

use burn::tensor::backend::Backend;
use demos::view::panels::{Axis, Figure, Mark, Panel, Points};
use long_memory::{CurvePoint, NetworkKind};

use super::{
    networks::{colour, mark},
    result_axis::{axis, within},
};
use crate::results::{Group, by_task, networks};

pub fn figure<B: Backend>(groups: &[Group<B>]) -> Figure {
    // One scale for all panels, so that they can be compared.
    let all = groups.iter().flat_map(|group| &group.trained);
    let updates = all.map(|done| done.updates).max().unwrap_or(1);
    let panel = |of_distance: &[Group<B>]| {
        let (task, answer) = (of_distance[0].task, of_distance[0].task.answer());
        let mut series = Vec::new();
        for group in of_distance {
            for done in &group.trained {
                let place =
                    |point: &CurvePoint| (point.update as f64, within(answer, point.result));
                let curve: Points = done.curve.iter().map(place).collect();
                let end = curve.last().copied().into_iter().collect();
                series.push((Mark::Line(colour(group.kind), 1), curve));
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
    let key = |kind: NetworkKind| (format!("{kind}: one seed; mark: its end"), mark(kind));
    Figure {
        keys: networks(groups).into_iter().map(key).collect(),
        rows: by_task(groups).iter().map(row).collect(),
        panel: (360, 260),
        note: None,
    }
}
