//! Entries of a chart's legend: a sample of the curve, then its label.

use anyhow::Result;
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// Height of an entry in pixels.
pub const ROW: i32 = 22;

/// A part of a chart.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a line as the sample of the entry at `(x, y)`.
pub fn line(area: &Area, (x, y): (i32, i32), style: ShapeStyle) -> Result<()> {
    Ok(area.draw(&PathElement::new([(x, y), (x + 28, y)], style))?)
}

/// Returns the middle of the sample, where a mark goes.
pub fn middle((x, y): (i32, i32)) -> (i32, i32) {
    (x + 14, y)
}

/// Writes the label to the right of the sample, in a font of `size` pixels.
pub fn label(area: &Area, (x, y): (i32, i32), label: &str, size: i32) -> Result<()> {
    let left = Pos::new(HPos::Left, VPos::Center);
    let style = ("sans-serif", size).into_text_style(area).pos(left);
    Ok(area.draw(&Text::new(label.to_owned(), (x + 40, y), style))?)
}
