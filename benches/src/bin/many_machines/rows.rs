//! The file of measurements: a row for each run.

use std::{fs::File, path::Path};

use anyhow::{Context, Result};
use benches::rounds::median;
use serde::{Deserialize, Serialize};

use crate::{plan::Network, shape::Shape};

/// The medians over the updates of a run. Times are in milliseconds an update.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub network: Network,
    pub held_out: bool,
    pub hidden: usize,
    pub layers: usize,
    pub ranks: usize,
    /// In how many stretches the optimiser's work was dealt out: `ranks`, but in an older program 1.
    pub stretches: usize,
    pub batch: usize,
    pub seq: usize,
    pub parameters: usize,
    pub ms: f64,
    pub ms_compute: f64,
    pub ms_communicating: f64,
    pub ms_waiting: f64,
    pub chars_per_second: f64,
    /// Over one rank of the same round.
    pub speed_up: f64,
}

impl Row {
    pub fn shape(&self) -> Shape {
        Shape {
            layers: self.layers,
            hidden: self.hidden,
        }
    }

    fn is_of_the_same_run(&self, other: &Row) -> bool {
        let run = |row: &Row| (row.network, row.shape(), row.ranks, row.batch);
        run(self) == run(other)
    }
}

/// Appends rows to the file.
pub fn append(path: &Path, rows: &[Row]) -> Result<()> {
    let file = File::options().append(true).create(true).open(path)?;
    let mut writer = csv::WriterBuilder::new()
        .has_headers(file.metadata()?.len() == 0)
        .from_writer(file);
    rows.iter().try_for_each(|row| writer.serialize(row))?;
    Ok(writer.flush()?)
}

/// All runs of one kind.
pub struct Runs {
    /// How many there are.
    pub n: usize,
    /// Their medians.
    pub medians: Row,
    /// The lowest and the highest speed-up.
    pub speed_ups: [f64; 2],
}

/// Returns the runs of all rounds, in the order in which their kinds first appear.
pub fn read(path: &Path) -> Result<Vec<Runs>> {
    let file = || path.display().to_string();
    let mut reader = csv::Reader::from_path(path).with_context(file)?;
    let rows: Result<Vec<Row>, _> = reader.deserialize().collect();
    let mut kinds: Vec<Vec<Row>> = Vec::new();
    for row in rows.with_context(file)? {
        match kinds
            .iter_mut()
            .find(|kind| kind[0].is_of_the_same_run(&row))
        {
            Some(kind) => kind.push(row),
            None => kinds.push(vec![row]),
        }
    }
    Ok(kinds.into_iter().map(Runs::new).collect())
}

impl Runs {
    fn new(rows: Vec<Row>) -> Self {
        let over = |number: fn(&Row) -> f64| {
            median(rows.iter().map(number).collect()).expect("at least one row")
        };
        let speed_ups = || rows.iter().map(|row| row.speed_up);
        Runs {
            n: rows.len(),
            speed_ups: [
                speed_ups().fold(f64::INFINITY, f64::min),
                speed_ups().fold(0.0, f64::max),
            ],
            medians: Row {
                ms: over(|row| row.ms),
                ms_compute: over(|row| row.ms_compute),
                ms_communicating: over(|row| row.ms_communicating),
                ms_waiting: over(|row| row.ms_waiting),
                chars_per_second: over(|row| row.chars_per_second),
                speed_up: over(|row| row.speed_up),
                ..rows[0].clone()
            },
        }
    }
}
