//! `char_lstm export`, `import` and `score`: models that leave for other programs, and that come from them.
#![allow(missing_docs)]

mod common;

use std::fs;

use common::{Place, TINY, text};
use models::weights::{OnnxFile, WeightFile};

/// The figures that `score` printed: nats and bits.
fn figures(place: &Place, args: &[&str]) -> (f64, f64) {
    let shown = place.succeeds(args);
    let number = |after: &str| {
        let rest = shown
            .split_once(after)
            .unwrap_or_else(|| panic!("{shown}"))
            .1;
        let number = rest.split_whitespace().next().expect("a number");
        number.parse::<f64>().expect("a number")
    };
    (number("abc.txt: "), number(" ("))
}

#[test]
fn a_model_goes_to_pytorch_and_comes_back_to_the_bit() {
    let place = Place::new();
    place.trained();
    let shown = place.succeeds(&[
        "export",
        "run",
        "--to",
        "pytorch",
        "--out",
        "abc.safetensors",
    ]);
    assert!(
        shown.starts_with("wrote abc.safetensors and sample_abc_pytorch.py\n"),
        "{shown}"
    );
    assert!(
        shown.ends_with("\npython sample_abc_pytorch.py\n"),
        "{shown}"
    );
    assert!(
        place
            .read("sample_abc_pytorch.py")
            .contains("load_state_dict(weights, strict=True)")
    );
    let file = WeightFile::open(place.path().join("abc.safetensors")).expect("a file of ours");
    let names: Vec<&str> = file.names().collect();
    assert_eq!(
        names,
        [
            "embedding.weight",
            "head.bias",
            "head.weight",
            "rnn.bias_hh_l0",
            "rnn.bias_ih_l0",
            "rnn.weight_hh_l0",
            "rnn.weight_ih_l0",
        ]
    );

    place.succeeds(&[
        "import",
        "abc.safetensors",
        "--vocab",
        "run/vocab.json",
        "--out",
        "again",
    ]);
    let weights = |run: &str| fs::read(place.path().join(run).join("weights.safetensors")).unwrap();
    assert_eq!(weights("again"), weights("run"));
    let score = |run| figures(&place, &["score", run, "--data", "abc.txt"]);
    assert_eq!(score("again"), score("run"));

    // It can be sampled, and trained on.
    place.succeeds(&["sample", "again", "--length", "20"]);
    let tune = [
        "train",
        "--init-from",
        "again",
        "--data",
        "abc.txt",
        "--max-epochs",
        "1",
        "--out",
        "tuned",
    ];
    place.succeeds(&[&tune[..], &["--batch-size", "2", "--seq-length", "5"]].concat());
    place.succeeds(&["plot", "tuned", "--no-files"]);
    place.fails(
        1,
        &["plot", "again"],
        &["again/metrics.jsonl: no losses yet"],
    );
}

#[test]
fn every_cell_that_the_others_have_goes_to_them() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let exports = |cell: &str, embedding: &str, to: &str| {
        let train = ["--data", "abc.txt", "--model", cell, "--out", cell];
        if !place.path().join(cell).exists() {
            place.succeeds(&[TINY, &train, &["--embedding-size", embedding][..]].concat());
        }
        place.run(&["export", cell, "--to", to]).status.success()
    };
    for (cell, embedding, to_pytorch, to_onnx) in [
        ("lstm", "0", true, true),
        ("gru", "4", true, true),
        ("rnn", "0", true, true),
        ("irnn", "4", true, true),
        ("projected_lstm", "4", true, false),
        ("peephole_lstm", "4", false, true),
        ("original_gru", "4", false, true),
        ("min_lstm", "4", false, false),
    ] {
        assert_eq!(exports(cell, embedding, "pytorch"), to_pytorch, "{cell}");
        assert_eq!(exports(cell, embedding, "onnx"), to_onnx, "{cell}");
        if to_onnx {
            let file = OnnxFile::open(place.path().join(cell).join("model.onnx")).unwrap();
            assert_eq!(file.operators().len(), 1);
        }
    }
    place.fails(
        2,
        &["export", "min_lstm", "--to", "onnx"],
        &["--to: ONNX has no cell like MinLstm"],
    );
    let hint = "PyTorch has no cell like PeepholeLstm; ONNX has (--to onnx)";
    place.fails(2, &["export", "peephole_lstm", "--to", "pytorch"], &[hint]);
}

#[test]
fn wrong_wishes_are_one_clear_line() {
    let place = Place::new();
    place.trained();
    place.succeeds(&[
        "export",
        "run",
        "--to",
        "pytorch",
        "--out",
        "abc.safetensors",
    ]);
    place.fails(
        2,
        &["export", "run", "--to", "pytorch", "--out", "a.pt"],
        &["a.safetensors"],
    );
    place.fails(2, &["export", "run"], &["--to"]);
    place.fails(
        1,
        &["export", "run", "--to", "onnx", "--out", "no/where.onnx"],
        &["no/where.onnx"],
    );

    let import = |vocab: &str, more: &[&str], code, told: &[&str]| {
        let args = ["import", "abc.safetensors", "--vocab", vocab];
        place.fails(code, &[&args, more].concat(), told);
    };
    place.file("two.txt", "ab");
    import(
        "two.txt",
        &[],
        2,
        &["two.txt: 2 characters, but the model in abc.safetensors has 4"],
    );
    place.file("twice.txt", "aab");
    import("twice.txt", &[], 1, &["twice.txt", "\"a\" twice"]);
    place.file("words.json", r#"["the", "cat"]"#);
    import(
        "words.json",
        &[],
        1,
        &["words.json", "\"the\" is not one character"],
    );
    place.file("gap.json", r#"{"a": 0, "b": 2}"#);
    import(
        "gap.json",
        &[],
        1,
        &["gap.json", "\"b\" has token 2, but there are 2 symbols"],
    );
    import("none.json", &[], 1, &["none.json"]);
    place.file("meta.pkl", b"\x80\x04}.");
    import(
        "meta.pkl",
        &[],
        1,
        &["meta.pkl: a pickle; write its characters as JSON first"],
    );
    place.file("numbers.json", "[1, 2]");
    import(
        "numbers.json",
        &[],
        1,
        &["JSON, but no list or object of characters"],
    );
    import(
        "run/vocab.json",
        &["--relu"],
        2,
        &["--relu: only an nn.RNN can have it"],
    );
    import(
        "run/vocab.json",
        &["--rnn", "lstm"],
        1,
        &["abc.safetensors", "lstm.weight_ih_l0"],
    );
    import(
        "run/vocab.json",
        &["--out", "run"],
        1,
        &["run: already there", "--out"],
    );
    place.fails(
        1,
        &["import", "abc.txt", "--vocab", "two.txt"],
        &["abc.txt: neither safetensors"],
    );

    place.file("other.txt", "abc€");
    place.fails(
        1,
        &["score", "run", "--data", "other.txt"],
        &["other.txt: the model does not know \"€\""],
    );
    place.file("one.txt", "a");
    place.fails(1, &["score", "run", "--data", "one.txt"], &["one.txt"]);
}

/// The lists of characters that other programs keep, in the order of their numbers.
#[test]
fn lists_of_characters() {
    let place = Place::new();
    place.trained();
    place.succeeds(&[
        "export",
        "run",
        "--to",
        "pytorch",
        "--out",
        "abc.safetensors",
    ]);
    for (name, list) in [
        ("list.txt", "\nabc"),
        ("ends.txt", "\nabc\n"),
        ("list.json", r#"["\n", "a", "b", "c"]"#),
        ("object.json", r#"{"a": 1, "\n": 0, "c": 3, "b": 2}"#),
        ("itos.json", r#"{"1": "a", "0": "\n", "3": "c", "2": "b"}"#),
        (
            "both.json",
            r#"{"stoi": {"a": 1, "\n": 0, "c": 3, "b": 2}, "n": 4}"#,
        ),
        ("bom.txt", "\u{feff}\nabc"),
    ] {
        place.file(name, list);
        let out = format!("from-{name}");
        let shown = place.succeeds(&["import", "abc.safetensors", "--vocab", name, "--out", &out]);
        assert!(
            shown.starts_with(&format!("{out}: 1 × 8 Lstm, ")),
            "{shown}"
        );
        assert_eq!(
            place.read(&format!("{out}/vocab.json")),
            place.read("run/vocab.json")
        );
    }
}

/// What `export` wrote says which characters there are, and what ends a document.
#[test]
fn an_export_is_imported_as_it_is() {
    let place = Place::new();
    place.file("abc.txt", "abc abcab\nc ab\n".repeat(20));
    for (units, model) in [("chars", "irnn"), ("bytes", "lstm"), ("words", "gru")] {
        let flags = [
            "--documents",
            "lines",
            "--units",
            units,
            "--model",
            model,
            "--out",
            units,
        ];
        place.succeeds(&[TINY, &["--data", "abc.txt"], &flags].concat());
        let file = format!("{units}.safetensors");
        place.succeeds(&["export", units, "--to", "pytorch", "--out", &file]);
        let again = format!("{units}-again");
        place.succeeds(&["import", &file, "--out", &again]);
        let score = |run: &str| place.succeeds(&["score", run, "--data", "abc.txt"]);
        assert_eq!(score(&again), score(units));
    }
}

/// A text scores what it scored at its last validation; the loss of words is shared out among their characters.
#[test]
fn a_score_is_that_of_the_validation() {
    let place = Place::new();
    place.file("train.txt", "abc abcab\nc ab\n".repeat(20));
    place.file("abc.txt", "cab abc\nab ab c\n".repeat(5));
    for units in ["chars", "words"] {
        let documents = ["--documents", "lines", "--units", units, "--out", units];
        let texts = ["--data", "train.txt", "--val-data", "abc.txt"];
        place.succeeds(&[TINY, &documents, &texts].concat());
        let log = place.read(&format!("{units}/metrics.jsonl"));
        let events: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
            .collect();
        let losses = events.iter().filter_map(|event| event["val_loss"].as_f64());
        let best = losses.min_by(f64::total_cmp).expect("a validation");
        let per_symbol = events[0]["chars_per_symbol"]
            .as_f64()
            .expect("at the start");
        let (nats, bits) = figures(&place, &["score", units, "--data", "abc.txt"]);
        assert!((nats - best).abs() < 1e-3, "{units}: {nats} and {best}");
        assert!((bits - nats / per_symbol / std::f64::consts::LN_2).abs() < 2e-3);
    }
    let output = place.run(&["score", "chars", "--data", "abc.txt"]);
    let shown = text(&output.stdout);
    assert!(shown.ends_with(", 80 characters\n"), "{shown}");
}
