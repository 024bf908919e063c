//! The picture: a histogram of the latencies, both axes logarithmic, so that the tail is seen.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::latency::Latencies;

const BLUE: RGBColor = RGBColor(0, 114, 178);

pub fn draw(file: &Path, latencies: &Latencies) -> Result<(), Box<dyn Error>> {
    let bins = latencies.histogram();
    let (Some((&first, _)), Some((&last, _))) = (bins.first_key_value(), bins.last_key_value())
    else {
        return Err("no latencies to draw".into());
    };
    let edge = |bin: i32| 10f64.powf(f64::from(bin) / 10.0);
    let most = bins.values().copied().max().unwrap_or(1);
    let percentile = |share| latencies.percentile(share).unwrap_or_default();
    let caption = format!(
        "From a line to its forecast: half take up to {:.1} µs, 99.9 % up to {:.1} µs",
        percentile(0.5),
        percentile(0.999)
    );

    let root = SVGBackend::new(file, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let across = (edge(first - 1)..edge(last + 2)).log_scale();
    let mut chart = ChartBuilder::on(&root)
        .caption(caption, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(across, (0.5..2.0 * f64::from(most)).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("latency in µs")
        .y_desc("forecasts")
        .x_label_formatter(&|latency| latency.to_string())
        .y_label_formatter(&|count| count.to_string())
        .light_line_style(WHITE)
        .draw()?;
    let bars = bins.into_iter().map(|(bin, count)| {
        let corners = [(edge(bin), 0.5), (edge(bin + 1), f64::from(count))];
        Rectangle::new(corners, BLUE.filled())
    });
    chart.draw_series(bars)?;
    root.present()?;
    Ok(())
}
