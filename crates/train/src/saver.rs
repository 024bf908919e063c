//! Checkpoints are written by a thread of their own: training goes on while the disk works.

use std::{fs::File, path::PathBuf, sync::Arc, thread, thread::JoinHandle};

use crate::{
    checkpoint::{self, Saved, Tensors},
    durable::{self, FileSystem},
    error::{Error, InFile},
};

/// Writes what a run saves, one checkpoint after the other.
pub(crate) struct Saver {
    disk: Arc<dyn FileSystem>,
    /// Where the checkpoints go.
    checkpoints: PathBuf,
    /// Where the best weights go.
    weights: PathBuf,
    pending: Option<JoinHandle<Result<(), Error>>>,
}

/// Everything that a run is at one moment.
pub(crate) struct Moment {
    pub(crate) saved: Saved,
    pub(crate) tensors: Tensors,
    /// The file of the best weights.
    pub(crate) best: Arc<[u8]>,
    /// Whether these are new.
    pub(crate) is_best: bool,
    /// The log, of which a checkpoint must not know more than the disk does.
    pub(crate) log: File,
}

impl Saver {
    pub(crate) fn new(disk: Arc<dyn FileSystem>, checkpoints: PathBuf, weights: PathBuf) -> Self {
        Saver {
            disk,
            checkpoints,
            weights,
            pending: None,
        }
    }

    /// Begins to save a moment, once the last one is saved. Gives the error of that, if there was one.
    pub(crate) fn save(&mut self, moment: Moment) -> Result<(), Error> {
        self.finish()?;
        let (disk, checkpoints) = (self.disk.clone(), self.checkpoints.clone());
        let weights = self.weights.clone();
        let write = move || {
            if moment.is_best {
                durable::write_file(&*disk, &weights, &moment.best)?;
            }
            disk.sync(&moment.log).in_file(&checkpoints)?;
            let Moment {
                saved,
                tensors,
                best,
                ..
            } = &moment;
            checkpoint::write(&*disk, &checkpoints, saved, tensors, best)
        };
        let thread = thread::Builder::new().name("checkpoint".to_owned());
        self.pending = Some(thread.spawn(write).in_file(&self.checkpoints)?);
        Ok(())
    }

    /// Waits until all is saved.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        match self.pending.take() {
            Some(thread) => thread.join().expect("writing does not panic"),
            None => Ok(()),
        }
    }
}
