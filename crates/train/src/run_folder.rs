//! What a run leaves behind.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.json` | all settings ([`RunConfig`]) |
//! | `vocab.json` | the symbols in the order of their tokens ([`Vocab`]) |
//! | `weights.safetensors` | the weights of the best validation loss; of the last epoch without validation |
//! | `metrics.jsonl` | every [`Event`], one JSON object a line |
//! | `checkpoints` | all that a run needs to go on ([`checkpoint`](crate::checkpoint)) |
//! | `lock` | locked by the process that trains; its number |

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::{Element, backend::Backend};
use models::CharLm;

use crate::{
    config::RunConfig,
    durable::{self, Disk, FileSystem},
    error::{Error, InFile},
    events::Event,
    tensors,
    vocab::Vocab,
};

const CONFIG: &str = "config.json";
const VOCAB: &str = "vocab.json";
/// The file of the weights in a run's folder.
pub const WEIGHTS: &str = "weights.safetensors";
/// The file of the log in a run's folder.
pub const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const LOCK: &str = "lock";

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    disk: Arc<dyn FileSystem>,
}

impl RunFolder {
    /// A folder for a new run.
    ///
    /// # Errors
    ///
    /// Returns an error if something is there already, other than an empty folder, or it cannot be
    /// made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).in_file(path)?;
        if fs::read_dir(path).in_file(path)?.next().is_some() {
            if path.join(LOCK).is_file() {
                Self::new(path.to_owned()).lock()?;
            }
            return Err(Error::Occupied {
                path: path.to_owned(),
            });
        }
        Ok(Self::new(path.to_owned()))
    }

    /// The first of `NAME-1`, `NAME-2`, … in `parent` that is not there yet.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be made.
    pub fn create_numbered(parent: &Path, name: &str) -> Result<Self, Error> {
        fs::create_dir_all(parent).in_file(parent)?;
        for number in 1.. {
            let path = parent.join(format!("{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self::new(path)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e).in_file(&path),
            }
        }
        unreachable!("a number is free")
    }

    /// The folder of a run that has been, to read its model.
    ///
    /// # Errors
    ///
    /// Returns an error if one of its files is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_has(path, &[CONFIG, VOCAB, WEIGHTS])?;
        Ok(Self::new(path.to_owned()))
    }

    /// The folder of a run that is to go on.
    ///
    /// # Errors
    ///
    /// Returns an error if one of its files is missing.
    pub fn resume(path: &Path) -> Result<Self, Error> {
        check_has(path, &[CONFIG, VOCAB])?;
        Ok(Self::new(path.to_owned()))
    }

    fn new(path: PathBuf) -> Self {
        let disk = Arc::new(Disk);
        RunFolder { path, disk }
    }

    /// Locks the folder until the process ends or drops the lock, which says what process that is.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        let lock = self.path.join(LOCK);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&lock).in_file(&lock)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // Another system may keep others from reading what is locked.
                let _ = file.read_to_string(&mut process);
                return Err(Error::Locked {
                    path: self.path.clone(),
                    process: process.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(e).in_file(&lock),
        }
        file.set_len(0).in_file(&lock)?;
        writeln!(file, "{}", std::process::id()).in_file(&lock)?;
        Ok(file)
    }

    /// The same folder on another file system.
    pub fn on_disk(mut self, disk: Arc<dyn FileSystem>) -> Self {
        self.disk = disk;
        self
    }

    pub(crate) fn disk(&self) -> &Arc<dyn FileSystem> {
        &self.disk
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its checkpoints are.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// Where the weights are.
    pub(crate) fn weights(&self) -> PathBuf {
        self.path.join(WEIGHTS)
    }

    /// Writes what is known before the first update.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub fn save_settings(&self, config: &RunConfig, vocab: &Vocab) -> Result<(), Error> {
        self.save_config(config)?;
        durable::write_file(&*self.disk, &self.path.join(VOCAB), &vocab.to_json())
    }

    /// Writes the file of the weights.
    pub(crate) fn save_weights(&self, bytes: &[u8]) -> Result<(), Error> {
        durable::write_file(&*self.disk, &self.weights(), bytes)
    }

    pub(crate) fn save_config(&self, config: &RunConfig) -> Result<(), Error> {
        durable::write_file(&*self.disk, &self.path.join(CONFIG), &config.to_json())
    }

    /// The settings of the run.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RunConfig::load`].
    pub fn config(&self) -> Result<RunConfig, Error> {
        RunConfig::load(&self.path.join(CONFIG))
    }

    /// The vocabulary of the run.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vocab::load`].
    pub fn vocab(&self) -> Result<Vocab, Error> {
        Vocab::load(&self.path.join(VOCAB))
    }

    /// The trained model.
    ///
    /// # Errors
    ///
    /// Returns an error if the weights cannot be read, or are not those of a model with these
    /// settings.
    pub fn load_model<B: Backend>(
        &self,
        config: &RunConfig,
        vocab: &Vocab,
        device: &B::Device,
    ) -> Result<CharLm<B>, Error> {
        let path = self.weights();
        let bytes = fs::read(&path).in_file(&path)?;
        model_from(&bytes, config, vocab, device).map_err(|e| Error::foreign(&path, e))
    }

    /// A new log of the run.
    pub(crate) fn new_metrics(&self) -> Result<Metrics, Error> {
        let path = self.path.join(METRICS);
        let file = File::create(&path).in_file(&path)?;
        let length = 0;
        Ok(Metrics { file, path, length })
    }

    /// The log of the run as it was at this length: what follows is cut off.
    pub(crate) fn metrics_at(&self, length: u64) -> Result<Metrics, Error> {
        let path = self.path.join(METRICS);
        let mut file = File::options().write(true).open(&path).in_file(&path)?;
        let found = file.metadata().in_file(&path)?.len();
        if found < length {
            let problem = format!("{found} bytes, but it had {length} at the checkpoint");
            return Err(Error::foreign(&path, problem));
        }
        file.set_len(length).in_file(&path)?;
        file.seek(SeekFrom::End(0)).in_file(&path)?;
        Ok(Metrics { file, path, length })
    }
}

/// The model with the weights of a file.
pub(crate) fn model_from<B: Backend>(
    bytes: &[u8],
    config: &RunConfig,
    vocab: &Vocab,
    device: &B::Device,
) -> Result<CharLm<B>, String> {
    let precision = B::FloatElem::dtype();
    let needed = precision.size() as f64 * config.parameters(vocab.size());
    if (bytes.len() as f64) < needed {
        let found = bytes.len();
        return Err(format!(
            "{found} bytes, but a model with these settings has {needed}"
        ));
    }
    let model = config.char_lm(vocab.size()).init_seeded::<B>(0, device);
    let layout = tensors::layout_of_module(&model);
    let weights = tensors::parse(bytes, &layout, precision)?;
    Ok(tensors::into_module(model, weights))
}

fn check_has(path: &Path, files: &[&'static str]) -> Result<(), Error> {
    fs::read_dir(path).in_file(path)?;
    match files.iter().find(|file| !path.join(file).is_file()) {
        Some(missing) => Err(Error::NotARun {
            path: path.to_owned(),
            missing,
        }),
        None => Ok(()),
    }
}

/// The log of a run.
pub(crate) struct Metrics {
    file: File,
    path: PathBuf,
    /// In bytes.
    length: u64,
}

impl Metrics {
    /// Adds a line.
    pub(crate) fn log(&mut self, event: &Event) -> Result<(), Error> {
        let mut line = serde_json::to_vec(event).expect("an event is plain data");
        line.push(b'\n');
        self.file.write_all(&line).in_file(&self.path)?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The same file once more, to sync it.
    pub(crate) fn file(&self) -> Result<File, Error> {
        self.file.try_clone().in_file(&self.path)
    }
}
