//! Panels of curves and marks side by side, with one legend for all, as SVG.

use std::ops::Range;

use anyhow::Result;
use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// A picture of panels in rows.
pub struct Figure {
    /// What the legend explains, in the order of reading.
    pub keys: Vec<(String, Mark)>,
    /// From top to bottom, from left to right.
    pub rows: Vec<Vec<Panel>>,
    /// Width and height of a panel in pixels.
    pub panel: (u32, u32),
}

/// One coordinate system.
pub struct Panel {
    /// Above it.
    pub title: String,
    /// Horizontal.
    pub x: Axis,
    /// Vertical.
    pub y: Axis,
    /// What is drawn, the first at the back, as (x, y); points that are not finite are left out.
    pub series: Vec<(Mark, Vec<(f64, f64)>)>,
}

/// An axis.
#[derive(Clone)]
pub struct Axis {
    /// What it counts, with its unit.
    pub label: &'static str,
    /// From where to where.
    pub range: Range<f64>,
    /// Whether equal lengths are equal factors.
    pub log: bool,
    /// Where its numbers stand, if not at round ones.
    pub ticks: Vec<f64>,
}

/// How a point is drawn, or a line through points.
#[derive(Clone, Copy)]
pub enum Mark {
    /// A line so many pixels wide.
    Line(Ink, u32),
    /// A thin line of dashes.
    Dashes(Ink),
    /// A filled circle.
    Dot(Ink),
    /// A filled triangle.
    Triangle(Ink),
    /// Two strokes that cross.
    Cross(Ink),
    /// A line upwards from the bottom of the panel, with a dot on it.
    Stem(Ink),
}

/// A colour as its red, green and blue.
pub type Ink = (u8, u8, u8);

/// Black, for what has to be seen through others.
pub const BLACK: Ink = (0, 0, 0);
/// Grey, for what is no network's.
pub const GREY: Ink = (120, 120, 120);

const LABEL: i32 = 14;
const TITLE: i32 = 16;
const ROW: i32 = 22;
/// Width of a column of the legend.
const COLUMN: i32 = 300;
/// Numbers on an axis, about.
const TICKS: usize = 6;
const SIZE: i32 = 4;

impl Axis {
    /// An axis of round numbers.
    pub fn linear(label: &'static str, range: Range<f64>) -> Self {
        Axis {
            label,
            range,
            log: false,
            ticks: Vec::new(),
        }
    }

    /// An axis of equal factors. It ends in positive numbers.
    pub fn log(label: &'static str, range: Range<f64>) -> Self {
        Axis {
            log: true,
            ..Self::linear(label, range)
        }
    }

    /// Where a number stands, on the scale that the picture is drawn in.
    fn place(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    fn scale(&self) -> Scale {
        let (low, high) = (self.place(self.range.start), self.place(self.range.end));
        let ticks: Vec<f64> = match &self.ticks[..] {
            [] => round_numbers(low, high, self.log),
            ticks => ticks.iter().map(|&tick| self.place(tick)).collect(),
        };
        Scale { low, high, ticks }
    }

    fn number(&self, place: f64) -> String {
        match (self.log, self.ticks.is_empty()) {
            (true, true) => format!("1e{place:.0}"),
            (true, false) => format!("{:.0}", 10f64.powf(place)),
            (false, _) => {
                let number = format!("{place:.4}");
                let short = number.trim_end_matches('0').trim_end_matches('.');
                if short == "-0" {
                    "0".into()
                } else {
                    short.into()
                }
            }
        }
    }
}

/// Multiples of 1, 2 or 5 times a power of ten; whole ones where they are exponents.
fn round_numbers(low: f64, high: f64, whole: bool) -> Vec<f64> {
    let wanted = (high - low) / TICKS as f64;
    let power = 10f64.powf(wanted.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let fits = |step: &f64| *step >= wanted && (!whole || step.fract() == 0.0);
    let step = steps.into_iter().find(fits).unwrap_or(1.0);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A linear coordinate whose numbers stand where they are told to.
struct Scale {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Ranged for Scale {
    type ValueType = f64;
    type FormatOption = NoDefaultFormatting;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        start + (share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {}

impl Figure {
    /// The picture as SVG.
    ///
    /// # Errors
    ///
    /// Never fails with finite numbers.
    pub fn svg(&self) -> Result<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
        let width = columns * self.panel.0;
        let per_row = (width as i32 / COLUMN).max(1) as usize;
        let legend = 10 + ROW * self.keys.len().div_ceil(per_row) as i32;
        let height = self.rows.len() as u32 * self.panel.1 + legend as u32;

        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (above, below) = root.split_vertically(legend);
        for (i, (label, mark)) in self.keys.iter().enumerate() {
            let x = 20 + COLUMN * (i % per_row) as i32;
            let y = 10 + ROW / 2 + ROW * (i / per_row) as i32;
            mark.key(&above, (x, y))?;
            let left = Pos::new(HPos::Left, VPos::Center);
            let style = ("sans-serif", LABEL).into_text_style(&above).pos(left);
            above.draw(&Text::new(label.clone(), (x + 40, y), style))?;
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

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

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
            .bold_line_style(plotters::style::BLACK.mix(0.12))
            .label_style(("sans-serif", LABEL))
            .draw()?;
        let floor = self.y.scale().low;
        for (mark, points) in &self.series {
            let place = |&(x, y): &(f64, f64)| (self.x.place(x), self.y.place(y));
            let places = points.iter().map(place);
            let is_there = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
            let places: Vec<(f64, f64)> = places.filter(is_there).collect();
            let style = mark.style();
            match *mark {
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
        }
        Ok(())
    }
}

impl Mark {
    fn style(&self) -> ShapeStyle {
        let rgb = |(r, g, b): Ink| RGBColor(r, g, b);
        match *self {
            Mark::Line(ink, width) => rgb(ink).stroke_width(width),
            Mark::Dashes(ink) => rgb(ink).stroke_width(1),
            Mark::Cross(ink) => rgb(ink).stroke_width(2),
            Mark::Dot(ink) | Mark::Triangle(ink) | Mark::Stem(ink) => rgb(ink).filled(),
        }
    }

    /// A piece of it for the legend.
    fn key(&self, area: &Area, (x, y): (i32, i32)) -> Result<()> {
        let (style, middle) = (self.style(), (x + 14, y));
        match self {
            Mark::Line(..) => area.draw(&PathElement::new([(x, y), (x + 28, y)], style))?,
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
