//! Draws the points of a series: as a line, or with a mark each.

use anyhow::Result;
use plotters::{coord::cartesian::Cartesian2d, prelude::*};

use super::axis::Scale;
use crate::view::{
    legend::{self, Area},
    palette::Rgb,
};

/// A line through points, or a mark on each.
#[derive(Clone, Copy)]
pub enum Mark {
    /// A line, and its width in pixels.
    Line(Rgb, u32),
    /// A thin dashed line.
    Dashes(Rgb),
    /// A filled circle.
    Dot(Rgb),
    /// A filled triangle.
    Triangle(Rgb),
    /// Two crossing strokes.
    Cross(Rgb),
    /// A line up from the bottom of the panel, with a dot on top.
    Stem(Rgb),
}

/// The points of a series, as (x, y).
pub type Points = Vec<(f64, f64)>;

/// Radius of a mark in pixels.
const SIZE: i32 = 4;

/// The coordinate system of a panel.
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;

impl Mark {
    /// Draws the points of a series; stems start at `floor`.
    pub(super) fn draw(self, places: Points, floor: f64, chart: &mut Chart) -> Result<()> {
        let style = self.style();
        match self {
            Mark::Line(..) => {
                chart.draw_series(LineSeries::new(places, style))?;
            }
            Mark::Dashes(_) => {
                chart.draw_series(DashedLineSeries::new(places, 5, 4, style))?;
            }
            Mark::Dot(_) => {
                chart.draw_series(places.iter().map(|&p| Circle::new(p, SIZE, style)))?;
            }
            Mark::Triangle(_) => {
                let triangles = places
                    .iter()
                    .map(|&p| TriangleMarker::new(p, SIZE + 2, style));
                chart.draw_series(triangles)?;
            }
            Mark::Cross(_) => {
                chart.draw_series(places.iter().map(|&p| Cross::new(p, SIZE, style)))?;
            }
            Mark::Stem(_) => {
                let line = |&(x, y): &(f64, f64)| PathElement::new([(x, floor), (x, y)], style);
                chart.draw_series(places.iter().map(line))?;
                chart.draw_series(places.iter().map(|&p| Circle::new(p, SIZE - 1, style)))?;
            }
        }
        Ok(())
    }

    fn style(self) -> ShapeStyle {
        let rgb = |(r, g, b): Rgb| RGBColor(r, g, b);
        match self {
            Mark::Line(ink, width) => rgb(ink).stroke_width(width),
            Mark::Dashes(ink) => rgb(ink).stroke_width(1),
            Mark::Cross(ink) => rgb(ink).stroke_width(2),
            Mark::Dot(ink) | Mark::Triangle(ink) | Mark::Stem(ink) => rgb(ink).filled(),
        }
    }

    /// Draws a sample for the legend.
    pub(super) fn key(self, area: &Area, (x, y): (i32, i32)) -> Result<()> {
        let (style, middle) = (self.style(), legend::middle((x, y)));
        match self {
            Mark::Line(..) => legend::line(area, (x, y), style)?,
            Mark::Dashes(_) => {
                for dash in [x, x + 10, x + 20] {
                    area.draw(&PathElement::new([(dash, y), (dash + 6, y)], style))?;
                }
            }
            Mark::Dot(_) | Mark::Stem(_) => area.draw(&Circle::new(middle, SIZE, style))?,
            Mark::Triangle(_) => area.draw(&TriangleMarker::new(middle, SIZE + 2, style))?,
            Mark::Cross(_) => area.draw(&Cross::new(middle, SIZE, style))?,
        }
        Ok(())
    }
}
