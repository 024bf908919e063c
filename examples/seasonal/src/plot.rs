//! The picture: forecasts and observations, in colours that colour-blind readers can tell apart.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::series::DAY;

/// Values by hour.
pub struct Curves<'a> {
    pub observed: &'a [f32],
    pub gru: &'a [f32],
    pub naive: &'a [f32],
}

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

pub fn draw(file: &Path, curves: &Curves) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let days = curves.observed.len() / DAY;
    let low = curves.observed.iter().copied().fold(f32::MAX, f32::min) - 0.5;
    let high = curves.observed.iter().copied().fold(f32::MIN, f32::max) + 1.5;
    let mut chart = ChartBuilder::on(&root)
        .caption("A GRU forecasts each day at midnight", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..days as f32, low..high)?;
    chart
        .configure_mesh()
        .x_desc("day after training")
        .y_desc("value")
        .x_labels(days + 1)
        .x_label_formatter(&|day| format!("{day:.0}"))
        .light_line_style(WHITE)
        .draw()?;

    let points = |values: &[f32]| -> Vec<(f32, f32)> {
        let hours = values.iter().enumerate();
        hours.map(|(t, &y)| (t as f32 / DAY as f32, y)).collect()
    };
    let grey = BLACK.mix(0.45).filled();
    chart
        .draw_series(
            points(curves.observed)
                .into_iter()
                .map(|p| Circle::new(p, 2, grey)),
        )?
        .label("observed")
        .legend(move |(x, y)| Circle::new((x + 10, y), 2, grey));
    for (label, values, style) in [
        (
            "the same hour a week ago",
            curves.naive,
            ORANGE.stroke_width(1),
        ),
        ("Gru", curves.gru, BLUE.stroke_width(2)),
    ] {
        chart
            .draw_series(LineSeries::new(points(values), style))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    root.present()?;
    Ok(())
}
