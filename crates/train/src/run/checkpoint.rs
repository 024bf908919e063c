//! Checkpoints: what they hold, and how they are written and read.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use burn::tensor::DType;
use data_encoding::HEXLOWER;
use models::{CellKind, Description, Kind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::run_state::RunState;
use crate::{
    disk::{
        FileSystem, atomic,
        tensors::{self, Layout, Tensors},
    },
    error::{Error, InFile},
    learn::{Snapshot, SnapshotLayout},
};

/// The version of this format.
pub const FORMAT: u64 = 1;

/// How many of the last checkpoints are kept.
pub const KEPT: usize = 2;

const MANIFEST: &str = "manifest.json";
const RUN: &str = "run.json";
const WEIGHTS: &str = "weights.safetensors";
const MOMENTS: &str = "moments.safetensors";
const STATE: &str = "state.safetensors";
const BEST: &str = "best.safetensors";

/// Longer files are not ours, and are not read. The vocabulary may have all of Unicode.
const MAX_RUN: u64 = 64 << 20;
const MAX_MANIFEST: u64 = 64 << 10;

/// Everything that a run needs to resume; the result is bit-identical to an uninterrupted run.
///
/// A checkpoint is a folder in `checkpoints`, named after the number of updates done:
///
/// | file | contents |
/// |---|---|
/// | `run.json` | how far the run has come, settings, vocabulary, which text ([`RunState`]) |
/// | `weights.safetensors` | the parameters, by path |
/// | `moments.safetensors` | what the optimiser remembers of each parameter |
/// | `state.safetensors` | the state of each row, layer by layer |
/// | `best.safetensors` | the weights of the best epoch so far; no tensors before the end of the first |
/// | `manifest.json` | the version of this format, and the length and SHA-256 of each file |
///
/// A checkpoint appears whole or not at all. The last [`KEPT`] and the checkpoint of the best epoch are kept.
/// No random state is saved: dropout's masks are a function of the seed and the update.
///
/// A checkpoint may come from anywhere, so each file is checked before it is used.
#[derive(Debug)]
pub struct Checkpoint<K = CellKind> {
    path: PathBuf,
    /// The contents of `run.json`.
    pub run: RunState<K>,
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

/// What the manifest has in every version of the format.
#[derive(Deserialize)]
struct Version {
    format: u64,
}

/// Writes a checkpoint into the folder of checkpoints and removes those that are no longer kept. A
/// checkpoint of this update that exists already is the same.
pub(super) fn write<K: Kind>(
    fs: &dyn FileSystem,
    dir: &Path,
    run: &RunState<K>,
    tensors: &Snapshot,
    best: &[u8],
) -> Result<(), Error> {
    let path = dir.join(run.progress.update.to_string());
    if path.exists() {
        return Ok(());
    }
    let run_json = serde_json::to_vec(run).expect("plain data");
    let weights = tensors::to_bytes(&tensors.weights);
    let moments = tensors::to_bytes(&tensors.moments);
    let state = tensors::to_bytes(&tensors.state);
    let mut files: Vec<(&str, &[u8])> = vec![
        (RUN, &run_json),
        (WEIGHTS, &weights),
        (MOMENTS, &moments),
        (STATE, &state),
        (BEST, best),
    ];
    let entry = |&(name, bytes): &(&str, &[u8])| {
        let entry = Entry {
            bytes: bytes.len() as u64,
            sha256: HEXLOWER.encode(&Sha256::digest(bytes)),
        };
        (name.to_owned(), entry)
    };
    let manifest = Manifest {
        format: FORMAT,
        files: files.iter().map(entry).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).expect("plain data");
    files.push((MANIFEST, &manifest));
    atomic::write_dir(fs, &path, &files)?;

    let best = run.progress.best.map(|(_, epoch)| epoch);
    let best = best.map(|epoch| epoch * run.epoch_length);
    for (update, path) in list(dir)?.into_iter().skip(KEPT) {
        if Some(update) != best {
            atomic::remove_dir(fs, &path)?;
        }
    }
    Ok(())
}

/// Lists the checkpoints in their folder, newest first: updates done, and path.
pub(super) fn list(dir: &Path) -> Result<Vec<(usize, PathBuf)>, Error> {
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

impl<K: Kind> Checkpoint<K> {
    /// Reads the manifest and `run.json`.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder or a file is a link, cannot be read or differs from the manifest, or if
    /// the format is newer than [`FORMAT`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !fs::symlink_metadata(path).in_file(path)?.is_dir() {
            return Err(Error::foreign(path, "it is not a folder"));
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
        let run: RunState<K> =
            serde_json::from_slice(&run).map_err(|e| Error::foreign(&run_path, e))?;
        run.check().map_err(|e| Error::foreign(&run_path, e))?;
        Ok(Checkpoint {
            path: path.to_owned(),
            run,
            files,
        })
    }

    /// Reads the tensors of the run, which must have exactly this layout.
    pub(super) fn read_snapshot(
        &self,
        layout: &SnapshotLayout,
        precision: DType,
    ) -> Result<Snapshot, Error> {
        let read = |name, layout| Ok(self.read(name, layout, precision)?.1);
        Ok(Snapshot {
            progress: self.run.progress.clone(),
            state: read(STATE, &layout.state)?,
            moments: read(MOMENTS, &layout.moments)?,
            weights: read(WEIGHTS, &layout.weights)?,
        })
    }

    /// Reads the file of the weights, for a model that checks them.
    pub(super) fn read_weights(&self) -> Result<Vec<u8>, Error> {
        read_entry(&self.path.join(WEIGHTS), &self.files[WEIGHTS], u64::MAX)
    }

    /// Reads the file of the best weights, which must have exactly this layout.
    pub(super) fn read_best(&self, layout: &Layout, precision: DType) -> Result<Vec<u8>, Error> {
        Ok(self.read(BEST, layout, precision)?.0)
    }

    /// Reads a file of tensors. Returns the file and its tensors.
    fn read(
        &self,
        name: &str,
        layout: &Layout,
        precision: DType,
    ) -> Result<(Vec<u8>, Tensors), Error> {
        let path = self.path.join(name);
        let largest = tensors::largest_file(layout, precision) as u64;
        let bytes = read_entry(&path, &self.files[name], largest)?;
        let tensors = tensors::parse(&bytes, layout, precision);
        let tensors = tensors.map_err(|e| Error::foreign(&path, e))?;
        Ok((bytes, tensors))
    }

    /// Checks that its text has epochs of this length and that its files are as long as its settings say,
    /// before a model of that size is created.
    pub(super) fn check_sizes(
        &self,
        cell: &Description,
        epoch_length: usize,
        precision: DType,
    ) -> Result<(), Error> {
        if self.run.epoch_length != epoch_length {
            let problem = format!("epochs of {}, not {epoch_length}", self.run.epoch_length);
            return Err(Error::foreign(&self.path.join(RUN), problem));
        }
        let config = &self.run.config;
        let of_layer = (cell.state)(config.hidden_size as f64);
        let state = config.num_layers as f64 * self.run.progress.rows as f64 * of_layer;
        let weights = config.parameters(cell, self.run.vocab.size());
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

/// Reads a file of the manifest, if it is no longer than `largest`.
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
        return Err(Error::foreign(path, "its length differs from the manifest"));
    }
    if HEXLOWER.encode(&Sha256::digest(&bytes)) != entry.sha256 {
        return Err(Error::foreign(
            path,
            "its SHA-256 differs from the manifest",
        ));
    }
    Ok(bytes)
}

/// Reads a file that is not a link, device or folder, up to one byte more than `length`.
fn read_plain(path: &Path, length: u64) -> Result<Vec<u8>, Error> {
    let kind = fs::symlink_metadata(path).in_file(path)?;
    if !kind.is_file() {
        return Err(Error::foreign(path, "it is not a plain file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).in_file(path)?;
    file.take(length.saturating_add(1))
        .read_to_end(&mut bytes)
        .in_file(path)?;
    Ok(bytes)
}
