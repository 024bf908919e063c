//! The losses of a run, read back from its log, even while it trains or after it was killed.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;

use super::metrics_log::METRICS;
use crate::error::{Error, InFile};

/// A loss, and when it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Updates done.
    pub update: usize,
    /// Epochs done, including the fraction of the current one.
    pub epoch: f64,
    /// Seconds spent in updates until then; 0 if the log does not say how fast they were.
    pub seconds: f64,
    /// Nats per character, or per byte.
    pub loss: f64,
}

/// The finite losses of a run, in the order of the log. A loss that is not finite is `null` in the log and
/// left out here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Updates in an epoch, if the log begins as it should.
    pub epoch_length: Option<usize>,
    /// The loss of each update's batch.
    pub training: Vec<Point>,
    /// The held-out loss, after each epoch and within.
    pub validation: Vec<Point>,
    /// Symbols that an update learns from, on average.
    symbols_per_update: f64,
    /// Seconds spent in updates so far.
    seconds: f64,
    /// Characters of an average symbol, if the log says it; otherwise 1.
    pub chars_per_symbol: Option<f64>,
    /// The numbers, from 1, of lines that are not events. A last line without a line feed does not count: a
    /// run is writing it, or was killed while it did.
    pub damaged: Vec<usize>,
}

/// What is read from a line; other events and fields are ignored.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Start {
        epoch_length: usize,
        train_symbols: Option<f64>,
        chars_per_symbol: Option<f64>,
    },
    Update {
        update: usize,
        epoch: f64,
        loss: Option<f64>,
        chars_per_second: Option<f64>,
    },
    #[serde(alias = "evaluation")]
    Epoch {
        update: usize,
        epoch: f64,
        val_loss: Option<f64>,
    },
    #[serde(other)]
    Other,
}

impl History {
    /// Reads the log of the run in this folder.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no log or it cannot be read.
    pub fn read(run: &Path) -> Result<Self, Error> {
        if !run.is_file() {
            fs::read_dir(run).in_file(run)?;
        }
        let path = run.join(METRICS);
        if !path.is_file() {
            return Err(Error::NotARun {
                path: run.to_owned(),
                missing: METRICS,
            });
        }
        let mut log = BufReader::new(File::open(&path).in_file(&path)?);
        let mut history = History::default();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if log.read_until(b'\n', &mut line).in_file(&path)? == 0 {
                break;
            }
            match serde_json::from_slice(&line) {
                Ok(event) => history.add(event),
                Err(_) if line.ends_with(b"\n") => history.damaged.push(number),
                Err(_) => {}
            }
        }
        Ok(history)
    }

    /// Returns the lowest held-out loss after an epoch, the first if there are several: that of the weights that
    /// are kept.
    pub fn best(&self) -> Option<Point> {
        let points = self.validation.iter().copied();
        let points = points.filter(|point| point.epoch.fract() == 0.0);
        points.min_by(|a, b| a.loss.total_cmp(&b.loss))
    }

    fn add(&mut self, line: Line) {
        let (points, update, epoch, loss) = match line {
            Line::Start {
                epoch_length,
                train_symbols,
                chars_per_symbol,
            } => {
                self.epoch_length = Some(epoch_length);
                let symbols = train_symbols.unwrap_or_default();
                self.symbols_per_update = symbols / epoch_length.max(1) as f64;
                self.chars_per_symbol = chars_per_symbol;
                return;
            }
            Line::Update {
                update,
                epoch,
                loss,
                chars_per_second,
            } => {
                let speed = chars_per_second.filter(|speed| *speed > 0.0);
                self.seconds += speed.map_or(0.0, |speed| self.symbols_per_update / speed);
                (&mut self.training, update, epoch, loss)
            }
            Line::Epoch {
                update,
                epoch,
                val_loss,
            } => (&mut self.validation, update, epoch, val_loss),
            Line::Other => return,
        };
        let plain = |x: f64| x.abs() <= f32::MAX.into();
        let per_symbol = loss.filter(|&loss| plain(loss) && plain(epoch));
        let loss = per_symbol.map(|loss| loss / self.chars_per_symbol.unwrap_or(1.0));
        points.extend(loss.map(|loss| Point {
            update,
            epoch,
            seconds: self.seconds,
            loss,
        }));
    }
}
