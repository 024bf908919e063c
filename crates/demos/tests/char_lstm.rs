//! What `char_lstm` does if all is well.
#![allow(missing_docs)]

mod common;

use std::{collections::BTreeSet, fs};

use common::{Place, TINY, text};

/// Trains on this content and generates text; returns the text.
fn round(content: impl AsRef<[u8]>, flags: &[&str]) -> (Place, Vec<u8>) {
    let place = Place::new();
    place.file("text", content);
    place.succeeds(&[TINY, &["--data", "text", "--out", "run"], flags].concat());
    let output = place.run(&["sample", "run", "--length", "300"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    (place, output.stdout)
}

fn chars(text: &str) -> BTreeSet<char> {
    text.chars().collect()
}

#[test]
fn byte_order_mark_is_not_text() {
    let (_, wrote) = round("\u{feff}".to_owned() + &"hello world\n".repeat(20), &[]);
    assert!(!text(&wrote).contains('\u{feff}'));
}

#[test]
fn carriage_returns_nul_and_joined_emoji_are_text() {
    for sample in ["line one\r\nline two\r\n", "a\0b\0c\n", "👩‍👩‍👧 and 👨‍🚀\n"]
    {
        let (_, wrote) = round(sample.repeat(30), &[]);
        let wrote = String::from_utf8(wrote).expect("UTF-8");
        assert_eq!(
            wrote.chars().count(),
            301,
            "300 characters and the last line's end"
        );
        assert!(
            chars(&wrote).is_subset(&chars(sample)),
            "{wrote:?} from {sample:?}"
        );
    }
}

#[test]
fn bytes_of_any_file() {
    let content: Vec<u8> = (0..2000u32).map(|i| (i * i % 251) as u8).collect();
    let (_, wrote) = round(content, &["--units", "bytes"]);
    assert!(wrote.len() > 100);
}

#[test]
fn standard_input() {
    let place = Place::new();
    let args = [TINY, &["--data", "-"]].concat();
    let output = place
        .command(&args)
        .write_stdin("hello world\n".repeat(20))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let weights = place.path().join("runs/stdin-1/weights.safetensors");
    assert!(weights.exists());
}

/// The run keeps what can be read only once.
#[cfg(unix)]
#[test]
fn a_run_from_a_pipe_can_be_resumed() {
    let place = Place::new();
    let hello = "hello world\n".repeat(20);
    place.file("hello.txt", &hello);
    place.succeeds(
        &[
            TINY,
            &["--data", "hello.txt", "--max-epochs", "4", "--out", "file"],
        ]
        .concat(),
    );
    let weights = |run: &str| fs::read(place.path().join(run).join("weights.safetensors")).unwrap();
    for (data, run) in [("-", "stdin"), ("/dev/stdin", "device")] {
        let args = [TINY, &["--data", data, "--out", run]].concat();
        let output = place
            .command(&args)
            .write_stdin(hello.clone())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        // The folder may be moved.
        let moved = format!("{run}-moved");
        fs::rename(place.path().join(run), place.path().join(&moved)).unwrap();
        place.succeeds(&["train", "--resume", &moved, "--max-epochs", "3"]);
        place.succeeds(&["train", "--resume", &moved, "--max-epochs", "4"]);
        assert_eq!(weights(&moved), weights("file"), "{data}");
    }
}

#[test]
fn standard_input_is_named_once() {
    let place = Place::new();
    for flags in [
        &["--data", "-", "-"][..],
        &["--data", "-", "--val-data", "-"],
    ] {
        let args = [TINY, flags].concat();
        let output = place
            .command(&args)
            .write_stdin("hello\n")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("it can be read only once"));
    }
    assert!(!place.path().join("runs").exists());
}

#[test]
fn runs_are_numbered_and_the_newest_is_sampled() {
    let place = Place::new();
    place.file("hello.txt", "hello world\n".repeat(20));
    place.file("abc.txt", "abcabcab\n".repeat(20));
    for data in ["hello.txt", "hello.txt", "abc.txt"] {
        place.succeeds(&[TINY, &["--data", data]].concat());
    }
    for run in ["hello-1", "hello-2", "abc-1"] {
        assert!(
            place
                .path()
                .join("runs")
                .join(run)
                .join("config.json")
                .exists()
        );
    }
    let wrote = place.succeeds(&["sample", "--length", "50"]);
    assert!(chars(&wrote).is_subset(&chars("abc\n")), "{wrote:?}");
}

/// At a size at which the backend computes with vectors: two runs differed there until the gradient of
/// the loss avoided Burn's reciprocal, whose approximation by NdArray depends on memory alignment.
#[test]
fn same_seed_same_weights_same_text() {
    let place = Place::new();
    place.file("text", common::words(3000));
    let train = |out: &str, seed: &str| {
        let flags = "train --data text --hidden-size 24 --batch-size 10 --seq-length 25 \
                     --max-epochs 2 --dropout 0.3 --seed";
        let flags: Vec<&str> = flags.split_whitespace().collect();
        place.succeeds(&[&flags[..], &[seed, "--out", out]].concat());
        std::fs::read(place.path().join(out).join("weights.safetensors")).unwrap()
    };
    let first = train("0", "7");
    for again in ["1", "2", "3"] {
        assert!(first == train(again, "7"), "run {again} has other weights");
    }
    assert!(first != train("other", "8"));

    let sample = |seed: &str| place.succeeds(&["sample", "0", "--length", "80", "--seed", seed]);
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
}

#[test]
fn sample_goes_on_from_the_prime_text() {
    let place = Place::new();
    let run = place.trained();
    for flag in ["--prime-text", "--start-text"] {
        let wrote = place.succeeds(&[
            "sample",
            run,
            flag,
            "cab",
            "--length",
            "5",
            "--temperature",
            "0",
        ]);
        assert!(wrote.starts_with("cab"), "{wrote:?}");
        assert_eq!(wrote.trim_end_matches('\n').chars().count().max(8), 8);
    }
}

#[test]
fn config_is_saved_and_flags_win_over_it() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    place.succeeds(
        &[
            TINY,
            &[
                "--data",
                "abc.txt",
                "--rnn-size",
                "6",
                "--model",
                "rnn",
                "--out",
                "one",
            ],
        ]
        .concat()
        .iter()
        .filter(|a| **a != "--hidden-size" && **a != "8")
        .copied()
        .collect::<Vec<_>>(),
    );
    place.succeeds(&[
        "train",
        "--config",
        "one/config.json",
        "--seed",
        "5",
        "--out",
        "two",
    ]);
    let (one, two) = (place.read("one/config.json"), place.read("two/config.json"));
    assert!(
        one.contains("\"hidden_size\": 6") && one.contains("\"model\": \"rnn\""),
        "{one}"
    );
    assert_eq!(one.replace("\"seed\": 1", "\"seed\": 5"), two);
}

/// Checks the settings of a tiny run with this preset.
fn preset_sets(name: &str, expected: &[(&str, &str)]) {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let args = [
        "--preset",
        name,
        "--data",
        "abc.txt",
        "--out",
        "run",
        "--batch-size",
        "2",
        "--seq-length",
        "5",
        "--max-epochs",
        "1",
        "--hidden-size",
        "8",
    ];
    place.succeeds(&args);
    let config: serde_json::Value = serde_json::from_str(&place.read("run/config.json")).unwrap();
    for &(setting, value) in expected {
        assert_eq!(config[setting].to_string(), value, "{setting}");
    }
}

/// The defaults of `train.lua` in char-rnn (Karpathy 2015).
#[test]
fn preset_char_rnn() {
    preset_sets(
        "char-rnn",
        &[
            ("model", "\"lstm\""),
            ("num_layers", "2"),
            ("embedding_size", "0"),
            ("dropout", "0.0"),
            ("optimizer", "\"rmsprop:0.95\""),
            ("learning_rate", "0.002"),
            ("schedule", "\"decay:0.97:10\""),
            ("grad_clip", "\"value:5\""),
            ("split", "\"lanes\""),
            ("val_frac", "0.05"),
            ("initializer", "{\"uniform\":{\"bound\":0.08}}"),
        ],
    );
}

/// A text of one's own, cut like nanoGPT's: the last tenth is held out.
#[test]
fn preset_shakespeare_of_another_text() {
    preset_sets(
        "shakespeare",
        &[
            ("dataset", "null"),
            ("model", "\"lstm\""),
            ("split", "\"tail\""),
            ("val_frac", "0.1"),
            ("hidden_size", "8"),
        ],
    );
}

#[test]
fn training_learns() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(100));
    let flags = [
        "--data",
        "abc.txt",
        "--out",
        "run",
        "--max-epochs",
        "5",
        "--learning-rate",
        "0.02",
    ];
    let settings: Vec<&str> = TINY[..TINY.len() - 2].to_vec();
    place.succeeds(&[&settings, &flags[..]].concat());
    let losses = place.losses("run");
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(first > 1.0 && last < 0.3, "from {first} to {last}");
}

#[test]
fn patience_ends_a_run_and_it_says_so() {
    let place = Place::new();
    place.file("text", common::words(400));
    let tiny = &TINY[..TINY.len() - 1];
    // At such a learning rate, no loss falls for long.
    let flags = "1000 --val-frac 0.2 --learning-rate 0.2 --patience 2 --data text --out run";
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let shown = place.succeeds(&[tiny, &flags].concat());
    let told = shown.contains(": 2 epochs without a lower validation loss");
    assert!(told && shown.contains("stopped after epoch"), "{shown}");
}

/// On Cicero; the flags only shorten the run.
#[test]
fn without_data_it_trains_on_the_text_it_brings_along() {
    let place = Place::new();
    let shown = place.succeeds(&[
        "--max-epochs",
        "1",
        "--hidden-size",
        "8",
        "--num-layers",
        "1",
    ]);
    for part in [
        "Cicero",
        "best validation loss",
        "runs/liber-primus-1",
        "sample",
        "--data",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn help_fits_a_screen() {
    let place = Place::new();
    for args in [
        &["--help"][..],
        &["train", "-h"],
        &["sample", "--help"],
        &["plot", "--help"],
    ] {
        let help = place.succeeds(args);
        assert!(
            help.lines().count() <= 50,
            "{args:?} has {} lines",
            help.lines().count()
        );
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{args:?} has {widest:?} columns");
    }
    // What few people need is in the long help only.
    let help = place.succeeds(&["train", "--help"]);
    for default in [
        "--encoding",
        "--jsonl",
        "[default: 128]",
        "[default: 0.002]",
        "[default: norm:5]",
        "--rnn-size",
    ] {
        assert!(help.contains(default), "{default} is not in\n{help}");
    }
}
