//! The folder of runs that are given no other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use demos::exit::{UsageError, complain};
use train::{RunFolder, run::METRICS};

/// The folder of runs without `--out`.
pub const RUNS: &str = "runs";

/// Returns the run in [`RUNS`] in which the file called `file` was written last.
pub fn newest_run(file: &str) -> Result<PathBuf> {
    let written = |run: PathBuf| {
        let written = fs::metadata(run.join(file)).and_then(|file| file.modified());
        written.ok().map(|time| (time, run))
    };
    let runs = fs::read_dir(Path::new(RUNS))
        .into_iter()
        .flatten()
        .flatten();
    let newest = runs.filter_map(|entry| written(entry.path())).max();
    newest.map(|(_, run)| run).ok_or_else(|| {
        let problem = format!("no run in {RUNS}/ yet; train one first, or name its folder");
        UsageError(problem).into()
    })
}

/// Returns the run at `path`, or the newest one, with the weights after `checkpoint` updates or its best ones.
pub fn trained_run(path: Option<&Path>, checkpoint: Option<usize>) -> Result<RunFolder> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => newest_run(METRICS)?,
    };
    let folder = RunFolder::open(&path)?;
    if let Some(update) = checkpoint {
        return Ok(folder.at_checkpoint(update)?);
    }
    note_early_weights(&folder);
    Ok(folder)
}

/// Says which weights of a run are used, if there are no best ones yet.
pub fn note_early_weights(folder: &RunFolder) {
    if let Some(update) = folder.checkpoint() {
        let run = folder.path().display();
        complain(&format!(
            "{run}: no epoch has ended yet; these are the weights after update {update}"
        ));
    }
}
