//! A chart as a picture: drawn as SVG, and that as PNG.

use std::sync::Arc;

use anyhow::{Context, Result};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb},
};
use train::bits_per_char;

use super::{
    chart::{COLOURS, Chart},
    plural,
};

/// In pixels of the SVG, as all sizes but [`SCALE`].
const MARGIN: i32 = 16;
const ROW: i32 = 22;
const DOT: i32 = 3;
const RING: i32 = 8;
const FAINT: f64 = 0.25;
/// Dots on a curve at most, or they would hide it.
const DOTS: usize = 100;
const FONT: (&str, i32) = ("sans-serif", 16);

/// Pixels of the PNG for each of the SVG, on either axis.
const SCALE: f32 = 2.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The chart as SVG.
///
/// # Errors
///
/// Never fails on a chart with finite numbers.
pub fn svg(chart: &Chart) -> Result<String> {
    let mut svg = String::new();
    let size = (960, 500 + legend_height(chart) as u32);
    draw(
        chart,
        &SVGBackend::with_string(&mut svg, size).into_drawing_area(),
    )?;
    Ok(svg)
}

/// The SVG as PNG, in a font that comes along: the machine may have none.
///
/// # Errors
///
/// Returns an error if it is not one of [`svg`]'s.
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

/// Draws the chart, and its legend above.
fn draw(chart: &Chart, root: &Area) -> Result<()> {
    root.fill(&WHITE)?;
    let (legend, below) = root.split_vertically(legend_height(chart));
    let losses = chart.losses.clone();
    let bits = bits_per_char(losses.start)..bits_per_char(losses.end);
    // Room for the ring around a best point at the end.
    let x = 0.0..1.02 * chart.end;
    let mut area = ChartBuilder::on(&below)
        .margin(MARGIN)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .right_y_label_area_size(60)
        .build_cartesian_2d(x.clone(), losses.clone())?
        .set_secondary_coord(x, bits);
    area.configure_mesh()
        .x_desc(chart.unit)
        .y_desc("loss, nats per character")
        .x_label_formatter(&|x| chart.x_label(*x))
        .y_label_formatter(&|loss| chart.loss_label(*loss))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.15))
        .label_style(FONT)
        .draw()?;
    area.configure_secondary_axes()
        .y_desc("bits per character")
        .y_label_formatter(&|bits| chart.loss_label(*bits))
        .label_style(FONT)
        .draw()?;

    let inside = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let points = points.iter().copied();
        points.filter(|(_, loss)| losses.contains(loss)).collect()
    };
    for (i, run) in chart.runs.iter().enumerate() {
        area.draw_series(LineSeries::new(inside(&run.raw), colour(i).mix(FAINT)))?;
    }
    for (i, run) in chart.runs.iter().enumerate() {
        let (colour, line, dot) = (colour(i), thick(colour(i)), dot(i));
        area.draw_series(LineSeries::new(inside(&run.smooth), line))?;
        area.draw_series(LineSeries::new(run.validation.clone(), colour))?;
        let every = run.validation.len().div_ceil(DOTS).max(1);
        let dots = run.validation.iter().step_by(every);
        area.draw_series(dots.map(|&point| Circle::new(point, DOT, dot)))?;
        area.draw_series(run.best.map(|best| Circle::new(best, RING, line)))?;
        key(&legend, (1, i), &run.name, Some(line), Some((DOT, dot)))?;
    }
    let mean = format!("training, mean of {}", plural(chart.window, "update"));
    let (thin, faint) = (BLACK.stroke_width(1), BLACK.mix(FAINT).stroke_width(1));
    let dot = Some((DOT, BLACK.filled()));
    let ring = Some((RING, thick(BLACK)));
    key(&legend, (0, 0), &mean, Some(thick(BLACK)), None)?;
    key(&legend, (0, 1), "training, each update", Some(faint), None)?;
    key(&legend, (0, 2), "validation", Some(thin), dot)?;
    key(&legend, (0, 3), "best validation", None, ring)?;
    root.present()?;
    Ok(())
}

/// A line of the legend, in a column and a row of it.
fn key(
    legend: &Area,
    (column, row): (i32, usize),
    label: &str,
    line: Option<ShapeStyle>,
    circle: Option<(i32, ShapeStyle)>,
) -> Result<()> {
    let x = MARGIN + 60 + 380 * column;
    let y = MARGIN + ROW / 2 + ROW * row as i32;
    if let Some(style) = line {
        legend.draw(&PathElement::new([(x, y), (x + 28, y)], style))?;
    }
    if let Some((radius, style)) = circle {
        legend.draw(&Circle::new((x + 14, y), radius, style))?;
    }
    let middle = FONT
        .into_text_style(legend)
        .pos(Pos::new(HPos::Left, VPos::Center));
    legend.draw(&Text::new(label.to_owned(), (x + 40, y), middle))?;
    Ok(())
}

fn legend_height(chart: &Chart) -> i32 {
    MARGIN + ROW * chart.runs.len().max(4) as i32
}

fn colour(run: usize) -> RGBColor {
    let (r, g, b) = COLOURS[run % COLOURS.len()].rgb;
    RGBColor(r, g, b)
}

/// Where colours come again, dots are hollow.
fn dot(run: usize) -> ShapeStyle {
    match run / COLOURS.len() {
        0 => colour(run).filled(),
        _ => colour(run).stroke_width(1),
    }
}

fn thick(colour: RGBColor) -> ShapeStyle {
    colour.stroke_width(2)
}
