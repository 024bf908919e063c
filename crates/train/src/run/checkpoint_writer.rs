//! Writes checkpoints in a thread of its own: training continues while the disk works.

use std::{fs::File, path::PathBuf, sync::Arc, thread, thread::JoinHandle};

use models::Kind;

use super::{checkpoint, run_state::RunState};
use crate::{
    disk::{FileSystem, atomic},
    error::{Error, InFile},
    learn::Snapshot,
};

/// Writes the checkpoints of a run, one after the other.
pub(super) struct CheckpointWriter {
    disk: Arc<dyn FileSystem>,
    /// The folder of the checkpoints.
    checkpoints: PathBuf,
    /// The file of the best weights.
    weights: PathBuf,
    pending: Option<JoinHandle<Result<(), Error>>>,
}

/// A checkpoint to be written.
pub(super) struct NewCheckpoint<K> {
    pub(super) run: RunState<K>,
    pub(super) tensors: Snapshot,
    /// The file of the best weights.
    pub(super) best: Arc<[u8]>,
    /// Whether these are new.
    pub(super) is_best: bool,
    /// The log. It must reach the disk before a checkpoint that knows its length.
    pub(super) log: File,
}

impl CheckpointWriter {
    pub(super) fn new(disk: Arc<dyn FileSystem>, checkpoints: PathBuf, weights: PathBuf) -> Self {
        CheckpointWriter {
            disk,
            checkpoints,
            weights,
            pending: None,
        }
    }

    /// Starts to write a checkpoint, once the previous one is written. Returns the error of the previous one,
    /// if there was one.
    pub(super) fn save<K: Kind>(&mut self, new: NewCheckpoint<K>) -> Result<(), Error> {
        self.finish()?;
        let (disk, checkpoints) = (self.disk.clone(), self.checkpoints.clone());
        let weights = self.weights.clone();
        let write = move || {
            if new.is_best {
                atomic::write_file(&*disk, &weights, &new.best)?;
            }
            disk.sync(&new.log).in_file(&checkpoints)?;
            checkpoint::write(&*disk, &checkpoints, &new.run, &new.tensors, &new.best)
        };
        let thread = thread::Builder::new().name("checkpoint".to_owned());
        self.pending = Some(thread.spawn(write).in_file(&self.checkpoints)?);
        Ok(())
    }

    /// Waits until everything is written.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        match self.pending.take() {
            Some(thread) => thread.join().expect("writing does not panic"),
            None => Ok(()),
        }
    }
}
