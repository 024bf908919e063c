//! Memory in a long run: updates and evaluations leave nothing behind. One test alone, for what is
//! measured is the resident set of the whole process.
#![cfg(target_os = "linux")]

use std::{fs, hint::black_box};

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CellKind;
use tests::tiny::{config, corpus, random_text};
use train::{Event, RunConfig, RunFolder};

type B = Autodiff<NdArray<f32>>;

/// Updates between two evaluations.
const EPOCH: usize = 10;

/// Bytes in main memory.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1024.0 * kib.expect("a line").parse::<f64>().expect("a number")
}

/// The resident set after each epoch of a run that loses `leak` bytes an update.
fn run(epochs: usize, leak: usize) -> Vec<f64> {
    let config = RunConfig {
        val_frac: 0.2,
        max_epochs: epochs,
        ..config(CellKind::Lstm, 4)
    };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = RunFolder::create(folder.path()).expect("a folder");
    let corpus = corpus(&random_text(6, EPOCH * 10 + 2, 1));
    let mut sizes = Vec::with_capacity(epochs);
    let listen = |event: &Event| match event {
        Event::Start { epoch_length, .. } => assert_eq!(*epoch_length, EPOCH),
        Event::Epoch { val_loss, .. } => {
            assert!(val_loss.is_some(), "evaluated");
            black_box(vec![1_u8; leak * EPOCH].leak());
            sizes.push(resident());
        }
        _ => {}
    };
    train::train::<B>(&corpus, &config, &Default::default(), &folder, listen).expect("a run");
    assert_eq!(sizes.len(), epochs);
    sizes
}

/// Bytes that an update leaves behind: the slope of the line that fits the sizes best.
fn slope(sizes: &[f64]) -> f64 {
    let n = sizes.len() as f64;
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n;
    let updates = |i: usize| (EPOCH * i) as f64;
    let update = mean(&mut (0..sizes.len()).map(updates));
    let size = mean(&mut sizes.iter().copied());
    let (mut above, mut below) = (0.0, 0.0);
    for (i, bytes) in sizes.iter().enumerate() {
        above += (updates(i) - update) * (bytes - size);
        below += (updates(i) - update).powi(2);
    }
    above / below
}

/// Far below what an evaluation with autodiff would leave: Burn 0.21 keeps some 60,000 bytes of it here,
/// 6,000 for each update.
const NOISE: f64 = 500.0;

fn assert_flat(epochs: usize) {
    let sizes = run(epochs, 0);
    let later = &sizes[epochs / 5..];
    let slope = slope(later);
    println!(
        "{} updates, {epochs} evaluations: {slope:.1} bytes an update, {:.0} to {:.0} KiB",
        epochs * EPOCH,
        later[0] / 1024.0,
        later[later.len() - 1] / 1024.0,
    );
    assert!(slope < NOISE, "{slope} bytes an update");
}

#[test]
fn memory_is_flat_over_1000_updates_and_a_leak_would_show() {
    assert_flat(100);
    let leaking = slope(&run(100, 2 * NOISE as usize));
    assert!(leaking > NOISE, "{leaking} bytes an update");
}

#[test]
#[ignore = "the full count; the short version is above"]
fn memory_is_flat_over_10000_updates_and_1000_evaluations() {
    assert_flat(1000);
}
