//! The folder of a run.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::{Element, backend::Backend};
use models::{Cell, CharLm, Kind};

use super::{
    checkpoint::{self, Checkpoint},
    config::RunConfig,
    metrics_log::METRICS,
    paths::{COPY, is_copy},
};
use crate::{
    disk::{Disk, FileSystem, atomic, tensors},
    error::{Error, InFile},
    text::{Corpus, Vocab},
};

const CONFIG: &str = "config.json";
const VOCAB: &str = "vocab.json";
/// The file of the weights in the folder of a run.
pub const WEIGHTS: &str = "weights.safetensors";
const CHECKPOINTS: &str = "checkpoints";
const LOCK: &str = "lock";

/// The folder of one run.
///
/// | file | contents |
/// |---|---|
/// | `config.json` | all settings ([`RunConfig`]) |
/// | `vocab.json` | the symbols in the order of their tokens ([`Vocab`]) |
/// | `weights.safetensors` | the weights with the lowest validation loss; without validation, of the last epoch |
/// | `metrics.jsonl` | every [`Event`](super::Event), one JSON object a line |
/// | `checkpoints` | everything that the run needs to resume ([`Checkpoint`](super::Checkpoint)) |
/// | `text-1`, … | copies of texts that can be read only once: standard input and pipes |
/// | `lock` | locked by the process that trains; its process ID |
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    disk: Arc<dyn FileSystem>,
    /// The checkpoint to take the weights from, instead of the best ones.
    checkpoint: Option<usize>,
}

impl RunFolder {
    /// Creates the folder of a new run.
    ///
    /// # Errors
    ///
    /// Returns an error if something other than an empty folder is there already, or the folder cannot be
    /// created.
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

    /// Creates the first of `NAME-1`, `NAME-2`, … in `parent` that does not exist yet.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be created.
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

    /// Opens the folder of a run, to read its model: the best weights or, before the end of the first epoch,
    /// those of the newest checkpoint.
    ///
    /// # Errors
    ///
    /// Returns an error if one of its files is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_has(path, &[CONFIG, VOCAB])?;
        let mut folder = Self::new(path.to_owned());
        if !folder.weights().is_file() {
            let newest = checkpoint::list(&folder.checkpoints())?.into_iter().next();
            let (update, _) = newest.ok_or_else(|| Error::NotARun {
                path: path.to_owned(),
                missing: WEIGHTS,
            })?;
            folder.checkpoint = Some(update);
        }
        Ok(folder)
    }

    /// Takes the weights after this many updates, of a checkpoint that is there, instead of the best ones.
    ///
    /// # Errors
    ///
    /// Returns an error that lists the checkpoints if this one is not there.
    pub fn at_checkpoint(mut self, update: usize) -> Result<Self, Error> {
        let there = checkpoint::list(&self.checkpoints())?;
        if !there.iter().any(|(there, _)| *there == update) {
            return Err(Error::OtherCheckpoints {
                path: self.checkpoints(),
                wanted: update,
                there: there.into_iter().map(|(update, _)| update).collect(),
            });
        }
        self.checkpoint = Some(update);
        Ok(self)
    }

    /// Returns the number of updates after which the weights were saved, unless they are the best ones.
    pub fn checkpoint(&self) -> Option<usize> {
        self.checkpoint
    }

    /// Opens the folder of a run that is to be resumed.
    ///
    /// # Errors
    ///
    /// Returns an error if one of its files is missing.
    pub fn resume(path: &Path) -> Result<Self, Error> {
        check_has(path, &[CONFIG, VOCAB])?;
        Ok(Self::new(path.to_owned()))
    }

    fn new(path: PathBuf) -> Self {
        RunFolder {
            path,
            disk: Arc::new(Disk),
            checkpoint: None,
        }
    }

    /// Locks the folder until the process ends or drops the lock. The file of the lock holds the process ID.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        let lock = self.path.join(LOCK);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&lock).in_file(&lock)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // On some systems nobody else can read a locked file.
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

    /// Returns the same folder on another file system.
    pub fn on_disk(mut self, disk: Arc<dyn FileSystem>) -> Self {
        self.disk = disk;
        self
    }

    pub(crate) fn disk(&self) -> &Arc<dyn FileSystem> {
        &self.disk
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the folder of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// Returns the path of the weights.
    pub(crate) fn weights(&self) -> PathBuf {
        self.path.join(WEIGHTS)
    }

    /// Writes settings and vocabulary.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub fn save_settings<K: Kind>(
        &self,
        config: &RunConfig<K>,
        vocab: &Vocab,
    ) -> Result<(), Error> {
        self.save_config(config)?;
        atomic::write_file(&*self.disk, &self.path.join(VOCAB), &vocab.to_json())
    }

    /// Saves what of the text can be read only once, and returns the settings that read it from there.
    pub(super) fn save_streams<K: Kind>(
        &self,
        corpus: &Corpus,
        config: &RunConfig<K>,
    ) -> Result<RunConfig<K>, Error> {
        let mut config = config.clone();
        for (number, (name, text)) in (1..).zip(corpus.streams()) {
            // Tables of this kind are known by their names.
            let kind = match name.to_string_lossy().contains(".tsv") {
                true => ".tsv",
                false => "",
            };
            let path = self.path.join(format!("{COPY}{number}{kind}"));
            let path = std::path::absolute(&path).in_file(&path)?;
            text.save(&path)?;
            let absolute = std::path::absolute(name).in_file(name)?;
            let mut named = config.data.iter_mut().chain(&mut config.val_data);
            if let Some(named) = named.find(|named| **named == *name || **named == absolute) {
                *named = path;
            }
        }
        Ok(config)
    }

    /// Writes the file of the weights.
    pub(crate) fn save_weights(&self, bytes: &[u8]) -> Result<(), Error> {
        atomic::write_file(&*self.disk, &self.weights(), bytes)
    }

    pub(crate) fn save_config<K: Kind>(&self, config: &RunConfig<K>) -> Result<(), Error> {
        // So that the folder may be moved.
        let mut config = config.clone();
        let folder = std::path::absolute(&self.path).in_file(&self.path)?;
        for path in config.data.iter_mut().chain(&mut config.val_data) {
            if let Some(copy) = path.strip_prefix(&folder).ok().filter(|path| is_copy(path)) {
                *path = copy.to_owned();
            }
        }
        atomic::write_file(&*self.disk, &self.path.join(CONFIG), &config.to_json())
    }

    /// Reads the settings of the run.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RunConfig::load`].
    pub fn config<K: Kind>(&self) -> Result<RunConfig<K>, Error> {
        RunConfig::load(&self.path.join(CONFIG))
    }

    /// Reads the vocabulary of the run.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Vocab::load`].
    pub fn vocab(&self) -> Result<Vocab, Error> {
        Vocab::load(&self.path.join(VOCAB))
    }

    /// Reads the trained model.
    ///
    /// # Errors
    ///
    /// Returns an error if the weights cannot be read or do not fit a model with these settings.
    pub fn load_model<B: Backend, C: Cell<B>>(
        &self,
        config: &RunConfig<C::Kind>,
        vocab: &Vocab,
        device: &B::Device,
    ) -> Result<CharLm<B, C>, Error> {
        let (path, bytes) = match self.checkpoint {
            None => {
                let path = self.weights();
                let bytes = fs::read(&path).in_file(&path)?;
                (path, bytes)
            }
            Some(update) => {
                let path = self.checkpoints().join(update.to_string());
                let bytes = Checkpoint::<C::Kind>::open(&path)?.read_weights()?;
                (path, bytes)
            }
        };
        model_from(&bytes, config, vocab, device).map_err(|e| Error::foreign(&path, e))
    }

    /// Returns the path of the log.
    pub(super) fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }
}

/// Returns the model with the weights in `bytes`, a safetensors file.
pub(crate) fn model_from<B: Backend, C: Cell<B>>(
    bytes: &[u8],
    config: &RunConfig<C::Kind>,
    vocab: &Vocab,
    device: &B::Device,
) -> Result<CharLm<B, C>, String> {
    let precision = B::FloatElem::dtype();
    let needed =
        precision.size() as f64 * config.parameters(C::description(config.model), vocab.size());
    if (bytes.len() as f64) < needed {
        let found = bytes.len();
        return Err(format!(
            "{found} bytes, but a model with these settings has {needed}"
        ));
    }
    let model = config.new_model::<B, C>(vocab.size(), device);
    let layout = tensors::layout_of_module(&model);
    let weights = tensors::parse(bytes, &layout, precision)?;
    Ok(tensors::into_module(model, weights))
}

fn check_has(path: &Path, files: &[&'static str]) -> Result<(), Error> {
    if !path.is_file() {
        fs::read_dir(path).in_file(path)?;
    }
    match files.iter().find(|file| !path.join(file).is_file()) {
        Some(missing) => Err(Error::NotARun {
            path: path.to_owned(),
            missing,
        }),
        None => Ok(()),
    }
}
