//! Everything that a run is, saved so that it goes on to the same bits.
//!
//! A checkpoint is a folder in `checkpoints`, named by the number of updates done:
//!
//! | file | what it holds |
//! |---|---|
//! | `run.json` | how far the run is, settings, vocabulary, which text ([`Saved`]) |
//! | `weights.safetensors` | the parameters, by path |
//! | `moments.safetensors` | what the optimiser remembers of each parameter |
//! | `state.safetensors` | what each lane remembers, layer by layer |
//! | `best.safetensors` | the weights of the best epoch so far; no tensors before the first |
//! | `manifest.json` | version of this format, length and SHA-256 of each of the files |
//!
//! It appears whole or not at all ([`durable`]). The last [`KEPT`] and the one of the best epoch are
//! kept. Random numbers need no place in it: dropout's masks are a function of the seed and the update.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::DType;
use models::CellKind;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    config::RunConfig,
    corpus::{Corpus, TextId},
    durable::{self, FileSystem},
    error::{Error, InFile},
    tensors::{self, Layout},
    trainer::Progress,
    vocab::Vocab,
};

/// The version of this format.
pub const FORMAT: u64 = 1;

/// How many of the last checkpoints are kept.
pub const KEPT: usize = 2;

const MANIFEST: &str = "manifest.json";
const RUN: &str = "run.json";
pub(crate) const WEIGHTS: &str = "weights.safetensors";
pub(crate) const MOMENTS: &str = "moments.safetensors";
pub(crate) const STATE: &str = "state.safetensors";
pub(crate) const BEST: &str = "best.safetensors";

/// Longer ones are none of ours, and are not read: the vocabulary may have all of Unicode.
const MAX_RUN: u64 = 64 << 20;
const MAX_MANIFEST: u64 = 64 << 10;

/// What a checkpoint says in `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// How far the run is.
    pub progress: Progress,
    /// Updates in an epoch.
    pub epoch_length: usize,
    /// All settings.
    pub config: RunConfig,
    /// The symbols in the order of their tokens.
    pub vocab: Vocab,
    /// Which text it learns from.
    pub text: TextId,
    /// Length of `metrics.jsonl` in bytes.
    pub log_length: u64,
}

/// The tensors of a run.
pub(crate) struct Tensors {
    pub(crate) weights: tensors::Tensors,
    pub(crate) moments: tensors::Tensors,
    pub(crate) state: tensors::Tensors,
}

/// A checkpoint to go on from. It may come from anywhere: each file is checked before it is believed.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// What `run.json` says.
    pub saved: Saved,
    files: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u64,
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bytes: u64,
    sha256: String,
}

/// What every version of the format says first.
#[derive(Deserialize)]
struct Version {
    format: u64,
}

/// Writes a checkpoint into the folder of checkpoints, and removes those that are no longer kept. If
/// one of this update is there already, it says the same.
pub(crate) fn write(
    fs: &dyn FileSystem,
    dir: &Path,
    saved: &Saved,
    tensors: &Tensors,
    best: &Arc<[u8]>,
) -> Result<(), Error> {
    let path = dir.join(saved.progress.update.to_string());
    if path.exists() {
        return Ok(());
    }
    let run = serde_json::to_vec(saved).expect("plain data");
    let weights = tensors::to_bytes(&tensors.weights);
    let moments = tensors::to_bytes(&tensors.moments);
    let state = tensors::to_bytes(&tensors.state);
    let mut files: Vec<(&str, &[u8])> = vec![
        (RUN, &run),
        (WEIGHTS, &weights),
        (MOMENTS, &moments),
        (STATE, &state),
        (BEST, best),
    ];
    let entry = |&(name, bytes): &(&str, &[u8])| {
        let entry = Entry {
            bytes: bytes.len() as u64,
            sha256: format!("{:x}", Sha256::digest(bytes)),
        };
        (name.to_owned(), entry)
    };
    let manifest = Manifest {
        format: FORMAT,
        files: files.iter().map(entry).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).expect("plain data");
    files.push((MANIFEST, &manifest));
    durable::write_dir(fs, &path, &files)?;

    let best = saved.progress.best.map(|(_, epoch)| epoch);
    let best = best.map(|epoch| epoch * saved.epoch_length);
    for (update, path) in list(dir)?.into_iter().skip(KEPT) {
        if Some(update) != best {
            durable::remove_dir(fs, &path)?;
        }
    }
    Ok(())
}

/// The checkpoints in their folder, the newest first: updates done, and path.
pub(crate) fn list(dir: &Path) -> Result<Vec<(usize, PathBuf)>, Error> {
    let mut list = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(list),
        entries => entries.in_file(dir)?,
    };
    for entry in entries {
        let path = entry.in_file(dir)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let update = name.and_then(|name| name.parse::<usize>().ok());
        let update = update.filter(|update| name == Some(&update.to_string()));
        list.extend(update.map(|update| (update, path.clone())));
    }
    list.sort_by(|a, b| b.cmp(a));
    Ok(list)
}

impl Checkpoint {
    /// Reads the manifest and `run.json`.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder or a file is a link, is not what the manifest says, or cannot
    /// be read; or if the format is newer than [`FORMAT`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !fs::symlink_metadata(path).in_file(path)?.is_dir() {
            return Err(Error::foreign(path, "it is no folder"));
        }
        let manifest_path = path.join(MANIFEST);
        let foreign = |e: serde_json::Error| Error::foreign(&manifest_path, e);
        let manifest = read_plain(&manifest_path, MAX_MANIFEST)?;
        let Version { format } = serde_json::from_slice(&manifest).map_err(foreign)?;
        if format > FORMAT {
            return Err(Error::NewerFormat {
                path: path.to_owned(),
                format,
                known: FORMAT,
            });
        }
        let Manifest { files, .. } = serde_json::from_slice(&manifest).map_err(foreign)?;
        let names = [RUN, WEIGHTS, MOMENTS, STATE, BEST];
        if !files.keys().all(|name| names.contains(&name.as_str())) || files.len() < names.len() {
            return Err(Error::foreign(
                &manifest_path,
                "not the files of a checkpoint",
            ));
        }

        let run_path = path.join(RUN);
        let run = read_entry(&run_path, &files[RUN], MAX_RUN)?;
        let saved: Saved =
            serde_json::from_slice(&run).map_err(|e| Error::foreign(&run_path, e))?;
        saved.check().map_err(|e| Error::foreign(&run_path, e))?;
        Ok(Checkpoint {
            path: path.to_owned(),
            saved,
            files,
        })
    }

    /// One of its files of tensors, which are exactly those of `layout`, and what it says.
    pub(crate) fn read(
        &self,
        name: &str,
        layout: &Layout,
        precision: DType,
    ) -> Result<(Vec<u8>, tensors::Tensors), Error> {
        let path = self.path.join(name);
        let largest = tensors::largest_file(layout, precision) as u64;
        let bytes = read_entry(&path, &self.files[name], largest)?;
        let tensors = tensors::parse(&bytes, layout, precision);
        let tensors = tensors.map_err(|e| Error::foreign(&path, e))?;
        Ok((bytes, tensors))
    }

    /// Checks that its text has epochs of this length and that its files are as long as its settings
    /// say, before a model is made of that size.
    pub(crate) fn check_sizes(&self, epoch_length: usize, precision: DType) -> Result<(), Error> {
        if self.saved.epoch_length != epoch_length {
            let problem = format!("epochs of {}, not {epoch_length}", self.saved.epoch_length);
            return Err(Error::foreign(&self.path.join(RUN), problem));
        }
        let config = &self.saved.config;
        let fields = match config.model {
            CellKind::Rnn => 1.0,
            CellKind::Lstm => 2.0,
        };
        let sizes = [
            config.num_layers,
            self.saved.progress.rows,
            config.hidden_size,
        ];
        let state = sizes
            .iter()
            .fold(fields, |product, &size| product * size as f64);
        let weights = config.parameters(self.saved.vocab.size());
        for (name, numbers) in [(WEIGHTS, weights), (STATE, state)] {
            let (found, needed) = (self.files[name].bytes, numbers * precision.size() as f64);
            if (found as f64) < needed {
                let problem = format!("{found} bytes, but its settings need {needed}");
                return Err(Error::foreign(&self.path.join(name), problem));
            }
        }
        Ok(())
    }
}

impl Saved {
    /// Checks that this run can go on with this text and these settings.
    pub(crate) fn check_resumed(&self, corpus: &Corpus, config: &RunConfig) -> Result<(), Error> {
        self.config.check_resumed(config)?;
        if *corpus.id() != self.text {
            return Err(Error::OtherText {
                name: corpus.name.clone(),
                found: corpus.id().to_string(),
                expected: self.text.to_string(),
            });
        }
        if corpus.vocab != self.vocab {
            return Err(Error::Foreign {
                path: "vocab.json".into(),
                reason: "not the vocabulary of the checkpoint".to_owned(),
            });
        }
        if config.max_epochs < self.progress.epoch {
            return Err(Error::Setting {
                setting: "max_epochs",
                value: config.max_epochs.to_string(),
                reason: "the run has finished more",
            });
        }
        Ok(())
    }

    /// Numbers that no run has.
    fn check(&self) -> Result<(), String> {
        self.config.validate().map_err(|e| e.to_string())?;
        self.vocab.check()?;
        let progress = &self.progress;
        let finished = progress.epoch.checked_mul(self.epoch_length);
        let window = finished.and_then(|done| progress.update.checked_sub(done));
        let holds = window.is_some_and(|window| window <= self.epoch_length)
            && self.epoch_length > 0
            && (1..=self.config.batch_size).contains(&progress.rows)
            && progress.skipped <= progress.update
            && progress.skipped_in_a_row <= progress.skipped
            && progress.losses <= progress.update
            && progress.epoch <= self.config.max_epochs
            && progress.waited.max(progress.plateaus) <= progress.epoch
            && progress.total_loss.is_finite()
            && progress.mean_norm.is_finite()
            && progress
                .best
                .is_none_or(|(loss, epoch)| epoch <= progress.epoch && loss.is_finite());
        match holds {
            true => Ok(()),
            false => Err("its numbers do not agree".to_owned()),
        }
    }
}

/// The file that the manifest means, if it is no longer than `largest`.
fn read_entry(path: &Path, entry: &Entry, largest: u64) -> Result<Vec<u8>, Error> {
    if entry.bytes > largest {
        let problem = format!(
            "{} bytes, but what belongs there has at most {largest}",
            entry.bytes
        );
        return Err(Error::foreign(path, problem));
    }
    let bytes = read_plain(path, entry.bytes)?;
    if bytes.len() as u64 != entry.bytes {
        return Err(Error::foreign(
            path,
            "its length is not that of the manifest",
        ));
    }
    if format!("{:x}", Sha256::digest(&bytes)) != entry.sha256 {
        return Err(Error::foreign(
            path,
            "its SHA-256 is not that of the manifest",
        ));
    }
    Ok(bytes)
}

/// A file that is no link, device or folder, up to this length and a byte more.
fn read_plain(path: &Path, length: u64) -> Result<Vec<u8>, Error> {
    let kind = fs::symlink_metadata(path).in_file(path)?;
    if !kind.is_file() {
        return Err(Error::foreign(path, "it is no plain file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).in_file(path)?;
    file.take(length.saturating_add(1))
        .read_to_end(&mut bytes)
        .in_file(path)?;
    Ok(bytes)
}
