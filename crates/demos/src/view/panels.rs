//! Draws a figure as SVG: rows of panels with curves and marks, and one legend for all.

mod axis;
mod mark;

pub use axis::Axis;
pub use mark::{Mark, Points};

use anyhow::Result;
use plotters::prelude::*;

use super::legend::{self, Area, ROW};

/// A figure of panels in rows.
pub struct Figure {
    /// The entries of the legend, in reading order.
    pub keys: Vec<(String, Mark)>,
    /// The panels, from top to bottom and from left to right.
    pub rows: Vec<Vec<Panel>>,
    /// Width and height of a panel in pixels.
    pub panel: (u32, u32),
    /// What else the reader must know, below the legend.
    pub note: Option<String>,
}

/// One coordinate system.
pub struct Panel {
    /// The heading above it.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, the first series at the back. Points that are not finite are left out.
    pub series: Vec<(Mark, Points)>,
}

const LABEL: i32 = 14;
const TITLE: i32 = 16;
/// Width of a column of the legend.
const COLUMN: i32 = 300;

impl Figure {
    /// Returns the figure as SVG.
    ///
    /// # Errors
    ///
    /// Never fails if all axes are finite.
    pub fn svg(&self) -> Result<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
        let width = columns * self.panel.0;
        let per_row = (width as i32 / COLUMN).max(1) as usize;
        let key_rows = self.keys.len().div_ceil(per_row) as i32;
        let legend_height = 10 + ROW * (key_rows + i32::from(self.note.is_some()));
        let height = self.rows.len() as u32 * self.panel.1 + legend_height as u32;

        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (above, below) = root.split_vertically(legend_height);
        for (i, (label, mark)) in self.keys.iter().enumerate() {
            let x = 20 + COLUMN * (i % per_row) as i32;
            let y = 10 + ROW / 2 + ROW * (i / per_row) as i32;
            mark.key(&above, (x, y))?;
            legend::label(&above, (x, y), label, LABEL)?;
        }
        if let Some(note) = &self.note {
            // Where samples of curves begin.
            legend::label(&above, (-20, 10 + ROW / 2 + ROW * key_rows), note, LABEL)?;
        }
        let rows = below.split_evenly((self.rows.len(), 1));
        for (area, panels) in rows.iter().zip(&self.rows) {
            for (area, panel) in area.split_evenly((1, panels.len())).iter().zip(panels) {
                panel.draw(area)?;
            }
        }
        root.present()?;
        drop((above, below, rows, root));
        Ok(svg)
    }
}

impl Panel {
    fn draw(&self, area: &Area) -> Result<()> {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(20)
            .caption(&self.title, ("sans-serif", TITLE))
            .x_label_area_size(42)
            .y_label_area_size(62)
            .build_cartesian_2d(self.x.scale(), self.y.scale())?;
        chart
            .configure_mesh()
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .x_label_formatter(&|x| self.x.number(*x))
            .y_label_formatter(&|y| self.y.number(*y))
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .label_style(("sans-serif", LABEL))
            .draw()?;
        let floor = self.y.scale().low;
        for (mark, points) in &self.series {
            let place = |&(x, y): &(f64, f64)| (self.x.place(x), self.y.place(y));
            let places = points.iter().map(place);
            let is_there = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
            let places = places.filter(is_there).collect();
            mark.draw(places, floor, &mut chart)?;
        }
        Ok(())
    }
}
