//! Numbers that are not finite, and outliers: nothing is learned from them.

use models::CharLm;
use tests::tiny::{parameters, with_parameters};
use train::{Trainer, batches::lanes::split, learn::MEAN_OVER};

use super::*;

type Weights = tiny::Values;

/// Weights, all finite, with which the first update has this loss and this norm of the gradient.
fn poisoned(model: CharLm<B>, poison: impl Fn(&str, usize) -> Option<f64>) -> CharLm<B> {
    let mut weights: Weights = parameters(&model);
    for (name, values) in &mut weights {
        for (i, value) in values.iter_mut().enumerate() {
            *value = poison(name, i).unwrap_or(*value);
        }
    }
    with_parameters(model, weights)
}

/// One symbol is certain, the others are out of range.
fn infinite_loss(name: &str, i: usize) -> Option<f64> {
    (name == "head.bias").then_some(if i == 0 { 3e38 } else { -3e38 })
}

/// Logits that are infinite.
fn nan_loss(name: &str, _: usize) -> Option<f64> {
    match name {
        "head.weight" => Some(3e38),
        _ if name.ends_with(".b") => Some(10.0),
        _ => None,
    }
}

/// A head so steep that its gradient is out of range, above hidden states of zero, which hide it from
/// the loss.
fn steep(name: &str, i: usize, steepness: f64) -> Option<f64> {
    match name {
        "head.weight" => Some(if i.is_multiple_of(2) {
            steepness
        } else {
            -steepness
        }),
        "head.bias" => None,
        _ if name.starts_with("stack.layers.1") => Some(0.0),
        _ => None,
    }
}

#[test]
fn nothing_is_learned_from_numbers_that_are_not_finite() {
    type Poison = fn(&str, usize) -> Option<f64>;
    type Expected = fn(f64, f64) -> bool;
    let cases: [(&str, Poison, Expected); 4] = [
        ("loss", infinite_loss, |loss, _| loss == f64::INFINITY),
        ("loss", nan_loss, |loss, _| loss.is_nan()),
        (
            "gradient",
            |name, i| steep(name, i, 1e25),
            |loss, norm| loss.is_finite() && norm == f64::INFINITY,
        ),
        (
            "gradient",
            |name, i| steep(name, i, 3e38),
            |loss, norm| loss.is_finite() && !norm.is_finite(),
        ),
    ];
    for cell in [CellKind::Rnn, CellKind::Lstm] {
        for optimizer in [OptimizerConfig::Adam, OptimizerConfig::Sgd] {
            for (what, poison, is_expected) in cases {
                let config = RunConfig {
                    max_skipped: 3,
                    ..forty_updates(cell, optimizer)
                };
                let corpus = text();
                let (lanes, _) = split(&corpus, &config.batches()).expect("long enough");
                let model = poisoned(tiny::fresh_model(&corpus, &config), poison);
                let before = parameters(&model);
                let device = Default::default();
                let mut trainer = Trainer::<B>::new(config.trainer(), model, 8, &device);
                for i in 0..3 {
                    let batch = lanes.batch(i, config.seq_length).expect("in memory");
                    let update = trainer.update(&batch).expect("three may be skipped");
                    let seen = (update.loss, update.grad_norm);
                    assert!(
                        update.skipped && is_expected(seen.0, seen.1),
                        "{what}: {seen:?}"
                    );
                    assert_eq!(parameters(&trainer.model()), before, "{what}, {cell:?}");
                }
                let batch = lanes.batch(3, config.seq_length).expect("in memory");
                let error = trainer.update(&batch).expect_err("a fourth may not");
                assert!(
                    matches!(
                        error,
                        Error::Diverged {
                            update: 4,
                            skipped: 4,
                            ..
                        }
                    ),
                    "{error}"
                );
                assert_eq!(parameters(&trainer.model()), before, "{what}, {cell:?}");
            }
        }
    }
}

#[test]
fn a_run_that_diverges_names_what_happened_and_what_to_resume() {
    let config = RunConfig {
        learning_rate: 1e39,
        ..forty_updates(CellKind::Lstm, OptimizerConfig::Sgd)
    };
    let place = tempfile::tempdir().expect("a folder");
    let error = begin(&text(), &config, &create(place.path()), TO_THE_END);
    let message = error.expect_err("divergence").to_string();
    let run = place.path().display().to_string();
    let parts = [
        "update 2:",
        "loss",
        "gradient norm",
        &run,
        "from its last good checkpoint",
        "learning rate",
    ];
    for part in parts {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(message.lines().count(), 1);
}

/// A run so fast that some of its gradients are outliers.
fn with_outliers(max_epochs: usize) -> RunConfig {
    RunConfig {
        skip_outliers: 1.3,
        max_skipped: 100,
        max_epochs,
        learning_rate: 0.05,
        ..forty_updates(CellKind::Lstm, OptimizerConfig::Adam)
    }
}

/// The mean that outliers are told by, from the log alone.
#[test]
fn outliers_and_nothing_else_are_skipped_when_asked() {
    let config = with_outliers(20);
    let place = tempfile::tempdir().expect("a folder");
    let (corpus, folder) = (text(), create(place.path()));
    let new = || Ok(folder.clone());
    let run = Run::<B>::new(&corpus, &config, &Default::default(), new).expect("ready");
    let (mut mean, mut learned, mut skipped) = (0.0, 0, 0);
    let outcome = run.go(
        || false,
        |event| match *event {
            Event::Update { grad_norm, .. } => {
                assert!(
                    learned < 20 || grad_norm <= 1.3 * mean,
                    "{grad_norm} of {mean}"
                );
                learned += 1;
                mean += (grad_norm - mean) / learned.min(MEAN_OVER) as f64;
            }
            Event::Skipped { grad_norm, .. } => {
                assert!(
                    learned >= 20 && grad_norm > 1.3 * mean,
                    "{grad_norm} of {mean}"
                );
                skipped += 1;
            }
            _ => (),
        },
    );
    outcome.expect("to the end");
    assert!(
        skipped > 0 && learned > 20,
        "{learned} learned from, {skipped} skipped"
    );
}

#[test]
fn a_run_with_skipped_updates_goes_on_to_the_same_bits() {
    let config = with_outliers(10);
    let expected = uninterrupted(&config);
    assert!(expected.2.contains("\"skipped\""), "some are");
    for updates in [30, 45, 60] {
        let folder = stopped_after(updates, &config);
        go_on(&text(), &config, &reopen(folder.path()), TO_THE_END).expect("goes on");
        assert!(left(folder.path()) == expected, "stopped after {updates}");
    }
}
