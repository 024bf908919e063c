//! The losses of a run, read back from its log, also while it trains and after it was killed.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;

use crate::{
    error::{Error, InFile},
    run_folder::METRICS,
};

/// A loss and when it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Updates done.
    pub update: usize,
    /// Epochs done, with the present one's fraction.
    pub epoch: f64,
    /// Nats per symbol.
    pub loss: f64,
}

/// The finite losses of a run, in the order of the log. One that is not finite is `null` there, and left
/// out here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Updates in an epoch, where the log begins as it should.
    pub epoch_length: Option<usize>,
    /// The loss of each update's window.
    pub training: Vec<Point>,
    /// The held-out loss after each epoch.
    pub validation: Vec<Point>,
    /// The numbers, from 1, of lines that are no event. A last line without an end is none of them: a run
    /// writes there, or was killed as it wrote.
    pub damaged: Vec<usize>,
}

/// What a line is read for; other events and other fields are passed over.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Start {
        epoch_length: usize,
    },
    Update {
        update: usize,
        epoch: f64,
        loss: Option<f64>,
    },
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
    /// Returns an error if there is none, or it cannot be read.
    pub fn read(run: &Path) -> Result<Self, Error> {
        fs::read_dir(run).in_file(run)?;
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

    /// The first of the lowest held-out losses.
    pub fn best(&self) -> Option<Point> {
        let points = self.validation.iter().copied();
        points.min_by(|a, b| a.loss.total_cmp(&b.loss))
    }

    fn add(&mut self, line: Line) {
        let (points, update, epoch, loss) = match line {
            Line::Start { epoch_length } => {
                self.epoch_length = Some(epoch_length);
                return;
            }
            Line::Update {
                update,
                epoch,
                loss,
            } => (&mut self.training, update, epoch, loss),
            Line::Epoch {
                update,
                epoch,
                val_loss,
            } => (&mut self.validation, update, epoch, val_loss),
            Line::Other => return,
        };
        let plain = |x: f64| x.abs() <= f32::MAX.into();
        let loss = loss.filter(|&loss| plain(loss) && plain(epoch));
        points.extend(loss.map(|loss| Point {
            update,
            epoch,
            loss,
        }));
    }
}
