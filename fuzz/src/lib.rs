//! A small run in a folder, and the damage that a fuzzer does to its files. From the root of the repository:
//!
//! ```text
//! cargo install cargo-fuzz
//! cargo +nightly fuzz run checkpoint -- -max_total_time=600 -timeout=10 -max_len=1024 -len_control=0
//! cargo +nightly fuzz run run_folder -- -max_total_time=600 -timeout=10 -max_len=1024 -len_control=0
//! mkdir weights && cp tests/golden/weights/* weights
//! cargo +nightly fuzz run weight_file weights -- -max_total_time=600 -timeout=10 -rss_limit_mb=512
//! cargo +nightly fuzz run onnx_file weights -- -max_total_time=600 -timeout=10 -rss_limit_mb=512
//! ```
//!
//! libFuzzer writes what it finds to `fuzz/artifacts`; each find becomes a test in
//! `tests/tests/hostile_checkpoints.rs` or `tests/tests/weights/hostile.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use arbitrary::Arbitrary;
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CellKind;
use tempfile::TempDir;
use tests::{
    interrupted::{TO_THE_END, begin, create, sign},
    tiny,
};
use train::{Corpus, RunConfig};

/// The backend.
pub type B = Autodiff<NdArray<f32>>;

/// Damaged files are cut to this length.
const MAX_LENGTH: usize = 1 << 16;

/// A change to one file.
#[derive(Arbitrary, Debug)]
pub enum Edit {
    /// Replaces the whole file.
    Replace(Vec<u8>),
    /// Replaces some bytes.
    Splice {
        /// The first of them.
        at: u16,
        /// How many bytes are removed.
        gone: u8,
        /// The bytes that take their place.
        new: Vec<u8>,
    },
    /// Cuts the file off.
    Truncate(u16),
    /// Replaces a number that is written out in digits.
    Number {
        /// Counted from the start of the file.
        nth: u16,
        /// The new number.
        number: Number,
    },
    /// Replaces a number of a tensor, or whatever is there.
    Float {
        /// In steps of four bytes from the end of the file.
        nth: u16,
        /// The new number.
        value: f32,
    },
}

/// A number as JSON writes it.
#[derive(Arbitrary, Debug)]
pub enum Number {
    /// A natural number.
    Whole(u64),
    /// An integer, often below zero.
    Negative(i64),
    /// Any number.
    Float(f64),
    /// A small number, often the right one.
    Small(u8),
}

/// Changes to the files of a folder.
#[derive(Arbitrary, Debug)]
pub struct Damage {
    /// Which file, and its change.
    pub edits: Vec<(u8, Edit)>,
    /// Whether the manifest, if it is intact, is updated to match the damaged files.
    pub is_signed: bool,
}

/// A run, stopped after three updates or trained to its end.
pub struct Target {
    place: TempDir,
    /// The text that it learns from.
    pub corpus: Corpus,
    /// Its settings.
    pub config: RunConfig,
    /// The folder of the files to damage.
    pub folder: PathBuf,
    files: Vec<(String, Vec<u8>)>,
    log: Vec<u8>,
}

impl Target {
    /// A run whose last checkpoint is the target.
    ///
    /// # Panics
    ///
    /// Panics if the run cannot be made.
    pub fn checkpoint() -> Self {
        let mut target = Self::run(3);
        fs::remove_dir_all(target.path().join("checkpoints/0")).expect("removed");
        target.folder = target.path().join("checkpoints/3");
        target.remember();
        assert_eq!(target.files.len(), 6);
        target
    }

    /// A trained run, whose folder is the target.
    ///
    /// # Panics
    ///
    /// Panics if the run cannot be made.
    pub fn folder() -> Self {
        let mut target = Self::run(TO_THE_END);
        target.remember();
        target
    }

    fn run(updates: usize) -> Self {
        // In memory, if this system offers that.
        let memory = Path::new("/dev/shm");
        let place = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let place = place.expect("a folder");
        let corpus = tiny::corpus("bad cab!! add cab");
        let config = RunConfig {
            hidden_size: 2,
            num_layers: 1,
            batch_size: 1,
            max_epochs: 3,
            ..tiny::config(CellKind::Lstm, 2)
        };
        begin(&corpus, &config, &create(place.path()), updates).expect("a run");
        let log = fs::read(place.path().join("metrics.jsonl")).expect("a log");
        Target {
            folder: place.path().to_owned(),
            place,
            corpus,
            config,
            files: Vec::new(),
            log,
        }
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    fn remember(&mut self) {
        let entries = fs::read_dir(&self.folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let files = paths.filter(|path| path.is_file()).map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read(&path).expect("a file"))
        });
        self.files = files.collect();
        self.files.sort();
    }

    /// Damages the files.
    ///
    /// # Panics
    ///
    /// Panics if they cannot be written.
    pub fn damage(&self, damage: &Damage) {
        let mut files = self.files.clone();
        for (which, edit) in &damage.edits {
            let which = usize::from(*which) % files.len();
            apply(edit, &mut files[which].1);
        }
        for ((name, bytes), (_, old)) in files.iter().zip(&self.files) {
            if bytes != old {
                fs::write(self.folder.join(name), bytes).expect("written");
            }
        }
        let is_manifest = |file: &&(String, Vec<u8>)| file.0 == "manifest.json";
        let manifest = files.iter().find(is_manifest);
        if damage.is_signed && manifest.is_some_and(|file| self.files.contains(file)) {
            sign(&self.folder);
        }
    }

    /// Restores the run as it was.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be written.
    pub fn restore(&self) {
        fs::write(self.path().join("metrics.jsonl"), &self.log).expect("written");
        let checkpoints = self.path().join("checkpoints");
        for entry in fs::read_dir(&checkpoints).expect("checkpoints") {
            let path = entry.expect("an entry").path();
            if path != self.folder {
                fs::remove_dir_all(path).expect("removed");
            }
        }
        let _ = fs::create_dir(&self.folder);
        for (name, bytes) in &self.files {
            fs::write(self.folder.join(name), bytes).expect("written");
        }
    }
}

fn apply(edit: &Edit, file: &mut Vec<u8>) {
    let length = file.len();
    match edit {
        Edit::Replace(bytes) => *file = bytes.clone(),
        Edit::Splice { at, gone, new } => {
            let at = usize::from(*at) % (length + 1);
            let end = (at + usize::from(*gone)).min(length);
            file.splice(at..end, new.iter().copied());
        }
        Edit::Truncate(at) => file.truncate(usize::from(*at)),
        Edit::Number { nth, number } => {
            let number = match number {
                Number::Whole(n) => n.to_string(),
                Number::Negative(n) => n.to_string(),
                Number::Float(n) => n.to_string(),
                Number::Small(n) => n.to_string(),
            };
            other_number(file, usize::from(*nth), &number);
        }
        Edit::Float { nth, value } => {
            let from_end = 4 * (1 + usize::from(*nth) % (length / 4).max(1));
            if let Some(at) = length.checked_sub(from_end) {
                file[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
    file.truncate(MAX_LENGTH);
}

/// Replaces a number. If the file has a safetensors header, updates the header's length.
fn other_number(file: &mut Vec<u8>, nth: usize, number: &str) {
    let starts = |i: &usize| file[*i].is_ascii_digit() && !file[*i - 1].is_ascii_alphanumeric();
    let starts: Vec<usize> = (9..file.len().min(4000)).filter(starts).collect();
    let Some(&start) = starts.get(nth % starts.len().max(1)) else {
        return;
    };
    let digits = file[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    file.splice(start..start + digits, number.bytes());
    if file.get(8) == Some(&b'{') {
        let header = u64::from_le_bytes(file[..8].try_into().expect("eight"));
        let header = header
            .wrapping_add(number.len() as u64)
            .wrapping_sub(digits as u64);
        file[..8].copy_from_slice(&header.to_le_bytes());
    }
}
