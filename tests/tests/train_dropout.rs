//! Dropout in training: the seed decides it. One test alone, for Burn's random numbers are one
//! stream a process.

use std::fs;

use models::CellKind;
use tests::tiny::{self, config, corpus, random_text};
use train::{Event, RunConfig};

/// The weights file, and the loss of each update.
fn run([dropout, weight_dropout]: [f64; 2], seed: u64) -> (Vec<u8>, Vec<f64>) {
    let config = RunConfig {
        dropout,
        weight_dropout,
        seed,
        max_epochs: 3,
        ..config(CellKind::Lstm, 4)
    };
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = corpus(&random_text(6, 60, 1));
    let (_, events) = tiny::train(&corpus, &config, folder.path()).expect("a run");
    let losses = events.iter().filter_map(|event| match event {
        Event::Update { loss, .. } => Some(*loss),
        _ => None,
    });
    let weights = fs::read(folder.path().join("weights.safetensors")).expect("weights");
    (weights, losses.collect())
}

#[test]
fn the_seed_decides_dropout() {
    let (_, without) = run([0.0, 0.0], 1);
    for dropout in [[0.5, 0.0], [0.0, 0.5]] {
        let (weights, losses) = run(dropout, 1);
        assert!(
            (weights.clone(), losses.clone()) == run(dropout, 1),
            "twice the same"
        );
        assert!(weights != run(dropout, 2).0, "the seed matters");

        // The first loss is that of the fresh weights, which dropout does not touch: only the masks
        // make it another one.
        assert_ne!(losses[0], without[0], "dropout acts in training");
    }
}
