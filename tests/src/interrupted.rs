//! Runs that stop and resume.

use std::{cell::Cell, fs, fs::File, io, path::Path, sync::Arc};

use burn_ndarray::NdArray;
use sha2::{Digest, Sha256};
use train::{Corpus, Error, Event, Outcome, Run, RunConfig, RunFolder, disk::FileSystem};

use crate::tiny::B;

/// A disk that does not sync, so that tests need not wait for it.
#[derive(Debug)]
pub struct Hasty;

impl FileSystem for Hasty {
    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
}

/// A new folder for a run, on a [`Hasty`] disk.
///
/// # Panics
///
/// Panics if the folder cannot be made.
pub fn create(path: &Path) -> RunFolder {
    let folder = RunFolder::create(path).expect("a folder");
    folder.on_disk(Arc::new(Hasty))
}

/// The folder of a run to resume, on a [`Hasty`] disk.
///
/// # Panics
///
/// Panics if it is not the folder of a run.
pub fn reopen(path: &Path) -> RunFolder {
    let folder = RunFolder::resume(path).expect("the folder of a run");
    folder.on_disk(Arc::new(Hasty))
}

/// Starts a run in `folder`, and stops it after this many updates.
///
/// # Errors
///
/// Returns the errors of [`Run::go`].
pub fn begin(
    corpus: &Corpus,
    config: &RunConfig,
    folder: &RunFolder,
    updates: usize,
) -> Result<Outcome<NdArray<f32>>, Error> {
    let folder = || Ok(folder.clone());
    let run = Run::<B>::new(corpus, config, &Default::default(), folder)?;
    go(run, updates)
}

/// Resumes the run in `folder`, and stops it after this many more updates.
///
/// # Errors
///
/// Returns the errors of [`Run::resume`] and [`Run::go`].
pub fn go_on(
    corpus: &Corpus,
    config: &RunConfig,
    folder: &RunFolder,
    updates: usize,
) -> Result<Outcome<NdArray<f32>>, Error> {
    let run = Run::<B>::resume(corpus, config, &Default::default(), folder)?;
    go(run, updates)
}

fn go(run: Run<'_, B>, updates: usize) -> Result<Outcome<NdArray<f32>>, Error> {
    let done = Cell::new(0);
    let count = |event: &Event| {
        if matches!(event, Event::Update { .. } | Event::Skipped { .. }) {
            done.set(done.get() + 1);
        }
    };
    run.go(|| done.get() >= updates, count)
}

/// The number of updates of a run's newest checkpoint.
///
/// # Panics
///
/// Panics if there is no folder of checkpoints.
pub fn newest(folder: &Path) -> Option<usize> {
    let entries = fs::read_dir(folder.join("checkpoints")).expect("checkpoints");
    let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    entries
        .filter_map(name)
        .filter_map(|name| name.parse().ok())
        .max()
}

/// Updates the manifest of a checkpoint to match its files.
///
/// # Panics
///
/// Panics if it is not a checkpoint.
pub fn sign(checkpoint: &Path) {
    let path = checkpoint.join("manifest.json");
    let json = fs::read(&path).expect("a manifest");
    let mut manifest: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    for (name, entry) in manifest["files"].as_object_mut().expect("files") {
        let bytes = fs::read(checkpoint.join(name)).expect("a file");
        let digits = Sha256::digest(&bytes);
        let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
        *entry = serde_json::json!({ "bytes": bytes.len(), "sha256": digits });
    }
    fs::write(&path, manifest.to_string()).expect("written");
}

/// A number of updates that no run reaches.
pub const TO_THE_END: usize = usize::MAX;

/// What a run has written: its best weights, the weights and moments of its last checkpoint, and its log
/// without the fields that depend on the clock and the process.
///
/// # Panics
///
/// Panics if a file is missing.
pub fn left(folder: &Path) -> (Vec<u8>, Vec<u8>, String) {
    let weights = fs::read(folder.join("weights.safetensors")).expect("weights");
    let last = newest(folder).expect("a checkpoint").to_string();
    let last = folder.join("checkpoints").join(last);
    let files = ["weights", "moments"].map(|name| name.to_owned() + ".safetensors");
    let tensors = files.map(|name| fs::read(last.join(name)).expect("tensors"));
    let log = fs::read_to_string(folder.join("metrics.jsonl")).expect("a log");
    let timeless = |line: &str| {
        let cut = ["chars_per_second", "peak_memory"]
            .into_iter()
            .find_map(|field| line.split_once(&format!(",\"{field}\":")));
        cut.map_or(line, |(before, _)| before).to_owned() + "\n"
    };
    (
        weights,
        tensors.concat(),
        log.lines().map(timeless).collect(),
    )
}
