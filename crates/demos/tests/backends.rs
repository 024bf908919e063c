//! Every backend that is compiled in answers, and they agree.
#![allow(missing_docs)]

mod common;

use common::Place;

/// The names of the backends that this build has.
fn compiled_in() -> Vec<&'static str> {
    let all = [
        ("ndarray", cfg!(feature = "ndarray")),
        ("flex", cfg!(feature = "flex")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("cuda", cfg!(feature = "cuda")),
    ];
    all.into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn all_that_are_compiled_in_answer() {
    let list = Place::new().succeeds(&["--list-backends"]);
    for name in compiled_in() {
        let line = list
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line for each");
        assert!(line.contains("answers:"), "{line}");
    }
}

/// The same short run on each: losses agree to 1e-3 over the first 20 updates, and a model trained on
/// one writes the same on another.
#[test]
fn losses_agree() {
    for model in ["lstm", "rnn"] {
        let place = Place::new();
        place.file("text", common::words(3000));
        let names = compiled_in();
        for name in &names {
            place.succeeds(&[
                "train",
                "--data",
                "text",
                "--backend",
                name,
                "--model",
                model,
                "--hidden-size",
                "16",
                "--embedding-size",
                "8",
                "--batch-size",
                "8",
                "--seq-length",
                "16",
                "--max-epochs",
                "1",
                "--val-frac",
                "0",
                "--out",
                name,
            ]);
        }
        let first = place.losses(names[0]);
        assert!(first.len() >= 20, "{} updates", first.len());
        for name in &names[1..] {
            let losses = place.losses(name);
            assert_eq!(losses.len(), first.len());
            for (update, (a, b)) in std::iter::zip(&first, &losses).take(20).enumerate() {
                let difference = (a - b).abs();
                assert!(
                    difference < 1e-3,
                    "{model}, update {update}: {a} on {}, {b} on {name}",
                    names[0]
                );
            }
            let write = |backend: &str| {
                let flags = ["--length", "20", "--temperature", "0", "--backend", backend];
                place.succeeds(&[&["sample", name][..], &flags].concat())
            };
            assert_eq!(write(names[0]), write(name), "{model}");
        }
    }
}

/// The same tiny experiment on each: how far the gradients of an LSTM reach, before and after training.
///
/// Only the LSTM's: the other two differ on wgpu from the start (seen with layers of 13 units on Mesa's
/// device in software); why is not known yet.
#[test]
fn experiments_agree() {
    let place = Place::of(env!("CARGO_BIN_EXE_long_memory"));
    let numbers = |name: &str| -> Vec<f64> {
        let flags =
            "--tasks adding --distances 4 --seeds 1 --updates 5 --hidden-size 6 --batch-size 4";
        let flags: Vec<&str> = flags.split(' ').collect();
        place.succeeds(&[&flags[..], &["--backend", name, "--out", name]].concat());
        let table = place.read(&format!("{name}/gradients.csv"));
        let of_lstm = table.lines().filter(|row| row.contains(",Lstm,"));
        let number = |field: &str| field.parse().expect("a number");
        of_lstm
            .flat_map(|row| row.split(',').skip(6).map(number))
            .collect()
    };
    let names = compiled_in();
    let first = numbers(names[0]);
    assert_eq!(first.len(), 4 * 2 * 2);
    for name in &names[1..] {
        let other = numbers(name);
        assert_eq!(other.len(), first.len());
        for (a, b) in std::iter::zip(&first, &other) {
            assert!((a - b).abs() < 1e-5, "{a} on {}, {b} on {name}", names[0]);
        }
    }
}

/// Vulkan finds no driver where this variable names none.
#[test]
#[cfg(feature = "wgpu")]
fn no_device_is_one_line() {
    let place = Place::new();
    let args = ["train", "--backend", "wgpu"];
    let output = place
        .command(&args)
        .env("VK_DRIVER_FILES", "/nowhere")
        .output()
        .unwrap();
    common::refused(
        &output,
        1,
        &args,
        &["no device answers", "mesa-vulkan-drivers"],
    );
}
