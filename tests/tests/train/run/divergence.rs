//! Training that leaves the range of numbers ends with an error, and nothing that is not finite stays.

use super::*;

/// Runs at a rate that no training survives, on 7 updates an epoch; finite numbers only may
/// be kept of it.
fn diverge(learning_rate: f64, change: RunConfig) -> Result<(), Error> {
    let config = RunConfig {
        learning_rate,
        ..change
    };
    let corpus = corpus(&random_text(6, 80, 1));
    let folder = tempfile::tempdir().expect("a folder");
    let result = tiny::train(&corpus, &config, folder.path());
    if let Ok(run) = RunFolder::open(folder.path()) {
        let model = run.load_model::<Inner, models::AnyCell<Inner>>(
            &config,
            &corpus.vocab,
            &Default::default(),
        );
        for (name, values) in parameters(&model.expect("a model")) {
            assert!(
                values.iter().all(|value| value.is_finite()),
                "{name} was saved"
            );
        }
    }
    result.map(|_| ())
}

fn assert_diverges(learning_rate: f64, config: RunConfig) {
    match diverge(learning_rate, config) {
        Err(
            error @ Error::Diverged {
                update,
                weight_norm,
                ..
            },
        ) => {
            assert!(update >= 2, "fresh weights are finite");
            assert!(!weight_norm.is_finite());
            assert!(
                error.to_string().contains(&format!("update {update}")),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

fn sgd(cell: CellKind, val_frac: f64) -> RunConfig {
    let optimizer = OptimizerConfig::Sgd;
    RunConfig {
        optimizer,
        val_frac,
        max_epochs: 5,
        ..config(cell, 4)
    }
}

/// Whether the loss gets out of the range of f32 or stays within is a matter of luck.
#[test]
fn an_absurd_rate_leaves_finite_weights() {
    for cell in [CellKind::Rnn, CellKind::Lstm] {
        for rate in [1e3, 1e18, 1e30, 1e37] {
            let result = diverge(rate, sgd(cell, 0.2));
            let is_told = matches!(result, Ok(()) | Err(Error::Diverged { .. }));
            assert!(is_told, "{result:?}");
        }
    }
}

#[test]
fn a_rate_beyond_the_precision_is_named() {
    for cell in [CellKind::Rnn, CellKind::Lstm] {
        assert_diverges(1e39, sgd(cell, 0.2));
        assert_diverges(
            1e39,
            RunConfig {
                optimizer: OptimizerConfig::Adam,
                ..sgd(cell, 0.0)
            },
        );
    }
}

/// The last update of an epoch has no next one that would see what it did.
#[test]
fn the_last_update_counts() {
    for val_frac in [0.0, 0.2] {
        let one_update = RunConfig {
            batch_size: 6,
            seq_length: 8,
            max_epochs: 1,
            ..sgd(CellKind::Lstm, val_frac)
        };
        let result = diverge(1e39, one_update);
        assert!(matches!(result, Err(Error::Diverged { .. })), "{result:?}");
    }
}
