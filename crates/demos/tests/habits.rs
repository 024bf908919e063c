//! What people are used to works, or they are told what works here.
#![allow(missing_docs)]

mod common;

use std::fs;

use common::{Place, TINY, refused, text};

/// Returns a setting of a run as `config.json` has it.
fn setting(place: &Place, run: &str, name: &str) -> serde_json::Value {
    let config = place.read(&format!("{run}/config.json"));
    let config: serde_json::Value = serde_json::from_str(&config).expect("JSON");
    config[name].clone()
}

#[test]
fn flags_as_char_rnn_torch_rnn_and_nanogpt_spell_them() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let args = "train -data_dir abc.txt -rnn_size 6 -num_layers 1 --wordvec_size=3 -batch_size 2 --block_size=4 \
                -max_epochs 1 -val_frac 0.1 -seed 5 -model gru -checkpoint_dir run";
    place.succeeds(&args.split_whitespace().collect::<Vec<_>>());
    for (name, value) in [
        ("hidden_size", 6),
        ("embedding_size", 3),
        ("seq_length", 4),
        ("seed", 5),
    ] {
        assert_eq!(setting(&place, "run", name), value, "{name}");
    }
    assert_eq!(setting(&place, "run", "model"), "gru");
    let sample = |flag: &str| {
        let length = ["-length", "9", "-temperature", "0"];
        place.succeeds(&[&["sample", "run", flag, "ca"][..], &length].concat())
    };
    let ours = sample("--prime-text");
    assert!(ours.starts_with("ca"), "{ours}");
    for flag in ["-primetext", "-start_text", "--start"] {
        assert_eq!(sample(flag), ours, "{flag}");
    }
}

#[test]
fn flags_that_are_none_here_are_told_ours() {
    let place = Place::new();
    for (args, told) in [
        (&["train", "-gpuid", "0"][..], "--backend NAME"),
        (&["train", "-print_every", "10"], "metrics.jsonl"),
        (
            &["train", "--learning_rate_decay=0.97"],
            "--schedule decay:FACTOR:AFTER_EPOCH",
        ),
        (&["train", "eng.txt"], "--data"),
        (&["eng.txt"], "--data"),
        (&["sample", "run", "-sample", "0"], "--temperature 0"),
        (&["smaple", "run"], "sample"),
    ] {
        place.fails(2, args, &[told]);
    }
}

#[test]
fn the_last_of_a_flag_given_twice_wins() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let twice = ["--data", "abc.txt", "--out", "run", "--hidden-size", "6"];
    place.succeeds(&[TINY, &twice, &["--hidden-size=5"]].concat());
    assert_eq!(setting(&place, "run", "hidden_size"), 5);
}

#[test]
fn numbers_out_of_range_are_told_the_range() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    for (flag, value, told) in [
        ("--val-frac", "-0.1", "--val-frac -0.1: must be at least 0"),
        ("--dropout", "-1", "--dropout -1: must be at least 0"),
        (
            "--learning-rate",
            "-1e-3",
            "--learning-rate -0.001: must be a number above 0",
        ),
        (
            "--hidden-size",
            "-1",
            "--hidden-size -1: must be a whole number, not negative",
        ),
        (
            "--hidden-size",
            "1.5",
            "--hidden-size 1.5: must be a whole number",
        ),
        ("--seed", "-3", "--seed -3: must be a whole number"),
        (
            "--learning-rate",
            "fast",
            "--learning-rate fast: must be a number",
        ),
        ("--batch-size", "99999999999999999999", "too large"),
    ] {
        place.fails(2, &["train", "--data", "abc.txt", flag, value], &[told]);
    }
    place.fails(
        2,
        &["sample", "run", "--temperature", "-1"],
        &["--temperature -1: must be"],
    );
}

#[test]
fn the_version_names_the_program() {
    let version = Place::new().succeeds(&["--version"]);
    assert!(version.starts_with("char_lstm "), "{version}");
}

#[test]
fn escapes_mean_the_same_everywhere() {
    let place = Place::new();
    place.file("text", "ab\0cd\0a\tb\0".repeat(30));
    let flags = ["--data", "text", "--out", "run", "--documents", "\\0"];
    place.succeeds(&[TINY, &flags].concat());
    assert_eq!(setting(&place, "run", "documents"), "files");
    let wrote = place.succeeds(&["sample", "run", "--prime-text", "a\\tb", "--length", "3"]);
    assert!(wrote.starts_with("a\tb"), "{wrote:?}");
}

#[test]
fn resuming_a_finished_run_says_so() {
    let place = Place::new();
    place.trained();
    let before = place.read("run/metrics.jsonl");
    let said = place.succeeds(&["train", "--resume", "run"]);
    assert!(
        said.contains("already finished, after 2 epochs") && said.contains("--max-epochs"),
        "{said}"
    );
    assert!(!said.contains("trained for"), "{said}");
    assert_eq!(place.read("run/metrics.jsonl"), before);
}

/// A Latin-1 book: what the model writes into a pipe is bytes as in the book, without U+FFFD (EF BF BD).
#[test]
fn bytes_leave_as_they_came() {
    let place = Place::new();
    place.file("latin1", b"caf\xe9 na\xefve \xfcber\n".repeat(20));
    let flags = ["--data", "latin1", "--units", "bytes", "--out", "run"];
    let said = place.succeeds(&[TINY, &flags, &["--max-epochs", "30"]].concat());
    assert!(
        said.contains("bits per byte") && !said.contains("per character"),
        "{said}"
    );
    assert!(!said.contains("256 distinct"), "{said}");

    place.file("prime", b"caf\xe9");
    let output = place.run(&["sample", "run", "--prime-file", "prime", "--length", "200"]);
    let wrote = output.stdout;
    assert!(wrote.starts_with(b"caf\xe9"));
    assert_eq!(wrote.len(), 4 + 200 + 1);
    assert!(
        wrote[4..].iter().any(|&byte| byte >= 0x80),
        "a byte that is no ASCII"
    );
}

#[test]
fn a_prime_with_an_unknown_character() {
    let place = Place::new();
    let many: String = ('\u{4e00}'..'\u{5200}').collect();
    place.file("text", many.repeat(2));
    place.succeeds(&[TINY, &["--data", "text", "--out", "run", "--val-frac", "0"]].concat());
    let args = ["sample", "run", "--prime-text", "一é丁", "--length", "3"];
    let output = place.run(&args);
    refused(&output, 2, &args, &["'é'", "1024", "--unknown skip"]);
    assert!(output.stderr.len() < 1000, "{}", output.stderr.len());
    let wrote = place.succeeds(&[&args[..], &["--unknown", "skip"]].concat());
    assert_eq!(wrote.chars().count(), 3 + 3 + 1, "{wrote}");
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_not_utf8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let place = Place::new();
    let name = OsStr::from_bytes(b"caf\xe9.txt");
    if fs::write(place.path().join(name), "abcabcab\n".repeat(20)).is_err() {
        println!("skipped: this file system has no such names");
        return;
    }
    let mut command = place.command(TINY);
    let output = command.args(["--out", "run", "--data"]).arg(name).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    place.succeeds(&["train", "--resume", "run", "--max-epochs", "3"]);
}

/// The run can be resumed from wherever one is, by the command that it printed.
#[cfg(unix)]
#[test]
fn printed_commands_can_be_pasted() {
    let place = Place::new();
    let folder = "it's $HOME, \"so\" to say";
    fs::create_dir(place.path().join(folder)).expect("a folder");
    let data = format!("{folder}/my text");
    place.file(&data, "abcabcab\n".repeat(20));
    let out = format!("{folder}/run");
    let mut command = place.command(TINY);
    command.args(["--data", &data, "--out", &out]);
    let output = command.env_remove("CARGO").output().expect("it starts");
    let said = text(&output.stdout);
    let commands: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.contains("char_lstm"))
        .collect();
    assert_eq!(commands.len(), 2, "{said}");
    for command in commands {
        let command = command.replace("YOUR_TEXT.txt", "text.txt");
        place.file("text.txt", "abcabcab\n".repeat(2000));
        let command = match command.contains(" train ") {
            true => command + " --max-epochs 1 --hidden-size 4 --num-layers 1",
            false => command,
        };
        let output = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(place.path())
            .env_remove("CARGO")
            .output()
            .expect("a shell");
        assert!(
            output.status.success(),
            "{command}: {}",
            text(&output.stderr)
        );
    }
    // From another folder.
    let elsewhere = place.path().join(folder);
    let mut command = place.command(&["train", "--resume", "run", "--max-epochs", "3"]);
    let output = command.current_dir(elsewhere).output().expect("it starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// What a program was started for must arrive.
#[cfg(target_os = "linux")]
#[test]
fn output_that_does_not_fit_is_an_error() {
    let place = Place::new();
    place.trained();
    for args in [
        &["--help"][..],
        &["--list-backends"],
        &["plot", "run"],
        &["sample", "run"],
    ] {
        let full = fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("a full device");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_char_lstm"));
        let output = command
            .args(args)
            .current_dir(place.path())
            .stdout(full)
            .output()
            .expect("it starts");
        refused(&output, 1, args, &["standard output: No space left"]);
    }
}

/// Web pages turn two hyphens into a dash.
#[test]
fn dashes_of_web_pages_are_hyphens() {
    let place = Place::new();
    place.file("text", "abcabcab\n".repeat(20));
    let dashes: Vec<String> = TINY.iter().map(|arg| arg.replace("--", "–")).collect();
    let dashes: Vec<&str> = dashes.iter().map(String::as_str).collect();
    place.succeeds(&[&dashes[..], &["—data", "text", "−−out", "run"]].concat());
    assert_eq!(setting(&place, "run", "hidden_size"), 8);
    // Where they begin a value, they are part of it.
    let prime = [
        "sample",
        "run",
        "--length",
        "3",
        "--unknown",
        "skip",
        "--prime-text",
        "—Hola",
    ];
    let sample = place.run(&prime);
    assert!(
        text(&sample.stdout).starts_with("—Hola"),
        "{}",
        text(&sample.stderr)
    );
}

/// What is to be named instead stands in the same line, and a terminal shows the line as it is.
#[test]
fn paths_that_are_none_are_told_why() {
    let place = Place::new();
    place.trained();
    let told = |args: &[&str], why: &str| {
        let output = place.run(args);
        let said = text(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(why) && !said.contains('\r'), "{said}");
        assert!(!output.status.success());
    };
    told(&["train", "--data", "~/text"], "write $HOME");
    told(&["train", "--data", "*.txt"], "is in quotes");
    told(
        &["train", "--data", "text\r"],
        "remove the carriage returns",
    );
    told(&["train", "--data", "https://x.org/t.txt"], "download it");
    for command in ["sample", "plot"] {
        told(&[command, "run/metrics.jsonl"], "name the folder, run");
        told(&[command, "."], "name the run in it, ./run");
    }
    assert!(!place.path().join("runs").exists());
}

/// A letter with an accent may be one character or two.
#[test]
fn accents_of_the_prime_are_those_of_the_text() {
    let place = Place::new();
    for (run, in_text, typed) in [("two", "e\u{301}", "\u{e9}"), ("one", "\u{e9}", "e\u{301}")] {
        place.file("text", format!("caf{in_text} eta\n").repeat(20));
        place.succeeds(&[TINY, &["--data", "text", "--out", run]].concat());
        let prime = format!("caf{typed}");
        let sample = place.run(&["sample", run, "--length", "5", "--prime-text", &prime]);
        let wrote = text(&sample.stdout);
        assert!(
            wrote.starts_with(&format!("caf{in_text}")),
            "{wrote} {}",
            text(&sample.stderr)
        );
    }
}
