//! A run from text to trained model: what it learns, what it tells and what it leaves behind.

mod divergence;
mod folders;
mod foreign_weights;
mod settings;

use std::{collections::BTreeSet, f64::consts::LN_2, fs, path::Path};

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CellKind, CharLm};
use serde_json::Value;
use tempfile::TempDir;
use tests::tiny::{self, MODELS, config, corpus, parameters, random_text};
use train::{
    Clip, Corpus, Error, Event, OptimizerConfig, Outcome, RunConfig, RunFolder, Sampler, Sampling,
    Schedule, Split, Units, batches::split, learn::tbptt::evaluate,
};

type Inner = NdArray<f32>;
type B = Autodiff<Inner>;

struct Run {
    folder: TempDir,
    outcome: Outcome<Inner>,
    events: Vec<Event>,
}

fn run(corpus: &Corpus, config: &RunConfig) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let (outcome, events) = tiny::train(corpus, config, folder.path()).expect("a run");
    Run {
        folder,
        outcome,
        events,
    }
}

impl Run {
    fn weights(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("weights.safetensors")).expect("weights")
    }

    /// Training loss, held-out loss and whether the weights were saved, of each epoch.
    fn epochs(&self) -> Vec<(f64, Option<f64>, bool)> {
        let epochs = self.events.iter().filter_map(|event| match *event {
            Event::Epoch {
                train_loss,
                val_loss,
                saved,
                ..
            } => Some((train_loss, val_loss, saved)),
            _ => None,
        });
        epochs.collect()
    }
}

fn logits<B: Backend>(model: &CharLm<B>) -> TensorData {
    let tokens = Tensor::<B, 2, Int>::from([[0, 1, 2, 1, 0], [2, 2, 1, 0, 1]]);
    model.forward(tokens, None).0.into_data()
}

/// Ten epochs with a part held out, on a text of six symbols.
fn short_run(seed: u64) -> Run {
    let config = RunConfig {
        val_frac: 0.2,
        max_epochs: 10,
        seed,
        ..config(CellKind::Lstm, 4)
    };
    run(&corpus(&random_text(6, 80, 1)), &config)
}

#[test]
fn a_text_that_repeats_is_learned() {
    for (cell, embedding) in MODELS {
        let config = RunConfig {
            learning_rate: 0.03,
            max_epochs: 40,
            val_frac: 0.1,
            ..config(cell, embedding)
        };
        let corpus = corpus(&"abc".repeat(50));
        let run = run(&corpus, &config);
        let &(loss, val_loss, _) = run.epochs().last().expect("an epoch");
        assert!(loss < 0.05, "{cell:?} {embedding}: {loss} in training");
        assert!(
            val_loss.is_some_and(|loss| loss < 0.05),
            "{cell:?} {embedding}: {val_loss:?}"
        );

        let (model, vocab) = (&run.outcome.model, &corpus.vocab);
        let how = Sampling {
            prime: b"abca",
            temperature: 0.0,
            ..Sampling::default()
        };
        let sampler = Sampler::new(model, vocab, &how);
        let text: Vec<u32> = sampler.expect("known").take(9).collect();
        assert_eq!(text, vocab.encode("bcabcabca").expect("known"));
    }
}

#[test]
fn of_random_symbols_the_frequencies_are_learned() {
    let config = RunConfig {
        val_frac: 0.3,
        batch_size: 20,
        seq_length: 5,
        learning_rate: 0.01,
        initializer: models::Initializer::Uniform { bound: 2.0 },
        max_epochs: 12,
        ..config(CellKind::Rnn, 0)
    };
    let run = run(&corpus(&random_text(6, 3000, 1)), &config);
    let (best, _) = run.outcome.best.expect("validation");
    let entropy = 6.0_f64.ln();
    // What the held-out text happens to be moves its loss by far less than this.
    assert!((best - entropy).abs() < 0.1, "{best}, not {entropy}");
    let (first, ..) = run.epochs()[0];
    assert!(
        first > entropy + 0.2,
        "there was something to learn: {first}"
    );
}

#[test]
fn the_seed_decides_the_weights() {
    let weights = short_run(1).weights();
    assert!(weights == short_run(1).weights(), "twice the same bytes");
    assert!(weights != short_run(2).weights(), "other bytes");
}

#[test]
fn the_folder_holds_the_run() {
    let run = short_run(1);
    let files = fs::read_dir(run.folder.path()).expect("a folder");
    let names: BTreeSet<_> = files
        .map(|file| file.expect("a file").file_name())
        .collect();
    let expected = [
        "checkpoints",
        "config.json",
        "lock",
        "metrics.jsonl",
        "vocab.json",
        "weights.safetensors",
    ];
    assert_eq!(names, expected.map(Into::into).into());

    let folder = RunFolder::open(run.folder.path()).expect("the folder of a run");
    let (config, vocab) = (
        folder.config().expect("settings"),
        folder.vocab().expect("symbols"),
    );
    let expected = RunConfig {
        val_frac: 0.2,
        max_epochs: 10,
        ..tiny::config(CellKind::Lstm, 4)
    };
    assert_eq!(config, expected);
    assert_eq!(vocab, corpus(&random_text(6, 80, 1)).vocab);

    let device = Default::default();
    let expected = logits(&run.outcome.model);
    let loaded = folder
        .load_model::<Inner, models::AnyCell<Inner>>(&config, &vocab, &device)
        .expect("a model");
    assert_eq!(logits(&loaded), expected);
    let loaded = folder
        .load_model::<B, models::AnyCell<B>>(&config, &vocab, &device)
        .expect("a model");
    assert_eq!(logits(&loaded), expected);
}

#[test]
fn every_model_is_loaded_as_it_was_saved() {
    for (cell, embedding) in MODELS {
        let config = config(cell, embedding);
        let corpus = corpus("bad cab!!");
        let run = run(&corpus, &config);
        let folder = RunFolder::open(run.folder.path()).expect("the folder of a run");
        let loaded = folder.load_model::<Inner, models::AnyCell<Inner>>(
            &config,
            &corpus.vocab,
            &Default::default(),
        );
        assert_eq!(
            parameters(&loaded.expect("a model")),
            parameters(&run.outcome.model)
        );
    }
}

#[test]
fn the_best_weights_of_validation_are_kept() {
    // A rate at which a random text is learned by heart, so that the held-out loss turns.
    let config = RunConfig {
        val_frac: 0.3,
        learning_rate: 0.05,
        max_epochs: 15,
        ..config(CellKind::Lstm, 4)
    };
    let corpus = corpus(&random_text(6, 100, 2));
    let run = run(&corpus, &config);

    let mut least = (f64::INFINITY, 0);
    for (i, (_, val_loss, saved)) in run.epochs().into_iter().enumerate() {
        let val_loss = val_loss.expect("validation");
        assert_eq!(saved, val_loss < least.0, "epoch {}", i + 1);
        if saved {
            least = (val_loss, i + 1);
        }
    }
    assert!(
        least.1 < config.max_epochs,
        "the last epoch is not the best"
    );
    assert_eq!(run.outcome.best, Some(least));
    assert_eq!(run.outcome.epochs, config.max_epochs);
    let (_, val) = split(&corpus, &config.batches()).expect("long enough");
    let batches = val.expect("validation");
    let device = Default::default();
    assert_eq!(
        evaluate(&run.outcome.model, &batches, &device).expect("in memory"),
        least.0
    );
}

#[test]
fn without_validation_the_last_weights_are_kept() {
    let config = RunConfig {
        max_epochs: 3,
        ..config(CellKind::Rnn, 4)
    };
    let run = run(&corpus(&random_text(6, 40, 1)), &config);
    assert_eq!(run.outcome.best, None);
    assert!(
        run.epochs()
            .iter()
            .all(|&(_, val_loss, saved)| val_loss.is_none() && saved)
    );
}

#[test]
fn the_log_has_what_happened() {
    let run = short_run(1);
    let log = fs::read_to_string(run.folder.path().join("metrics.jsonl")).expect("a log");
    assert!(log.ends_with('\n'));
    let to_json = |event| serde_json::to_string(event).expect("JSON");
    let told: Vec<String> = run.events.iter().map(to_json).collect();
    assert!(log.lines().eq(&told), "the same as whoever listens");

    let to_value = |line| serde_json::from_str(line).expect("JSON");
    let lines: Vec<Value> = log.lines().map(to_value).collect();
    let of = |kind: &str| -> Vec<&Value> {
        let lines = lines.iter();
        lines.filter(|line| line["event"] == kind).collect()
    };
    assert_eq!(lines[0]["event"], "start");
    let [start] = of("start")[..] else {
        panic!("one start")
    };
    // 80 symbols, 16 held out: 63 targets make 7 windows of 2 × 4. The tail predicts 15.
    let parameters: usize = parameters(&run.outcome.model)
        .iter()
        .map(|(_, v)| v.len())
        .sum();
    for (field, value) in [
        ("parameters", parameters),
        ("vocab_size", 6),
        ("train_symbols", 56),
        ("val_symbols", 15),
        ("epoch_length", 7),
        ("updates", 70),
    ] {
        assert_eq!(start[field], value, "{field}");
    }

    let updates = of("update");
    assert_eq!(updates.len(), 70);
    for (i, line) in updates.iter().enumerate() {
        let number = |field: &str| line[field].as_f64().unwrap_or_else(|| panic!("{field}"));
        assert_eq!(line["update"], i + 1);
        assert!((number("epoch") - (i + 1) as f64 / 7.0).abs() < 1e-9);
        assert!((number("bits_per_char") * LN_2 - number("loss")).abs() < 1e-9);
        assert!(number("grad_norm") > 0.0 && number("chars_per_second") > 0.0);
        assert_eq!(number("learning_rate"), 2e-3);
    }
    let epochs = of("epoch");
    assert_eq!(epochs.len(), 10);
    for (i, line) in epochs.iter().enumerate() {
        assert_eq!(
            (&line["epoch"], &line["update"]),
            (&(i + 1).into(), &(7 * (i + 1)).into())
        );
        let losses = updates[7 * i..7 * (i + 1)].iter();
        let mean = losses
            .map(|update| update["loss"].as_f64().expect("loss"))
            .sum::<f64>()
            / 7.0;
        assert!((line["train_loss"].as_f64().expect("train_loss") - mean).abs() < 1e-9);
        assert!(line["val_loss"].is_f64() && line["saved"].is_boolean());
        // The backend alone takes some MB; no machine has a TB for such a run.
        #[cfg(target_os = "linux")]
        assert!(
            (1_000_000..1_000_000_000_000).contains(&line["peak_memory"].as_u64().expect("bytes"))
        );
    }
    for line in of("sample") {
        assert!(line["epoch"].is_u64());
        let text = line["text"].as_str().expect("a text");
        assert!(!text.is_empty() && text.chars().all(|c| ('a'..='f').contains(&c)));
    }
    assert!(!of("sample").is_empty());
}

/// A rate at which a random text is learned by heart, so that the held-out loss turns.
fn by_heart(change: RunConfig) -> Run {
    let config = RunConfig {
        val_frac: 0.3,
        learning_rate: 0.05,
        max_epochs: 30,
        ..change
    };
    run(&corpus(&random_text(6, 100, 2)), &config)
}

#[test]
fn patience_ends_a_run() {
    let run = by_heart(RunConfig {
        patience: Some(3),
        ..config(CellKind::Lstm, 4)
    });
    let (_, best) = run.outcome.best.expect("validation");
    assert_eq!(run.outcome.epochs, best + 3);
    assert_eq!(run.epochs().len(), best + 3);
    assert!(best + 3 < 30, "it ended early");
}

#[test]
fn a_plateau_reduces_the_learning_rate_from_the_next_epoch_on() {
    let run = by_heart(RunConfig {
        schedule: Schedule::Plateau {
            factor: 0.5,
            patience: 2,
        },
        ..config(CellKind::Lstm, 4)
    });
    let mut expected = 0.05;
    let (mut lowest, mut waited, mut reductions) = (f64::INFINITY, 0, 0);
    for event in &run.events {
        match event {
            Event::Update { learning_rate, .. } => assert_eq!(*learning_rate, expected),
            Event::Epoch { val_loss, .. } => {
                let loss = val_loss.expect("validation");
                (lowest, waited) = match loss < lowest {
                    true => (loss, 0),
                    false => (lowest, waited + 1),
                };
                if waited == 2 {
                    (expected, waited, reductions) = (expected / 2.0, 0, reductions + 1);
                }
            }
            _ => {}
        }
    }
    assert!(reductions >= 2, "{reductions}");
}

#[test]
fn the_schedule_and_the_limit_are_applied() {
    let config = RunConfig {
        optimizer: OptimizerConfig::Sgd,
        schedule: Schedule::Step {
            factor: 0.5,
            every: 1,
        },
        max_epochs: 3,
        learning_rate: 0.1,
        grad_clip: Clip::Norm(1e-3),
        ..config(CellKind::Lstm, 4)
    };
    let corpus = corpus("bad cab!!");
    let before = parameters(&tiny::fresh_model::<B>(&corpus, &config));
    let run = run(&corpus, &config);
    let rates: Vec<f64> = run
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Update { learning_rate, .. } => Some(*learning_rate),
            _ => None,
        })
        .collect();
    assert_eq!(rates, [0.1, 0.05, 0.025]);
    // Three steps of length rate × limit, in nearly the same direction.
    let moved = std::iter::zip(&before, &parameters(&run.outcome.model))
        .flat_map(|((_, before), (_, after))| std::iter::zip(before.clone(), after.clone()))
        .map(|(before, after)| (before - after).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!((moved / 0.175e-3 - 1.0).abs() < 0.01, "{moved}");
}

#[test]
fn a_run_that_cannot_start_leaves_nothing() {
    let text = corpus("bad cab!!");
    let settings = RunConfig {
        hidden_size: 0,
        ..config(CellKind::Rnn, 0)
    };
    let longer = RunConfig {
        seq_length: 5,
        ..config(CellKind::Rnn, 0)
    };
    for (config, is_expected) in [
        (
            settings,
            (|e| matches!(e, Error::Setting { .. })) as fn(&Error) -> bool,
        ),
        (longer, |e| matches!(e, Error::TooShort { needed: 11, .. })),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let error = tiny::train(&text, &config, folder.path()).expect_err("no run");
        assert!(is_expected(&error), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
