//! Runs that stop and go on: to the same bits, whatever happened in between.

mod documents;
mod faults;
mod init_from;
mod lock;
mod resume;
mod skipped;

use std::{fs, path::Path};

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CellKind;
use tempfile::TempDir;
use tests::{
    interrupted::{TO_THE_END, begin, create, go_on, left, newest, reopen},
    tiny::{self, corpus, random_text},
};
use train::{Corpus, Error, Event, OptimizerConfig, Run, RunConfig, RunFolder};

type Inner = NdArray<f32>;
type B = Autodiff<Inner>;

/// Five epochs of eight updates, with a part held out.
fn forty_updates(cell: CellKind, optimizer: OptimizerConfig) -> RunConfig {
    RunConfig {
        optimizer,
        learning_rate: 0.02,
        val_frac: 0.2,
        max_epochs: 5,
        ..tiny::config(cell, 4)
    }
}

fn text() -> Corpus {
    corpus(&random_text(6, 82, 1))
}

/// A folder in which a run was stopped after so many updates.
fn stopped_after(updates: usize, config: &RunConfig) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = begin(&text(), config, &create(folder.path()), updates).expect("a run");
    assert!(outcome.is_stopped);
    folder
}

/// What the same run leaves that is never stopped.
fn uninterrupted(config: &RunConfig) -> (Vec<u8>, Vec<u8>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = begin(&text(), config, &create(folder.path()), TO_THE_END).expect("a run");
    assert!(!outcome.is_stopped);
    left(folder.path())
}

/// The names in the folder of checkpoints, sorted.
fn checkpoints(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("checkpoints")).expect("checkpoints");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
