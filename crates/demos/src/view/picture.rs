//! A chart as a picture: drawn as SVG, and that as PNG.

use std::sync::Arc;

use anyhow::{Context, Result};
use plotters::prelude::*;
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb},
};
use train::events::bits_per_char;

use super::chart::{COLOURS, Chart};

const SIZE: (u32, u32) = (960, 540);

/// Pixels of the PNG for each of the SVG, on either axis.
const SCALE: f32 = 2.0;

/// The chart as SVG.
///
/// # Errors
///
/// Never on a chart with finite numbers.
pub fn svg(chart: &Chart) -> Result<String> {
    let mut svg = String::new();
    draw(
        chart,
        SVGBackend::with_string(&mut svg, SIZE).into_drawing_area(),
    )?;
    Ok(svg)
}

/// The SVG as PNG, in a font that comes along: the machine may have none.
///
/// # Errors
///
/// Where it is not one of [`svg`]'s.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    fonts.set_sans_serif_family("Ubuntu");
    let options = Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).context("the picture")?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .context("the picture has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the picture has no size")?;
    let scale = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    pixels.encode_png().context("the picture")
}

fn draw(chart: &Chart, root: DrawingArea<SVGBackend, plotters::coord::Shift>) -> Result<()> {
    root.fill(&WHITE)?;
    let losses = chart.losses.clone();
    let bits = bits_per_char(losses.start)..bits_per_char(losses.end);
    let mut area = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .right_y_label_area_size(60)
        .build_cartesian_2d(0.0..chart.end, losses.clone())?
        .set_secondary_coord(0.0..chart.end, bits);
    area.configure_mesh()
        .x_desc(chart.unit)
        .y_desc("loss, nats per character")
        .x_label_formatter(&|x| chart.x_label(*x))
        .y_label_formatter(&|loss| chart.loss_label(*loss))
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.1))
        .label_style(("sans-serif", 16))
        .draw()?;
    area.configure_secondary_axes()
        .y_desc("bits per character")
        .y_label_formatter(&|bits| chart.loss_label(*bits))
        .label_style(("sans-serif", 16))
        .draw()?;

    let inside = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let points = points.iter().copied();
        points.filter(|(_, loss)| losses.contains(loss)).collect()
    };
    for (i, run) in chart.runs.iter().enumerate() {
        let (r, g, b) = COLOURS[i % COLOURS.len()].rgb;
        let faint = RGBColor(r, g, b).mix(0.25);
        area.draw_series(LineSeries::new(inside(&run.raw), faint))?;
    }
    for (i, run) in chart.runs.iter().enumerate() {
        let (r, g, b) = COLOURS[i % COLOURS.len()].rgb;
        let colour = RGBColor(r, g, b);
        // Where colours come again, dots are hollow.
        let dot = match i / COLOURS.len() {
            0 => colour.filled(),
            _ => colour.stroke_width(1),
        };
        let line = colour.stroke_width(2);
        area.draw_series(LineSeries::new(inside(&run.smooth), line))?
            .label(run.name.as_str())
            .legend(move |at| {
                let line = PathElement::new([(0, 0), (28, 0)], line);
                EmptyElement::at(at) + line + Circle::new((14, 0), 3, dot)
            });
        area.draw_series(LineSeries::new(run.validation.clone(), colour))?;
        let dots = run.validation.iter();
        area.draw_series(dots.map(|&point| Circle::new(point, 3, dot)))?;
        area.draw_series(run.best.map(|best| Circle::new(best, 8, line)))?;
    }
    let mean = match chart.window {
        1 => "training, each update".to_owned(),
        n => format!("training, mean of {n} updates; faint: each"),
    };
    let line = |length| PathElement::new([(0, 0), (length, 0)], BLACK.stroke_width(2));
    let thin = || PathElement::new([(0, 0), (28, 0)], BLACK);
    let none = || LineSeries::new([], BLACK);
    area.draw_series(none())?
        .label(mean)
        .legend(move |at| EmptyElement::at(at) + line(28));
    area.draw_series(none())?
        .label("validation")
        .legend(move |at| EmptyElement::at(at) + thin() + Circle::new((14, 0), 3, BLACK.filled()));
    area.draw_series(none())?
        .label("best validation")
        .legend(move |at| EmptyElement::at(at) + Circle::new((14, 0), 8, BLACK.stroke_width(2)));
    area.configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 16))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    root.present()?;
    Ok(())
}
