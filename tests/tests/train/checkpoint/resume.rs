//! After which updates a run may be stopped, and with what it may go on.

use models::Initializer;
use safetensors::SafeTensors;
use tests::interrupted::sign;
use train::{Clip, Schedule, Split};

use super::*;

/// 160 of 160: at each update of forty, plain and LSTM, Adam and SGD.
#[test]
fn a_run_goes_on_from_any_update_to_the_same_bits() {
    let mut equal = 0;
    for cell in [CellKind::Rnn, CellKind::Lstm] {
        for optimizer in [OptimizerConfig::Adam, OptimizerConfig::Sgd] {
            let config = forty_updates(cell, optimizer);
            let expected = uninterrupted(&config);
            for updates in 0..40 {
                let folder = stopped_after(updates, &config);
                go_on(&text(), &config, &reopen(folder.path()), TO_THE_END).expect("goes on");
                assert!(
                    left(folder.path()) == expected,
                    "{cell:?}, {optimizer}: stopped after {updates}"
                );
                equal += 1;
            }
        }
    }
    assert_eq!(equal, 160);
}

#[test]
fn every_optimizer_and_schedule_goes_on() {
    for (optimizer, embedding_size) in [
        (OptimizerConfig::RmsProp { decay: 0.95 }, 0),
        (OptimizerConfig::AdaGrad, 4),
        (OptimizerConfig::Adam, 0),
    ] {
        let config = RunConfig {
            embedding_size,
            schedule: Schedule::Cosine { warmup: 5 },
            grad_clip: Clip::Norm(0.1),
            val_frac: 0.0,
            ..forty_updates(CellKind::Lstm, optimizer)
        };
        let folder = stopped_after(21, &config);
        go_on(&text(), &config, &reopen(folder.path()), TO_THE_END).expect("goes on");
        let folder_updates = left(folder.path());
        assert!(folder_updates == uninterrupted(&config), "{optimizer}");
    }
}

/// The learning rate of each update in a log.
fn rates(log: &str) -> Vec<f64> {
    let rate = |line: &str| {
        let (_, rate) = line.split_once("\"learning_rate\":")?;
        rate.split([',', '}']).next()?.parse().ok()
    };
    log.lines().filter_map(rate).collect()
}

/// A rate that fell on plateaus is the same after a stop; another one holds as it is given.
#[test]
fn a_rate_that_fell_goes_on() {
    let config = RunConfig {
        schedule: Schedule::Plateau {
            factor: 0.5,
            patience: 1,
        },
        learning_rate: 0.1,
        max_epochs: 20,
        ..forty_updates(CellKind::Lstm, OptimizerConfig::Adam)
    };
    let expected = uninterrupted(&config);
    let last = *rates(&expected.2).last().expect("updates");
    assert!(last <= 0.025, "two plateaus or more: {last}");
    for updates in [63, 64, 65, 100, 120, 159] {
        let folder = stopped_after(updates, &config);
        go_on(&text(), &config, &reopen(folder.path()), TO_THE_END).expect("goes on");
        assert!(left(folder.path()) == expected, "stopped after {updates}");
    }

    let given = RunConfig {
        learning_rate: 0.02,
        ..config.clone()
    };
    let folder = stopped_after(155, &config);
    go_on(&text(), &given, &reopen(folder.path()), TO_THE_END).expect("goes on");
    let log = fs::read_to_string(folder.path().join("metrics.jsonl")).expect("a log");
    assert_eq!(rates(&log)[155..], [0.02; 5]);
}

#[test]
fn a_run_that_stops_at_every_update_goes_on() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let folder = stopped_after(1, &config);
    for update in 2.. {
        let outcome = go_on(&text(), &config, &reopen(folder.path()), 1).expect("goes on");
        if !outcome.is_stopped {
            assert_eq!(update, 41);
            break;
        }
    }
    assert!(left(folder.path()) == uninterrupted(&config));
}

/// The moments of Adam, and not only the weights, are what a run goes on with.
#[test]
fn moments_are_loaded() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let folder = stopped_after(20, &config);
    let path = folder.path().join("checkpoints/20/moments.safetensors");
    let mut bytes = fs::read(&path).expect("moments");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    assert_eq!(file.len(), 2 * 9, "two for each parameter");
    for (name, moment) in file.iter() {
        assert!(moment.data().iter().any(|&byte| byte != 0), "{name}");
    }

    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize;
    bytes[header..].fill(0);
    fs::write(&path, &bytes).expect("written");
    sign(path.parent().expect("a checkpoint"));
    go_on(&text(), &config, &reopen(folder.path()), TO_THE_END).expect("goes on");
    assert!(left(folder.path()) != uninterrupted(&config));
}

#[test]
fn the_last_two_and_the_best_are_kept() {
    // A rate at which a random text is learned by heart, so that the held-out loss turns.
    let config = RunConfig {
        learning_rate: 0.05,
        max_epochs: 15,
        ..forty_updates(CellKind::Lstm, OptimizerConfig::Adam)
    };
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = begin(&text(), &config, &create(folder.path()), TO_THE_END).expect("a run");
    let (_, best) = outcome.best.expect("validation");
    assert!(best < 13, "the best is not among the last two");
    let mut expected = [8 * best, 8 * 14, 8 * 15].map(|update| update.to_string());
    expected.sort();
    assert_eq!(checkpoints(folder.path()), expected);
}

#[test]
fn checkpoints_are_made_as_often_as_asked() {
    let config = RunConfig {
        checkpoint_every: "3".parse().expect("an interval"),
        val_frac: 0.0,
        ..forty_updates(CellKind::Rnn, OptimizerConfig::Sgd)
    };
    for (stopped, expected) in [(5, ["3", "5"]), (7, ["6", "7"]), (16, ["15", "16"])] {
        assert_eq!(
            checkpoints(stopped_after(stopped, &config).path()),
            expected
        );
    }
}

#[test]
fn more_epochs_and_another_rate_are_taken() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let longer = RunConfig {
        max_epochs: 7,
        ..config.clone()
    };
    let folder = tempfile::tempdir().expect("a folder");
    begin(&text(), &config, &create(folder.path()), TO_THE_END).expect("a run");
    go_on(&text(), &longer, &reopen(folder.path()), TO_THE_END).expect("goes on");
    let (weights, tensors, _) = left(folder.path());
    let expected = uninterrupted(&longer);
    assert!(
        weights == expected.0 && tensors == expected.1,
        "as if meant from the start"
    );
    let saved = RunFolder::open(folder.path()).expect("a run").config();
    assert_eq!(saved.expect("settings"), longer);

    let slower = RunConfig {
        learning_rate: 1e-3,
        ..config.clone()
    };
    let folder = stopped_after(20, &config);
    go_on(&text(), &slower, &reopen(folder.path()), TO_THE_END).expect("goes on");
    assert!(left(folder.path()) != uninterrupted(&config));
}

#[test]
fn what_cannot_change_is_refused_by_name() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let folder = stopped_after(3, &config);
    let base = || config.clone();
    for (setting, other) in [
        (
            "hidden_size",
            RunConfig {
                hidden_size: 7,
                ..base()
            },
        ),
        (
            "num_layers",
            RunConfig {
                num_layers: 1,
                ..base()
            },
        ),
        (
            "embedding_size",
            RunConfig {
                embedding_size: 0,
                ..base()
            },
        ),
        (
            "model",
            RunConfig {
                model: CellKind::Rnn,
                ..base()
            },
        ),
        (
            "seq_length",
            RunConfig {
                seq_length: 5,
                ..base()
            },
        ),
        (
            "batch_size",
            RunConfig {
                batch_size: 3,
                ..base()
            },
        ),
        (
            "val_frac",
            RunConfig {
                val_frac: 0.3,
                ..base()
            },
        ),
        (
            "split",
            RunConfig {
                split: Split::Lanes,
                ..base()
            },
        ),
        ("seed", RunConfig { seed: 9, ..base() }),
        (
            "optimizer",
            RunConfig {
                optimizer: OptimizerConfig::Sgd,
                ..base()
            },
        ),
        (
            "initializer",
            RunConfig {
                initializer: Initializer::Uniform { bound: 0.1 },
                ..base()
            },
        ),
    ] {
        let error = go_on(&text(), &other, &reopen(folder.path()), TO_THE_END);
        let message = error.expect_err(setting).to_string();
        assert!(message.starts_with(&format!("{setting} ")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let finished = RunConfig {
        max_epochs: 1,
        ..base()
    };
    let folder = stopped_after(17, &config);
    let error = go_on(&text(), &finished, &reopen(folder.path()), TO_THE_END);
    let message = error.expect_err("finished").to_string();
    assert!(message.contains("max_epochs 1"), "{message}");
}

#[test]
fn another_text_is_refused() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let folder = stopped_after(3, &config);
    let mut changed = random_text(6, 82, 1);
    let last = changed.pop().expect("a letter");
    changed.push(if last == 'a' { 'b' } else { 'a' });
    let error = go_on(
        &corpus(&changed),
        &config,
        &reopen(folder.path()),
        TO_THE_END,
    );
    let error = error.expect_err("another text");
    assert!(matches!(error, Error::OtherText { .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
}

/// SHA-256 of "abc", FIPS 180-2 B.1.
#[test]
fn a_text_is_known_by_its_sha_256() {
    let text = corpus("abc");
    let id = text.id();
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((id.sha256.as_str(), id.symbols), (expected, 3));
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_told() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    for file in [
        "manifest.json",
        "run.json",
        "weights.safetensors",
        "state.safetensors",
    ] {
        let folder = stopped_after(20, &config);
        let path = folder.path().join("checkpoints/20").join(file);
        let bytes = fs::read(&path).expect("a file");
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");

        let reopened = reopen(folder.path());
        let corpus = text();
        let run = Run::<B>::resume(&corpus, &config, &Default::default(), &reopened);
        let mut told = Vec::new();
        let listen = |event: &Event| {
            if let Event::Resume {
                update,
                passed_over,
                ..
            } = event
            {
                told.push((*update, passed_over.clone()));
            }
        };
        run.expect("an older one")
            .go(|| false, listen)
            .expect("to the end");
        let [(16, passed_over)] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(
            passed_over.len() == 1 && passed_over[0].contains(file),
            "{passed_over:?}"
        );
        assert!(left(folder.path()) == uninterrupted(&config), "{file}");
        assert!(checkpoints(folder.path()).contains(&"20.damaged".to_owned()));
    }
}

#[test]
fn without_a_checkpoint_nothing_goes_on() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let folder = stopped_after(0, &config);
    fs::remove_dir_all(folder.path().join("checkpoints/0")).expect("removed");
    let error = go_on(&text(), &config, &reopen(folder.path()), TO_THE_END);
    assert!(
        matches!(error, Err(Error::NoCheckpoint { .. })),
        "{error:?}"
    );
}

#[test]
fn a_log_that_lacks_its_end_is_named() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let folder = stopped_after(20, &config);
    let path = folder.path().join("metrics.jsonl");
    let log = fs::read(&path).expect("a log");
    fs::write(&path, &log[..log.len() - 1]).expect("written");
    let error = go_on(&text(), &config, &reopen(folder.path()), TO_THE_END);
    let message = error.expect_err("a gap").to_string();
    assert!(message.contains("metrics.jsonl"), "{message}");
}
