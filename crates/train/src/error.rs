//! What can go wrong, each in one line: what, where, and what to do about it.
//!
//! Settings are called by their names in [`RunConfig`](crate::RunConfig) and in `config.json`. A program
//! whose flags have other names adds those.

use std::{io, path::Path, path::PathBuf};

use thiserror::Error;

use crate::text::Encoding;

/// What can go wrong between a text and a trained model.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of a run holds something that no run writes there.
    #[error("{}: not what a run writes there: {reason}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder does not hold a run.
    #[error("{}: not the folder of a run: it has no {missing}", path.display())]
    NotARun {
        /// Which folder.
        path: PathBuf,
        /// The first missing file.
        missing: &'static str,
    },
    /// A new run would overwrite something.
    #[error("{}: already there and not empty; remove it, or name another folder", path.display())]
    Occupied {
        /// Which folder.
        path: PathBuf,
    },
    /// The text has changed since its symbols were counted.
    #[error(
        "{}: changed since it was first read: {what} at byte offset {offset}; leave it as it is while \
         a run learns from it", path.display()
    )]
    Changed {
        /// Which file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is there now.
        what: &'static str,
    },
    /// A compressed file is damaged, cut off or not compressed at all.
    #[error(
        "{}: cannot be decompressed: {problem}, near byte offset {offset} of the file; \
         a file that is not compressed must not be called .gz, .zst, .xz or .bz2", path.display()
    )]
    Archive {
        /// Which file.
        path: PathBuf,
        /// How far the decompressor read, in bytes.
        offset: u64,
        /// What it reports.
        problem: String,
    },
    /// A text that must be kept until the end of the run could not be written to a temporary file.
    #[error(
        "{}: the text cannot be kept in a temporary file here: {source}; name another folder in the \
         environment variable TMPDIR", folder.display()
    )]
    TemporaryFile {
        /// The folder that it was written to.
        folder: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
    /// The text has no symbols.
    #[error("{name}: the text is empty")]
    Empty {
        /// Which text.
        name: String,
    },
    /// The text is not in UTF-8, or not in the encoding that was named.
    #[error("{name}: {problem} at byte offset {offset}; {}, or model it byte by byte", match guess {
        Some(guess) => format!("name its encoding, perhaps {guess}"),
        None => "name another encoding".to_owned(),
    })]
    NotUtf8 {
        /// Which text.
        name: String,
        /// The end of the valid UTF-8, in bytes from the start of the file.
        offset: usize,
        /// What is there.
        problem: String,
        /// Which encoding it may be in, if none was named.
        guess: Option<Encoding>,
    },
    /// A record has no text where it should.
    #[error("{name}: line {line}: {problem}")]
    Record {
        /// Which text.
        name: String,
        /// Where, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is not text but something else.
    #[error("{name}: looks like {kind}, not like text; {remedy}, or model it byte by byte")]
    NotText {
        /// Which file.
        name: String,
        /// What it looks like.
        kind: &'static str,
        /// How to make a text of it.
        remedy: &'static str,
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
    /// The text is too short for the batch size and the sequence length.
    #[error(
        "{name}: the text has {found} symbols, but a batch size of {batch_size} and a sequence length of \
         {seq_length} need at least {needed}{}; {}", held_out(*val_frac),
        match that_fit {
            Some((batch_size, seq_length)) => format!("sizes of {batch_size} and {seq_length} fit"),
            None => "give a longer text".to_owned(),
        }
    )]
    TooShort {
        /// Which text.
        name: String,
        /// How many symbols it has.
        found: usize,
        /// How many it needs.
        needed: usize,
        /// Lanes read side by side.
        batch_size: usize,
        /// Steps of a window.
        seq_length: usize,
        /// The share that is held out.
        val_frac: f64,
        /// A smaller batch size and sequence length for which it is long enough.
        that_fit: Option<(usize, usize)>,
    },
    /// The text has too few documents.
    #[error(
        "{name}: the text has {found} document{} (separator: {separator}), but at least {needed} are \
         needed{}", if *found == 1 { "" } else { "s" }, held_out(*val_frac)
    )]
    FewDocuments {
        /// Which text.
        name: String,
        /// What ends a document, as `config.json` writes it.
        separator: String,
        /// How many documents there are.
        found: usize,
        /// How many are needed.
        needed: usize,
        /// The share that is held out.
        val_frac: f64,
    },
    /// The text to continue is not UTF-8, but the model writes characters.
    #[error(
        "the text to continue: not UTF-8 at byte offset {offset}, but the model knows characters only"
    )]
    PrimeNotUtf8 {
        /// The end of the valid UTF-8, in bytes from the start of the text.
        offset: usize,
    },
    /// The text to continue has a character that is not in the model's vocabulary.
    #[error(
        "the model does not know the character {symbol:?} of the text to continue; it knows {}",
        listed(known)
    )]
    UnknownSymbol {
        /// The first such character.
        symbol: char,
        /// The characters that it knows.
        known: String,
    },
    /// A text has characters that are not in the model's vocabulary.
    #[error("{text}: the model does not know {}", listed(symbols))]
    UnknownSymbols {
        /// The text.
        text: String,
        /// The characters.
        symbols: String,
    },
    /// A text is a single character.
    #[error("{text}: nothing to predict; a text to score has at least two characters")]
    NothingToPredict {
        /// The text.
        text: String,
    },
    /// A file is no list of the characters that another program's model knows.
    #[error(
        "{}: {reason}; a list of characters is a text with each of them once, or a list or an object in JSON",
        path.display()
    )]
    NoCharacters {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A model that another program trained is none that a run can have.
    #[error("{0}")]
    Imported(String),
    /// A setting is out of its range.
    #[error("{setting} {value}: {reason}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        reason: &'static str,
    },
    /// A setting waits for a better validation loss, but no text is held out.
    #[error("{setting} {value}: needs a validation loss; hold out a part of the text")]
    NoValidation {
        /// Which setting.
        setting: &'static str,
        /// What was given.
        value: String,
    },
    /// Training left the range of finite numbers.
    #[error(
        "update {update}: loss {loss}, gradient norm {grad_norm}, norm of the weights {weight_norm}, \
         {skipped} updates skipped in a row: training has diverged; {} with a lower learning rate or a \
         tighter gradient clip",
        match resumable {
            Some(run) => format!("resume {} from its last good checkpoint,", run.display()),
            None => "there is no checkpoint: start again".to_owned(),
        }
    )]
    Diverged {
        /// Which update, from 1.
        update: usize,
        /// Its loss, or the held-out loss after it.
        loss: f64,
        /// Euclidean norm of its gradient.
        grad_norm: f64,
        /// Euclidean norm of the weights after it.
        weight_norm: f64,
        /// How many updates were skipped in a row.
        skipped: usize,
        /// The folder of the run, if it has a good checkpoint.
        resumable: Option<PathBuf>,
    },
    /// A rank has other weights than rank 0.
    #[error(
        "after update {update}, rank {rank} has other weights than rank 0, though all did the same: its \
         machine computes otherwise; leave it out, and resume from the last checkpoint"
    )]
    OtherWeights {
        /// The first such rank.
        rank: usize,
        /// How many updates were done.
        update: usize,
    },
    /// The files of a rank differ from those of rank 0.
    #[error(
        "{name}: rank {rank} has other files of this name than rank 0; give all ranks the same files"
    )]
    OtherFiles {
        /// Which text.
        name: String,
        /// The first such rank.
        rank: usize,
    },
    /// A batch has fewer rows than there are ranks.
    #[error(
        "batch_size {batch_size}: {ranks} ranks need at least {ranks} rows; give larger batches, or start \
         fewer ranks"
    )]
    FewRows {
        /// The batch size.
        batch_size: usize,
        /// How many ranks there are.
        ranks: usize,
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
        /// The process, if it is known.
        process: Option<u32>,
    },
    /// A run cannot be resumed.
    #[error("{}: no checkpoint to resume from{}", path.display(),
        passed_over.iter().map(|why| format!("; {why}")).collect::<String>())]
    NoCheckpoint {
        /// The folder of its checkpoints.
        path: PathBuf,
        /// Why the checkpoints that are there cannot be used.
        passed_over: Vec<String>,
    },
    /// A checkpoint that was asked for is not there.
    #[error("{}: no checkpoint after update {wanted}; there are those after {}", path.display(),
        there.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))]
    OtherCheckpoints {
        /// The folder of the checkpoints.
        path: PathBuf,
        /// Which was asked for.
        wanted: usize,
        /// Which there are.
        there: Vec<usize>,
    },
    /// A checkpoint was written by a later version of this program.
    #[error("{}: a checkpoint of format {format}; this program knows formats up to {known}: use the one \
        that wrote it, or a newer one", path.display())]
    NewerFormat {
        /// Which checkpoint.
        path: PathBuf,
        /// The version of its format.
        format: u64,
        /// The newest version that can be read.
        known: u64,
    },
    /// A run cannot be resumed with another text.
    #[error(
        "{name}: not the text that this run learns from: it has {found}, the run's text {expected}; \
        give that text, or start a new run from the weights of this one"
    )]
    OtherText {
        /// Which text.
        name: String,
        /// What identifies it: symbols and SHA-256.
        found: String,
        /// What identifies the text of the run.
        expected: String,
    },
    /// A setting differs from the run to be resumed.
    #[error("{setting} {value}: the run has {kept}: {reason}; leave it as it is")]
    Fixed {
        /// Which setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What the run has.
        kept: String,
        /// Why it cannot change.
        reason: &'static str,
    },
}

/// Lists some characters: all of an alphabet, the first of a thousand.
fn listed(characters: &str) -> String {
    const MOST: usize = 100;
    let first: String = characters.chars().take(MOST).collect();
    match characters.chars().count() {
        n if n > MOST => format!("{n}, among them {first:?}"),
        _ => format!("{first:?}"),
    }
}

fn held_out(val_frac: f64) -> String {
    match val_frac {
        0.0 => String::new(),
        part => format!(" with {part} held out"),
    }
}

impl Error {
    pub(crate) fn foreign(path: &Path, reason: impl ToString) -> Self {
        Error::Foreign {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Checks a setting.
///
/// # Errors
///
/// Returns an error that names the setting unless `holds`.
pub fn check(
    holds: bool,
    setting: &'static str,
    value: impl ToString,
    reason: &'static str,
) -> Result<(), Error> {
    match holds {
        true => Ok(()),
        false => Err(Error::Setting {
            setting,
            value: value.to_string(),
            reason,
        }),
    }
}

/// Checks a count: a setting from `least`, which is 0 or 1, to a billion.
pub(crate) fn check_count(setting: &'static str, value: usize, least: usize) -> Result<(), Error> {
    let reason = match least {
        0 => "must be from 0 to 1000000000",
        _ => "must be from 1 to 1000000000",
    };
    check(
        (least..=1_000_000_000).contains(&value),
        setting,
        value,
        reason,
    )
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
