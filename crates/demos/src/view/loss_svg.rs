//! Draws loss curves as SVG, with a legend above.

use anyhow::Result;
use plotters::prelude::*;
use train::bits_per_char;

use super::{
    fit::shortened,
    legend::{self, Area, ROW},
    loss_curves::{LossCurves, RunCurves},
    numbers::plural,
    palette::COLOURS,
};

/// In pixels, like all sizes here.
const MARGIN: i32 = 16;
const DOT: i32 = 3;
const RING: i32 = 8;
/// Room for the numbers of an axis, of up to six digits, and its title.
const LABELS: i32 = 84;
const FAINT: f64 = 0.25;
/// The longest name of a run in the legend, in characters.
const NAME: usize = 52;
/// Dashes, once the colours repeat.
const DASH: i32 = 8;
/// The most dots on a curve: more would hide it.
const DOTS: usize = 100;
const FONT_SIZE: i32 = 16;
const FONT: (&str, i32) = ("sans-serif", FONT_SIZE);

/// Returns the curves as SVG.
///
/// # Errors
///
/// Never fails if all losses are finite.
pub fn draw(curves: &LossCurves) -> Result<String> {
    let mut svg = String::new();
    let size = (960, 500 + legend_height(curves) as u32);
    draw_into(
        curves,
        &SVGBackend::with_string(&mut svg, size).into_drawing_area(),
    )?;
    Ok(svg)
}

fn draw_into(curves: &LossCurves, root: &Area) -> Result<()> {
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(legend_height(curves));
    let losses = curves.losses.clone();
    let bits = bits_per_char(losses.start)..bits_per_char(losses.end);
    // Leaves room for the ring around a best point at the end.
    let x = 0.0..1.02 * curves.end;
    let mut area = ChartBuilder::on(&below)
        .margin(MARGIN)
        .x_label_area_size(44)
        .y_label_area_size(LABELS)
        .right_y_label_area_size(LABELS)
        .build_cartesian_2d(x.clone(), losses.clone())?
        .set_secondary_coord(x, bits);
    area.configure_mesh()
        .x_desc(curves.unit)
        .y_desc("loss, nats per character")
        .x_label_formatter(&|x| curves.x_label(*x))
        .y_label_formatter(&|loss| curves.loss_label(*loss))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.15))
        .label_style(FONT)
        .draw()?;
    area.configure_secondary_axes()
        .y_desc("bits per character")
        .y_label_formatter(&|bits| curves.loss_label(*bits))
        .label_style(FONT)
        .draw()?;

    let inside = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let points = points.iter().copied();
        points.filter(|(_, loss)| losses.contains(loss)).collect()
    };
    for (i, run) in curves.runs.iter().enumerate() {
        area.draw_series(LineSeries::new(inside(&run.raw), colour(i).mix(FAINT)))?;
    }
    for (i, run) in curves.runs.iter().enumerate() {
        let (colour, line, dot) = (colour(i), thick(colour(i)), dot(i));
        let smooth = inside(&run.smooth);
        match (&smooth[..], i / COLOURS.len()) {
            // A line has two ends.
            (&[only], _) => {
                area.draw_series([Circle::new(only, DOT, colour.filled())])?;
            }
            (_, 0) => {
                area.draw_series(LineSeries::new(smooth, line))?;
            }
            _ => {
                area.draw_series(DashedLineSeries::new(smooth, DASH, DASH, line))?;
            }
        }
        area.draw_series(LineSeries::new(run.validation.clone(), colour))?;
        let every = run.validation.len().div_ceil(DOTS).max(1);
        let dots = run.validation.iter().step_by(every);
        area.draw_series(dots.map(|&point| Circle::new(point, DOT, dot)))?;
        area.draw_series(run.best.map(|best| Circle::new(best, RING, line)))?;
        let circle = (!run.validation.is_empty()).then_some((DOT, dot));
        key(
            &above,
            (1, i),
            &shortened(&run.name, NAME),
            Some(line),
            circle,
        )?;
    }
    let has = |what: fn(&RunCurves) -> bool| curves.runs.iter().any(what);
    let mean = format!("training, mean over {}", plural(curves.window, "update"));
    let (thin, faint) = (BLACK.stroke_width(1), BLACK.mix(FAINT).stroke_width(1));
    let dot = Some((DOT, BLACK.filled()));
    let ring = Some((RING, thick(BLACK)));
    let mut row = 0;
    let mut explain = |is_there: bool, label: &str, line, circle| {
        if is_there {
            row += 1;
            key(&above, (0, row - 1), label, line, circle)?;
        }
        anyhow::Ok(())
    };
    let has_training = has(|run| !run.smooth.is_empty());
    explain(has_training, &mean, Some(thick(BLACK)), None)?;
    explain(has_training, "training, each update", Some(faint), None)?;
    explain(
        has(|run| !run.validation.is_empty()),
        "validation",
        Some(thin),
        dot,
    )?;
    explain(has(|run| run.best.is_some()), "best validation", None, ring)?;
    root.present()?;
    Ok(())
}

/// Draws the entry of the legend in this column and row.
fn key(
    area: &Area,
    (column, row): (i32, usize),
    label: &str,
    line: Option<ShapeStyle>,
    circle: Option<(i32, ShapeStyle)>,
) -> Result<()> {
    let x = MARGIN + 60 + 380 * column;
    let y = MARGIN + ROW / 2 + ROW * row as i32;
    if let Some(style) = line {
        legend::line(area, (x, y), style)?;
    }
    if let Some((radius, style)) = circle {
        area.draw(&Circle::new(legend::middle((x, y)), radius, style))?;
    }
    legend::label(area, (x, y), label, FONT_SIZE)
}

fn legend_height(curves: &LossCurves) -> i32 {
    MARGIN + ROW * curves.runs.len().max(4) as i32
}

fn colour(run: usize) -> RGBColor {
    let (r, g, b) = COLOURS[run % COLOURS.len()].rgb;
    RGBColor(r, g, b)
}

/// Dots are hollow once the colours repeat.
fn dot(run: usize) -> ShapeStyle {
    match run / COLOURS.len() {
        0 => colour(run).filled(),
        _ => colour(run).stroke_width(1),
    }
}

fn thick(colour: RGBColor) -> ShapeStyle {
    colour.stroke_width(2)
}
