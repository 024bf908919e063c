//! The picture: PyTorch's forecasts, and ours on top of them.

use std::{error::Error, path::Path};

use plotters::prelude::*;

/// Values by hour; a forecast is of the hour after.
pub struct Curves<'a> {
    pub observed: &'a [f32],
    pub pytorch: &'a [f32],
    pub ours: &'a [f32],
}

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

pub fn draw(file: &Path, curves: &Curves) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let hours = curves.observed.len();
    let mut chart = ChartBuilder::on(&root)
        .caption(
            "A PyTorch model forecasts the next hour, in PyTorch and in Rust",
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0..hours + 1, -1.6f32..2.2)?;
    chart
        .configure_mesh()
        .x_desc("hour")
        .y_desc("temperature")
        .light_line_style(WHITE)
        .draw()?;

    let dots = curves.observed.iter().enumerate();
    chart
        .draw_series(dots.map(|(hour, &y)| Circle::new((hour, y), 2, BLACK.mix(0.35).filled())))?
        .label("observed")
        .legend(|(x, y)| Circle::new((x + 10, y), 2, BLACK.mix(0.35).filled()));
    for (label, forecasts, style) in [
        ("PyTorch", curves.pytorch, ORANGE.mix(0.5).stroke_width(6)),
        ("ours", curves.ours, BLUE.stroke_width(2)),
    ] {
        let points = (1..).zip(forecasts.iter().copied());
        chart
            .draw_series(LineSeries::new(points, style))?
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
