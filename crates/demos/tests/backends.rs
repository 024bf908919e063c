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
        assert!(line.contains("answers:") && !line.contains("not"), "{line}");
    }
}

/// The same short run on each: losses agree to 1e-3 over the first 20 updates, and a model trained on
/// one writes the same on another.
#[test]
fn losses_agree() {
    let place = Place::new();
    let names = compiled_in();
    for model in ["lstm", "rnn"] {
        let run = |name: &str| format!("{model}-{name}");
        for name in &names {
            place.succeeds(&[
                "--backend",
                name,
                "--model",
                model,
                "--hidden-size",
                "32",
                "--num-layers",
                "2",
                "--batch-size",
                "16",
                "--seq-length",
                "25",
                "--max-epochs",
                "1",
                "--out",
                &run(name),
            ]);
        }
        let first = place.losses(&run(names[0]));
        for name in &names[1..] {
            let losses = place.losses(&run(name));
            for (update, (a, b)) in first.iter().zip(&losses).take(20).enumerate() {
                assert!(
                    (a - b).abs() < 1e-3,
                    "{model}, update {update}: {a} on {}, {b} on {name}",
                    names[0]
                );
            }
            let write = |backend: &str| {
                place.succeeds(&[
                    "sample",
                    &run(name),
                    "--length",
                    "40",
                    "--temperature",
                    "0",
                    "--backend",
                    backend,
                ])
            };
            assert_eq!(write(names[0]), write(name), "{model}");
        }
        assert!(first.len() >= 20);
    }
}
