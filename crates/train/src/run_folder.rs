//! What a run leaves behind.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.json` | all settings ([`RunConfig`]) |
//! | `vocab.json` | the symbols in the order of their tokens ([`Vocab`]) |
//! | `weights.safetensors` | the weights of the best validation loss; of the last epoch without validation |
//! | `metrics.jsonl` | every [`Event`], one JSON object a line |

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use burn::tensor::{Element, backend::Backend};
use burn_store::{ModuleSnapshot, ModuleStore, SafetensorsStore};
use models::CharLm;

use crate::{
    config::RunConfig,
    error::{Error, InFile},
    events::Event,
    vocab::Vocab,
};

const CONFIG: &str = "config.json";
const VOCAB: &str = "vocab.json";
/// The file of the weights in a run's folder.
pub const WEIGHTS: &str = "weights.safetensors";
/// The file of the log in a run's folder.
pub const METRICS: &str = "metrics.jsonl";

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// A folder for a new run.
    ///
    /// # Errors
    ///
    /// Where something is there already, other than an empty folder, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).in_file(path)?;
        if fs::read_dir(path).in_file(path)?.next().is_some() {
            return Err(Error::Occupied {
                path: path.to_owned(),
            });
        }
        Ok(RunFolder {
            path: path.to_owned(),
        })
    }

    /// The first of `NAME-1`, `NAME-2`, … in `parent` that is not there yet.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn create_numbered(parent: &Path, name: &str) -> Result<Self, Error> {
        fs::create_dir_all(parent).in_file(parent)?;
        for number in 1.. {
            let path = parent.join(format!("{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(RunFolder { path }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e).in_file(&path),
            }
        }
        unreachable!("a number is free")
    }

    /// The folder of a run that has been.
    ///
    /// # Errors
    ///
    /// Where one of its files is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        fs::read_dir(path).in_file(path)?;
        for missing in [CONFIG, VOCAB, WEIGHTS] {
            if !path.join(missing).is_file() {
                return Err(Error::NotARun {
                    path: path.to_owned(),
                    missing,
                });
            }
        }
        Ok(RunFolder {
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is known before the first update.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written.
    pub fn save_settings(&self, config: &RunConfig, vocab: &Vocab) -> Result<(), Error> {
        config.save(&self.path.join(CONFIG))?;
        vocab.save(&self.path.join(VOCAB))
    }

    /// The settings of the run.
    ///
    /// # Errors
    ///
    /// As [`RunConfig::load`] has it.
    pub fn config(&self) -> Result<RunConfig, Error> {
        RunConfig::load(&self.path.join(CONFIG))
    }

    /// The vocabulary of the run.
    ///
    /// # Errors
    ///
    /// As [`Vocab::load`] has it.
    pub fn vocab(&self) -> Result<Vocab, Error> {
        Vocab::load(&self.path.join(VOCAB))
    }

    /// Writes the weights: beside the old ones first, which stay until the new ones are whole.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn save_weights<B: Backend>(&self, model: &CharLm<B>) -> Result<(), Error> {
        let path = self.path.join(WEIGHTS);
        let mut store = store(None);
        let bytes = model.save_into(&mut store).and_then(|()| store.get_bytes());
        let bytes = bytes.map_err(|e| Error::foreign(&path, e))?;

        let unfinished = path.with_extension("safetensors.new");
        let mut file = File::create(&unfinished).in_file(&unfinished)?;
        file.write_all(&bytes).in_file(&unfinished)?;
        file.sync_all().in_file(&unfinished)?;
        fs::rename(&unfinished, &path).in_file(&path)
    }

    /// The trained model.
    ///
    /// # Errors
    ///
    /// Where the weights cannot be read, or are not those of a model with these settings.
    pub fn load_model<B: Backend>(
        &self,
        config: &RunConfig,
        vocab: &Vocab,
        device: &B::Device,
    ) -> Result<CharLm<B>, Error> {
        let path = self.path.join(WEIGHTS);
        let bytes = fs::read(&path).in_file(&path)?;
        let needed = 4.0 * config.parameters(vocab.size());
        if (bytes.len() as f64) < needed {
            let found = bytes.len();
            let problem = format!("{found} bytes, but a model with these settings has {needed}");
            return Err(Error::foreign(&path, problem));
        }
        let mut store = store(Some(bytes));
        let tensors = store
            .get_all_snapshots()
            .map_err(|e| Error::foreign(&path, e))?;
        let precision = B::FloatElem::dtype();
        if let Some((name, other)) = tensors.iter().find(|(_, t)| t.dtype != precision) {
            let problem = format!("tensor {name} is {:?}, not {precision:?}", other.dtype);
            return Err(Error::foreign(&path, problem));
        }
        let mut model = config.char_lm(vocab.size()).init_seeded::<B>(0, device);
        let loaded = model
            .load_from(&mut store)
            .map_err(|e| Error::foreign(&path, e))?;
        let problem = if let Some(error) = loaded.errors.first() {
            error.to_string()
        } else if let Some((name, _)) = loaded.missing.first() {
            format!("it has no tensor {name}, which a model with these settings has")
        } else if let Some(name) = loaded.unused.first() {
            format!("it has a tensor {name}, which no model with these settings has")
        } else {
            return Ok(model);
        };
        Err(Error::foreign(&path, problem))
    }

    /// The log of the run.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn metrics(&self) -> Result<Metrics, Error> {
        let path = self.path.join(METRICS);
        let file = File::create(&path).in_file(&path)?;
        Ok(Metrics { file, path })
    }
}

/// Tensors in memory, named by their path in the module, without the kind of each layer.
fn store(bytes: Option<Vec<u8>>) -> SafetensorsStore {
    SafetensorsStore::from_bytes(bytes)
        // Metadata would be written in another order each time.
        .clear_metadata()
        .skip_enum_variants(true)
        .validate(false)
        .allow_partial(true)
}

/// The log of a run.
pub struct Metrics {
    file: File,
    path: PathBuf,
}

impl Metrics {
    /// Adds a line.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn log(&mut self, event: &Event) -> Result<(), Error> {
        let mut line = serde_json::to_vec(event).expect("an event is plain data");
        line.push(b'\n');
        self.file.write_all(&line).in_file(&self.path)
    }
}
