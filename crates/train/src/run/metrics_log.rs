//! The log of a run, `metrics.jsonl`.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
};

use super::events::Event;
use crate::error::{Error, InFile};

/// The file of the log in the folder of a run.
pub const METRICS: &str = "metrics.jsonl";

/// A log that is being written.
pub(super) struct MetricsLog {
    file: File,
    path: PathBuf,
    /// In bytes.
    length: u64,
}

impl MetricsLog {
    /// Creates an empty log, replacing an existing one.
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(&path).in_file(&path)?;
        let length = 0;
        Ok(MetricsLog { file, path, length })
    }

    /// Opens a log and cuts it off at this length.
    pub(super) fn open_at(path: PathBuf, length: u64) -> Result<Self, Error> {
        let mut file = File::options().write(true).open(&path).in_file(&path)?;
        let found = file.metadata().in_file(&path)?.len();
        if found < length {
            let problem = format!("{found} bytes, but it had {length} at the checkpoint");
            return Err(Error::foreign(&path, problem));
        }
        file.set_len(length).in_file(&path)?;
        file.seek(SeekFrom::End(0)).in_file(&path)?;
        Ok(MetricsLog { file, path, length })
    }

    /// Appends an event as one line.
    pub(super) fn log(&mut self, event: &Event) -> Result<(), Error> {
        let mut line = serde_json::to_vec(event).expect("an event is plain data");
        line.push(b'\n');
        self.file.write_all(&line).in_file(&self.path)?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Returns its length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns another handle to the file, to sync it.
    pub(super) fn file(&self) -> Result<File, Error> {
        self.file.try_clone().in_file(&self.path)
    }
}
