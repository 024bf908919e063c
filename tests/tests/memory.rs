//! A run takes no more memory the longer it goes. In a process of its own, whose memory it measures.

use std::fs;

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CellKind;
use tests::{
    interrupted::create,
    tiny::{config, corpus, random_text},
};
use train::{Event, Run, RunConfig};

type B = Autodiff<NdArray<f32>>;

/// Resident memory of this process in bytes. Linux says.
fn memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// Ten updates, an evaluation and a checkpoint an epoch; what grows over the second half of the run, by
/// least squares, is less than one graph in ten updates would be.
fn memory_is_flat(epochs: usize) {
    let config = RunConfig {
        val_frac: 0.2,
        hidden_size: 32,
        seq_length: 20,
        max_epochs: epochs,
        ..config(CellKind::Lstm, 16)
    };
    let place = tempfile::tempdir().expect("a folder");
    let (corpus, folder) = (corpus(&random_text(6, 510, 1)), create(place.path()));
    let run = Run::<B>::new(&corpus, &config, &Default::default(), &folder).expect("ready");
    let mut seen = Vec::new();
    let outcome = run.go(
        || false,
        |event| {
            if let Event::Epoch { update, epoch, .. } = event
                && 2 * epoch > epochs
            {
                seen.extend(memory().map(|bytes| (*update as f64, bytes)));
            }
        },
    );
    outcome.expect("to the end");
    if seen.is_empty() {
        println!("skipped: this system does not say how much memory a process has");
        return;
    }
    let n = seen.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| seen.iter().map(of).sum::<f64>() / n;
    let (update, bytes) = (mean(|seen| seen.0), mean(|seen| seen.1));
    let covariance: f64 = seen.iter().map(|(u, b)| (u - update) * (b - bytes)).sum();
    let variance: f64 = seen.iter().map(|(u, _)| (u - update).powi(2)).sum();
    let slope = covariance / variance;
    println!(
        "{} updates, {epochs} evaluations: {:.1} MiB, growing by {slope:.0} bytes an update",
        10 * epochs,
        bytes / f64::from(1 << 20),
    );
    // A graph that is kept has the states of all steps at least: 20·2·32·2·4 bytes.
    assert!(slope < 2_000.0, "{slope} bytes an update");
}

#[test]
fn memory_is_flat_over_a_thousand_updates() {
    memory_is_flat(100);
}

#[test]
#[ignore = "takes a minute: the count that is claimed"]
fn memory_is_flat_over_ten_thousand_updates() {
    memory_is_flat(1000);
}
