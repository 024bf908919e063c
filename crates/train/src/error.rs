//! What can go wrong, each as one line: what, where, and what to do.

use std::{io, path::Path, path::PathBuf};

use thiserror::Error;

use crate::{corpus::TextId, separator::Separator};

/// What can go wrong between a text and a trained model.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of a run holds something else than a run writes there.
    #[error("{}: not what a run writes there: {reason}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder is not a run.
    #[error("{}: not the folder of a run: it has no {missing}", path.display())]
    NotARun {
        /// Which folder.
        path: PathBuf,
        /// The first file it lacks.
        missing: &'static str,
    },
    /// A new run would write over something.
    #[error("{}: already there and not empty; name another folder with --out, or remove it", path.display())]
    Occupied {
        /// Which folder.
        path: PathBuf,
    },
    /// The text is no longer what it was when its symbols were counted.
    #[error(
        "{}: changed since it was first read: {what} at byte offset {offset}; leave it as it is while \
         a run learns from it", path.display()
    )]
    Changed {
        /// Which file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is there.
        what: &'static str,
    },
    /// A compressed file is damaged, cut off or none.
    #[error(
        "{}: cannot be decompressed: {problem}, near byte offset {offset} of the file; \
         a file that is not compressed must not be called .gz or .zst", path.display()
    )]
    Archive {
        /// Which file.
        path: PathBuf,
        /// How far the decompressor read, in bytes.
        offset: u64,
        /// What it says.
        problem: String,
    },
    /// A text that has to be kept until the end of the run does not fit.
    #[error(
        "{}: the text cannot be kept in a temporary file here: {source}; name another folder in the \
         environment variable TMPDIR", folder.display()
    )]
    Spool {
        /// Where it was written.
        folder: PathBuf,
        /// Why it could not.
        source: io::Error,
    },
    /// The text has nothing in it.
    #[error("{name}: the text is empty")]
    Empty {
        /// Which text.
        name: String,
    },
    /// The text is not UTF-8.
    #[error(
        "{name}: not UTF-8 text: {problem} at byte offset {offset}; \
         use --units bytes to model it byte by byte"
    )]
    NotUtf8 {
        /// Which text.
        name: String,
        /// Where the text that is UTF-8 ends, in bytes from the start of the file.
        offset: usize,
        /// What is there.
        problem: String,
    },
    /// The text is one symbol over and over.
    #[error(
        "{name}: every symbol of the text is {symbol:?}; there is nothing to learn from fewer than two"
    )]
    OneSymbol {
        /// Which text.
        name: String,
        /// The only symbol.
        symbol: String,
    },
    /// The text is too short for the batch and the window.
    #[error(
        "{name}: the text has {found} symbols, but --batch-size {batch_size} lanes of --seq-length \
         {seq_length} need at least {needed}{besides}; give a longer text or lower these"
    )]
    TooShort {
        /// Which text.
        name: String,
        /// How many symbols it has.
        found: usize,
        /// How many it needs.
        needed: usize,
        /// Lanes side by side.
        batch_size: usize,
        /// Steps of a window.
        seq_length: usize,
        /// What else the text has to hold.
        besides: String,
    },
    /// The text has too few documents.
    #[error(
        "{name}: the text has {found} document{} that --documents {separator} would tell apart, but at \
         least {needed} are needed with --val-frac {val_frac} held out", if *found == 1 { "" } else { "s" }
    )]
    FewDocuments {
        /// Which text.
        name: String,
        /// What ends a document.
        separator: Separator,
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
        /// The share that is held out.
        val_frac: f64,
    },
    /// The text to begin with has a character that the model never saw.
    #[error("--prime-text: the model does not know the character {symbol:?}; it knows {known}")]
    UnknownSymbol {
        /// The first such character.
        symbol: char,
        /// Those it knows.
        known: String,
    },
    /// A setting is out of its range.
    #[error("--{flag} {value}: {reason}")]
    Setting {
        /// Which, as the command line names it.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        reason: &'static str,
    },
    /// Training left the range of numbers.
    #[error(
        "update {update}: loss {loss}, gradient norm {grad_norm}, norm of the weights {weight_norm}, \
         {skipped} updates skipped in a row: training has diverged; {}; try a lower --learning-rate or a \
         tighter --grad-clip",
        match checkpoint {
            Some(path) => format!("the last good checkpoint is {}, go on from it with --resume",
                path.display()),
            None => "there is no checkpoint".to_owned(),
        }
    )]
    Diverged {
        /// Which update, from 1.
        update: usize,
        /// Its loss, or that of the evaluation after it.
        loss: f64,
        /// Euclidean norm of its gradient.
        grad_norm: f64,
        /// Euclidean norm of the weights after it.
        weight_norm: f64,
        /// Updates in a row that nothing was learned from.
        skipped: usize,
        /// The last good checkpoint.
        checkpoint: Option<PathBuf>,
    },
    /// Another process trains in the folder.
    #[error("{}: another run trains in this folder{}; wait for it, or name another folder",
        path.display(),
        match process {
            Some(process) => format!(" (process {process})"),
            None => String::new(),
        }
    )]
    Locked {
        /// Which folder.
        path: PathBuf,
        /// Its process, where that is known.
        process: Option<u32>,
    },
    /// A run cannot go on.
    #[error("{}: no checkpoint to go on from{}", path.display(),
        passed_over.iter().map(|why| format!("; {why}")).collect::<String>())]
    NoCheckpoint {
        /// The folder of its checkpoints.
        path: PathBuf,
        /// Why those that are there are of no use.
        passed_over: Vec<String>,
    },
    /// A checkpoint is of a later version of this program.
    #[error("{}: a checkpoint of format {format}; this program knows formats up to {}: use the one that \
        wrote it, or a newer one", path.display(), crate::checkpoint::FORMAT)]
    NewerFormat {
        /// Which checkpoint.
        path: PathBuf,
        /// The version of its format.
        format: u64,
    },
    /// A run cannot go on with another text.
    #[error("{name}: not the text that this run learns from: it has {} symbols and SHA-256 {}, the run's \
        {} and {}; name that one with --data, or begin a new run with --init-from",
        found.symbols, found.sha256, expected.symbols, expected.sha256)]
    OtherText {
        /// Which text.
        name: String,
        /// What it is.
        found: TextId,
        /// What it should be.
        expected: TextId,
    },
    /// A setting differs from that of the run to go on from.
    #[error("--{flag} {value}: the run to go on from has {kept}: {reason}; leave it as it is")]
    Fixed {
        /// Which, as the command line names it.
        flag: String,
        /// What was given.
        value: String,
        /// What it is.
        kept: String,
        /// Why it cannot change.
        reason: &'static str,
    },
}

impl Error {
    pub(crate) fn foreign(path: &Path, reason: impl ToString) -> Self {
        Error::Foreign {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Names the file in an I/O error.
pub(crate) trait InFile<T> {
    fn in_file(self, path: &Path) -> Result<T, Error>;
}

impl<T> InFile<T> for io::Result<T> {
    fn in_file(self, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
    }
}
