//! Draws the efficiency over the number of ranks.

use demos::view::{
    palette::{BLACK, COLOURS},
    panels::{Axis, Figure, Mark, Panel},
};

use crate::{
    forecast::{Model, Scaling},
    plan::Network,
    rows::Row,
    shape::Shape,
};

pub fn figure(model: &Model, shapes: &[Shape], rows: &[Row]) -> Figure {
    let lines: Vec<_> = shapes
        .iter()
        .flat_map(|&shape| {
            model
                .links
                .iter()
                .map(move |(name, link)| (shape, name, link))
        })
        .zip(&COLOURS)
        .map(|(line, colour)| (line, Mark::Line(colour.rgb, 2)))
        .collect();
    let panel = |scaling: Scaling| {
        let mut series: Vec<_> = lines
            .iter()
            .map(|&((shape, _, link), mark)| {
                let ranks = (0..=10).map(|power| f64::from(1 << power));
                let point = |ranks| (ranks, model.efficiency(shape, link, scaling, ranks));
                (mark, ranks.map(point).collect())
            })
            .collect();
        if let Scaling::Weak = scaling {
            series.push((MEASURED, measured(rows, shapes[0])));
        }
        Panel {
            title: scaling.title(),
            x: Axis {
                ticks: [1, 2, 8, 16, 64, 256, 1024].map(f64::from).to_vec(),
                ..Axis::log("ranks", 0.9..1150.0)
            },
            y: Axis::linear("speed per rank, over one rank alone", 0.0..1.05),
            series,
        }
    };
    let key = |((shape, name, _), mark): &((Shape, &&str, _), _)| {
        (format!("LSTM {shape}, {name}"), *mark)
    };
    let mut keys: Vec<_> = lines.iter().map(key).collect();
    let is_old = rows.iter().any(|row| row.stretches < row.ranks);
    let of_what = if is_old { " of an older program" } else { "" };
    keys.push((
        format!("measured{of_what}: {}, 10 Gbit/s", shapes[0]),
        MEASURED,
    ));
    Figure {
        keys,
        rows: vec![Scaling::ALL.map(panel).into()],
        panel: (480, 330),
        note: None,
    }
}

const MEASURED: Mark = Mark::Dot(BLACK);

/// Returns what was measured on two hosts, with as many rows on each as on one alone.
fn measured(rows: &[Row], shape: Shape) -> Vec<(f64, f64)> {
    let is_weak = |row: &&Row| {
        let run = (row.network, row.shape(), row.batch / row.ranks);
        run == (Network::Fast, shape, 50)
    };
    let ranks = |row: &Row| row.ranks as f64;
    let point = |row| (ranks(row), row.speed_up / ranks(row));
    rows.iter().filter(is_weak).map(point).collect()
}
