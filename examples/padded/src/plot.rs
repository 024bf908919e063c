//! The picture: accuracy against length, in colours that colour-blind readers can tell apart.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::{
    classifier::Padding,
    series::{LONGEST, SHORTEST},
};

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

/// Draws the accuracies, from 0 to 1, by length from `SHORTEST` up.
pub fn draw(file: &Path, curves: &[(Padding, Vec<f32>)]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Does a series end above its start?", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0..LONGEST + 1, 30.0f32..104.0)?;
    chart
        .configure_mesh()
        .x_desc(format!("length, padded to {LONGEST}"))
        .y_desc("accuracy in %")
        .y_label_formatter(&|y| format!("{y:.0}"))
        .light_line_style(WHITE)
        .draw()?;

    let guess = [(0, 50.0), (LONGEST + 1, 50.0)];
    let guess_style = BLACK.mix(0.4).stroke_width(1);
    chart
        .draw_series(LineSeries::new(guess, guess_style))?
        .label("guessing")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], guess_style));
    for (padding, by_length) in curves {
        let style = match padding {
            Padding::Skipped => BLUE.stroke_width(2),
            Padding::Read => ORANGE.stroke_width(2),
        };
        let points = (SHORTEST..).zip(by_length.iter().map(|accuracy| 100.0 * accuracy));
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(padding.label())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    root.present()?;
    Ok(())
}
