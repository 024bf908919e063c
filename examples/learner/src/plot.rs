//! The picture: the loss of each update and of each validation, in colours that colour-blind readers can tell
//! apart.

use std::{error::Error, path::Path};

use plotters::prelude::*;

#[derive(Default)]
pub struct Losses {
    /// Of each update.
    pub training: Vec<f64>,
    /// After how many updates, and how large.
    pub validation: Vec<(usize, f64)>,
}

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

pub fn draw(file: &Path, losses: &Losses) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let updates = losses.training.len();
    let most = losses.training.iter().copied().fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .caption(
            "An LSTM in Burn's Learner: sine, square or sawtooth?",
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0..updates, 0.0..1.05 * most)?;
    chart
        .configure_mesh()
        .x_desc("update")
        .y_desc("loss in nats")
        .light_line_style(WHITE)
        .draw()?;

    let training = (1..).zip(losses.training.iter().copied());
    let thin = BLUE.mix(0.7).stroke_width(1);
    chart
        .draw_series(LineSeries::new(training, thin))?
        .label("training, each batch")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], thin));
    let bold = ORANGE.stroke_width(2);
    chart
        .draw_series(LineSeries::new(losses.validation.clone(), bold).point_size(4))?
        .label("validation, each epoch")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], bold));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    root.present()?;
    Ok(())
}
