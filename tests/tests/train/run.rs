//! A run from text to trained model: what it learns, what it tells and what it leaves behind.

use std::{collections::BTreeSet, f64::consts::LN_2, fs, path::Path};

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CellKind, CharLm};
use serde_json::Value;
use tempfile::TempDir;
use tests::tiny::{self, MODELS, config, corpus, parameters, random_text};
use train::{
    Clip, Corpus, Error, Event, OptimizerConfig, Outcome, RunConfig, RunFolder, Sampler, Schedule,
    Split, Units, lanes::split, tbptt::evaluate,
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
    let (outcome, events) = tiny::train::<B>(corpus, config, folder.path()).expect("a run");
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
        let sampler = Sampler::new(model, vocab, "abca", 0.0, 1, &Default::default());
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
        "config.json",
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
        .load_model::<Inner>(&config, &vocab, &device)
        .expect("a model");
    assert_eq!(logits(&loaded), expected);
    let loaded = folder
        .load_model::<B>(&config, &vocab, &device)
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
        let loaded = folder.load_model::<Inner>(&config, &corpus.vocab, &Default::default());
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
    let (_, val) = split(&corpus, &config).expect("long enough");
    let lanes = val.expect("validation");
    let device = Default::default();
    assert_eq!(
        evaluate(&run.outcome.model, &lanes, config.seq_length, &device),
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
    }
    for line in of("sample") {
        assert!(line["epoch"].is_u64());
        let text = line["text"].as_str().expect("a text");
        assert!(!text.is_empty() && text.chars().all(|c| ('a'..='f').contains(&c)));
    }
    assert!(!of("sample").is_empty());
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
        let error = tiny::train::<B>(&text, &config, folder.path()).expect_err("no run");
        assert!(is_expected(&error), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}

mod divergence {
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
        let result = tiny::train::<B>(&corpus, &config, folder.path());
        if let Ok(run) = RunFolder::open(folder.path()) {
            let model = run.load_model::<Inner>(&config, &corpus.vocab, &Default::default());
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
            Err(error @ Error::Diverged { update, value, .. }) => {
                assert!(update >= 2, "fresh weights are finite");
                assert!(!value.is_finite());
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
}

mod settings {
    use super::*;

    fn load(content: &str) -> Result<RunConfig, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, content).expect("written");
        RunConfig::load(&path)
    }

    #[test]
    fn saved_settings_are_loaded() {
        let other = RunConfig {
            data: Some("some/text.txt".into()),
            units: Units::Bytes,
            val_frac: 1.0 / 3.0,
            model: CellKind::Rnn,
            dropout: 0.1,
            schedule: Schedule::Cosine { warmup: 3 },
            grad_clip: Clip::Off,
            optimizer: OptimizerConfig::AdaGrad,
            seed: u64::MAX,
            split: Split::Lanes,
            ..RunConfig::default()
        };
        for config in [RunConfig::default(), RunConfig::char_rnn(), other] {
            let file = tempfile::NamedTempFile::new().expect("a file");
            config.save(file.path()).expect("saved");
            assert_eq!(RunConfig::load(file.path()).expect("loaded"), config);
        }
    }

    #[test]
    fn settings_that_are_left_out_have_their_defaults() {
        assert_eq!(load("{}").expect("settings"), RunConfig::default());
        let expected = RunConfig {
            hidden_size: 7,
            ..RunConfig::default()
        };
        assert_eq!(load(r#"{"hidden_size": 7}"#).expect("settings"), expected);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load(r#"{"hidden_size": 7, "hiden_layers": 2}"#).expect_err("a typo");
        let message = error.to_string();
        assert!(
            message.contains("config.json") && message.contains("hiden_layers"),
            "{message}"
        );
    }

    #[test]
    fn a_setting_out_of_its_range_is_named() {
        for (key, value) in [
            ("hidden_size", "0"),
            ("num_layers", "0"),
            ("seq_length", "0"),
            ("batch_size", "0"),
            ("max_epochs", "0"),
            ("val_frac", "1.0"),
            ("val_frac", "-0.1"),
            ("dropout", "1"),
            ("dropout", "-1e-9"),
            ("learning_rate", "0"),
            ("learning_rate", "-1"),
            ("initializer", r#"{"uniform": {"bound": 0}}"#),
            ("initializer", r#"{"uniform": {"bound": -1}}"#),
        ] {
            let error = load(&format!("{{\"{key}\": {value}}}")).expect_err(key);
            let message = error.to_string().replace('-', "_");
            assert!(
                message.contains("config.json") && message.contains(key),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_no_such_setting_is_an_error_in_its_line() {
        for setting in [
            r#""hidden_size": -1"#,
            r#""hidden_size": 1.5"#,
            r#""hidden_size": 1e400"#,
            r#""hidden_size": 123456789012345678901234567890"#,
            r#""learning_rate": null"#,
            r#""learning_rate": "fast""#,
            r#""model": "gru2""#,
            r#""units": "words""#,
            r#""split": "head""#,
            r#""optimizer": "rmsprop:1""#,
            r#""schedule": "decay:0:1""#,
            r#""grad_clip": "norm:-1""#,
            r#""grad_clip": 5"#,
            r#""initializer": "zeros""#,
            r#""seed": -1"#,
        ] {
            let error = load(&format!("{{\n{setting}\n}}")).expect_err(setting);
            let message = error.to_string();
            assert!(matches!(error, Error::Foreign { .. }), "{message}");
            assert!(
                message.contains("config.json") && message.contains("line"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for content in [
            "",
            "{",
            "[1]",
            "null",
            "{}{}",
            "\u{feff}{}",
            "hidden_size = 7",
        ] {
            let error = load(content).expect_err(content);
            assert!(error.to_string().contains("config.json"), "{error}");
        }
    }
}

mod folders {
    use super::*;

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        let error = RunFolder::create(folder.path()).expect_err("occupied");
        assert!(matches!(error, Error::Occupied { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains(&folder.path().display().to_string())
        );

        let file = folder.path().join("notes.txt");
        for path in [&file, &file.join("run")] {
            let error = RunFolder::create(path).expect_err("a file is there");
            assert!(matches!(error, Error::File { .. }), "{error}");
        }
        assert_eq!(fs::read(&file).expect("still there"), b"mine");
    }

    #[test]
    fn a_new_folder_is_made_with_those_above_it() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("some/where");
        let folder = RunFolder::create(&path).expect("made");
        assert_eq!(folder.path(), path);
        assert!(path.is_dir());
        RunFolder::create(&path).expect("an empty folder will do");
    }

    #[test]
    fn numbered_folders_take_the_next_number() {
        let parent = tempfile::tempdir().expect("a folder");
        let next = || RunFolder::create_numbered(&parent.path().join("runs"), "text");
        for number in 1..=3 {
            let expected = parent.path().join(format!("runs/text-{number}"));
            assert_eq!(next().expect("made").path(), expected);
        }
    }

    #[test]
    fn a_folder_that_lacks_a_file_is_no_run() {
        for file in ["config.json", "vocab.json", "weights.safetensors"] {
            let run = short_run(1);
            let path = run.folder.path().join(file);
            fs::remove_file(&path).expect("removed");
            let assert_missing = || match RunFolder::open(run.folder.path()) {
                Err(Error::NotARun { missing, .. }) => assert_eq!(missing, file),
                other => panic!("{other:?}"),
            };
            assert_missing();
            fs::create_dir(&path).expect("made");
            assert_missing();
        }
    }

    #[test]
    fn the_log_is_not_needed() {
        let run = short_run(1);
        fs::remove_file(run.folder.path().join("metrics.jsonl")).expect("removed");
        RunFolder::open(run.folder.path()).expect("the folder of a run");
    }

    #[test]
    fn nothing_and_files_are_no_run() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for path in [Path::new("no/such/run"), file.path()] {
            let error = RunFolder::open(path).expect_err("no folder");
            assert!(matches!(error, Error::File { .. }), "{error}");
        }
    }
}

/// Weights that the run of these settings did not write. Whatever they are, loading them is an
/// error that names the file.
mod foreign_weights {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use safetensors::{Dtype, SafeTensors, tensor::TensorView};

    use super::*;

    const TEXT: &str = "bad cab!!";

    fn lstm() -> RunConfig {
        config(CellKind::Lstm, 4)
    }

    /// The weights of a run with these settings.
    fn weights(text: &str, config: &RunConfig) -> Vec<u8> {
        run(&corpus(text), config).weights()
    }

    /// Loads `bytes` as the weights of [`lstm`] on [`TEXT`].
    fn load(bytes: &[u8]) -> Result<CharLm<Inner>, Error> {
        let path = tempfile::tempdir().expect("a folder");
        let folder = RunFolder::create(path.path()).expect("made");
        let vocab = corpus(TEXT).vocab;
        folder.save_settings(&lstm(), &vocab).expect("saved");
        fs::write(path.path().join("weights.safetensors"), bytes).expect("written");
        let folder = RunFolder::open(path.path()).expect("the folder of a run");
        folder.load_model(&lstm(), &vocab, &Default::default())
    }

    fn assert_refused(what: &str, bytes: &[u8]) {
        let error = load(bytes)
            .err()
            .unwrap_or_else(|| panic!("{what}: taken for weights"));
        let message = error.to_string();
        assert!(matches!(error, Error::Foreign { .. }), "{what}: {message}");
        assert!(message.contains("weights.safetensors"), "{what}: {message}");
        assert_eq!(message.lines().count(), 1, "{what}: {message}");
    }

    /// Name, precision, shape and bytes.
    type Entry = (String, Dtype, Vec<usize>, Vec<u8>);

    /// The file with its tensors changed.
    fn edited(bytes: &[u8], edit: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
        let file = SafeTensors::deserialize(bytes).expect("safetensors");
        let entry = |(name, view): (&str, TensorView)| {
            (
                name.to_owned(),
                view.dtype(),
                view.shape().to_vec(),
                view.data().to_vec(),
            )
        };
        let mut entries: Vec<Entry> = file.iter().map(entry).collect();
        edit(&mut entries);
        let views = entries.iter().map(|(name, dtype, shape, data)| {
            let view = TensorView::new(*dtype, shape.clone(), data);
            (name, view.expect("a tensor"))
        });
        safetensors::serialize(views, None).expect("safetensors")
    }

    #[test]
    fn its_own_are_taken() {
        let bytes = weights(TEXT, &lstm());
        let model = load(&bytes).expect("its own");
        assert_eq!(
            parameters(&load(&edited(&bytes, |_| ())).expect("its own")),
            parameters(&model)
        );
    }

    #[test]
    fn of_other_settings() {
        for other in [
            RunConfig {
                hidden_size: 5,
                ..lstm()
            },
            RunConfig {
                hidden_size: 7,
                ..lstm()
            },
            RunConfig {
                num_layers: 1,
                ..lstm()
            },
            RunConfig {
                num_layers: 3,
                ..lstm()
            },
            RunConfig {
                embedding_size: 0,
                ..lstm()
            },
            RunConfig {
                embedding_size: 5,
                ..lstm()
            },
            RunConfig {
                model: CellKind::Rnn,
                ..lstm()
            },
            // As many numbers in each layer, or more, than the LSTM has.
            RunConfig {
                model: CellKind::Rnn,
                hidden_size: 24,
                ..lstm()
            },
        ] {
            assert_refused(&format!("{other:?}"), &weights(TEXT, &other));
        }
        assert_refused("fewer symbols", &weights("abababab!", &lstm()));
        assert_refused("more symbols", &weights("abcdefgh!", &lstm()));
    }

    #[test]
    fn cut_off() {
        let bytes = weights(TEXT, &lstm());
        let lengths = (0..bytes.len())
            .step_by(61)
            .chain([1, 7, 8, 9, bytes.len() - 1]);
        for length in lengths {
            assert_refused(&format!("{length} bytes"), &bytes[..length]);
        }
    }

    #[test]
    fn with_something_after_the_end() {
        let mut bytes = weights(TEXT, &lstm());
        bytes.extend([0; 8]);
        assert_refused("eight more bytes", &bytes);
    }

    #[test]
    fn random_bytes() {
        let n = weights(TEXT, &lstm()).len();
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut bytes: Vec<u8> = (0..2 * n).map(|_| rng.random()).collect();
            assert_refused("random bytes", &bytes);
            // A length of the header that fits.
            bytes[..8].copy_from_slice(&200_u64.to_le_bytes());
            assert_refused("a random header", &bytes);
        }
    }

    #[test]
    fn a_damaged_header() {
        let good = weights(TEXT, &lstm());
        for length in [0, 1, good.len() as u64, 1 << 40, u64::MAX] {
            let mut bytes = good.clone();
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            assert_refused(&format!("a header of {length} bytes"), &bytes);
        }
        for place in 8..300 {
            let mut bytes = good.clone();
            bytes[place] = b'\0';
            assert_refused(&format!("byte {place} is 0"), &bytes);
        }
    }

    #[test]
    fn without_a_tensor() {
        let bytes = weights(TEXT, &lstm());
        let n = SafeTensors::deserialize(&bytes).expect("safetensors").len();
        for i in 0..n {
            let without = edited(&bytes, |entries| {
                entries.remove(i);
            });
            assert_refused(&format!("without tensor {i}"), &without);
            // The same number of bytes, under another name.
            let renamed = edited(&bytes, |entries| entries[i].0.push('x'));
            assert_refused(&format!("tensor {i} renamed"), &renamed);
        }
    }

    #[test]
    fn with_a_tensor_more() {
        let more = edited(&weights(TEXT, &lstm()), |entries| {
            entries.push(("more".to_owned(), Dtype::F32, vec![2], vec![0; 8]));
        });
        assert_refused("a tensor more", &more);
    }

    #[test]
    fn of_another_shape() {
        let bytes = edited(&weights(TEXT, &lstm()), |_| ());
        let n = SafeTensors::deserialize(&bytes).expect("safetensors").len();
        for i in 0..n {
            let flat = edited(&bytes, |entries| {
                let shape = &mut entries[i].2;
                *shape = match shape.len() {
                    1 => vec![1, shape[0]],
                    _ => vec![shape.iter().product()],
                };
            });
            assert_refused(&format!("tensor {i} of another rank"), &flat);
            let turned = edited(&bytes, |entries| entries[i].2.reverse());
            if turned != bytes {
                assert_refused(&format!("tensor {i} on its side"), &turned);
            }
        }
    }

    /// All weights as numbers of `dtype`, `size` bytes each, in a file that is large enough.
    fn as_dtype(dtype: Dtype, size: usize) {
        let other = edited(&weights(TEXT, &lstm()), |entries| {
            for (_, entry, shape, data) in entries.iter_mut() {
                *entry = dtype;
                *data = vec![0; size * shape.iter().product::<usize>()];
            }
            entries.push(("more".to_owned(), Dtype::U8, vec![8000], vec![0; 8000]));
        });
        assert_refused(&format!("{dtype:?}"), &other);
        let one = edited(&weights(TEXT, &lstm()), |entries| {
            let (_, entry, shape, data) = &mut entries[0];
            *entry = dtype;
            *data = vec![0; size * shape.iter().product::<usize>()];
            entries.push(("padding".to_owned(), Dtype::U8, vec![8000], vec![0; 8000]));
        });
        assert_refused(&format!("one tensor in {dtype:?}"), &one);
    }

    /// As large as, or larger than, the file of an f32 model, so that nothing but the precision is
    /// wrong.
    #[test]
    fn in_f64() {
        let wide = edited(&weights(TEXT, &lstm()), |entries| {
            for (_, dtype, _, data) in entries.iter_mut() {
                let (numbers, _) = data.as_chunks::<4>();
                let number = |&bytes: &[u8; 4]| f64::from(f32::from_le_bytes(bytes)).to_le_bytes();
                (*dtype, *data) = (Dtype::F64, numbers.iter().flat_map(number).collect());
            }
        });
        assert_refused("f64", &wide);
        as_dtype(Dtype::F64, 8);
    }

    #[test]
    fn in_f16() {
        as_dtype(Dtype::F16, 2);
    }

    #[test]
    fn in_bf16() {
        as_dtype(Dtype::BF16, 2);
    }

    #[test]
    fn in_integers() {
        as_dtype(Dtype::I64, 8);
        as_dtype(Dtype::I32, 4);
        as_dtype(Dtype::U8, 1);
    }

    #[test]
    fn in_booleans() {
        as_dtype(Dtype::BOOL, 1);
    }

    #[test]
    fn in_eight_bit_floats() {
        as_dtype(Dtype::F8_E4M3, 1);
    }

    /// Settings that ask for more memory than there is are refused before it is asked for.
    #[test]
    fn far_too_few_for_the_settings() {
        let run = run(&corpus(TEXT), &lstm());
        let folder = RunFolder::open(run.folder.path()).expect("the folder of a run");
        for config in [
            RunConfig {
                hidden_size: 1_000_000_000,
                ..lstm()
            },
            RunConfig {
                num_layers: 1_000_000_000,
                ..lstm()
            },
            RunConfig {
                embedding_size: 1_000_000_000,
                ..lstm()
            },
        ] {
            let vocab = corpus(TEXT).vocab;
            let loaded = folder.load_model::<Inner>(&config, &vocab, &Default::default());
            assert!(matches!(loaded, Err(Error::Foreign { .. })));
        }
    }
}
