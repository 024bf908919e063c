//! The picture: forecasts and truth, in colours that colour-blind readers can tell apart.

use std::{error::Error, path::Path};

use plotters::prelude::*;

/// Values by time step. `ahead` starts at step 1, `alone` one step after the end of `noisy`.
pub struct Curves {
    pub signal: Vec<f32>,
    pub noisy: Vec<f32>,
    pub ahead: Vec<f32>,
    pub alone: Vec<f32>,
}

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

pub fn draw(file: &Path, curves: &Curves) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let steps = curves.signal.len();
    let mut chart = ChartBuilder::on(&root)
        .caption("An LSTM forecasts a noisy wave", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0..steps, -2.0f32..2.9)?;
    chart
        .configure_mesh()
        .x_desc("time step")
        .y_desc("value")
        .light_line_style(WHITE)
        .draw()?;

    let line = |from: usize, values: &[f32], style: ShapeStyle| {
        let points = values.iter().enumerate().map(move |(i, &y)| (from + i, y));
        LineSeries::new(points.collect::<Vec<_>>(), style)
    };
    let legend = |style: ShapeStyle| {
        move |(x, y): (i32, i32)| PathElement::new(vec![(x, y), (x + 20, y)], style)
    };
    let dots = curves.noisy.iter().enumerate();
    chart
        .draw_series(dots.map(|(t, &y)| Circle::new((t, y), 2, BLACK.mix(0.35).filled())))?
        .label("observed")
        .legend(|(x, y)| Circle::new((x + 10, y), 2, BLACK.mix(0.35).filled()));

    let seen = curves.noisy.len();
    for (label, from, values, style) in [
        ("signal", 0, &curves.signal, BLACK.stroke_width(1)),
        ("one step ahead", 1, &curves.ahead, BLUE.stroke_width(2)),
        (
            "alone, from its own forecasts",
            seen + 1,
            &curves.alone,
            ORANGE.stroke_width(2),
        ),
    ] {
        chart
            .draw_series(line(from, values, style))?
            .label(label)
            .legend(legend(style));
    }
    let end = [(seen, -2.0), (seen, 2.0)];
    chart.draw_series(LineSeries::new(end, BLACK.mix(0.3)))?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    root.present()?;
    Ok(())
}
