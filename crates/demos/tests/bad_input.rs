//! Whatever is wrong with the input, the program ends with one clear line and never panics.
#![allow(missing_docs)]

mod common;

use std::{fs, io::Read};

use common::{Place, TINY, events::within_limit, refused, text};

/// Expects a tiny training run on a file with this content to fail.
fn on(content: impl AsRef<[u8]>, code: i32, told: &[&str]) {
    let place = Place::new();
    place.file("text", content);
    place.fails(code, &[TINY, &["--data", "text"]].concat(), told);
    assert!(
        !place.path().join("runs").exists(),
        "no folder for a run that cannot be"
    );
}

#[test]
fn missing_file() {
    let output = Place::new().run(&["train", "--data", "nowhere.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "error: nowhere.txt: No such file or directory (os error 2)\n",
        "each thing is said once"
    );
}

#[test]
fn folder_without_a_text() {
    let place = Place::new();
    fs::create_dir(place.path().join("folder")).unwrap();
    let told = ["folder: the text is empty"];
    place.fails(1, &["train", "--data", "folder"], &told);
}

#[test]
fn empty_text() {
    on("", 1, &["text: the text is empty"]);
    on("\u{feff}", 1, &["text: the text is empty"]);
}

#[test]
fn one_character() {
    on("a", 1, &["every symbol of the text is \"a\""]);
}

#[test]
fn one_distinct_symbol() {
    on(
        "\n".repeat(1000),
        1,
        &[r#"every symbol of the text is "\n""#],
    );
}

#[test]
fn shorter_than_one_window() {
    on(
        "abcabcab",
        1,
        &[
            "the text has 8 symbols",
            "a batch size of 2",
            "a sequence length of 5",
            "--batch-size 1 --seq-length",
        ],
    );
}

/// The flags that the error proposes work.
#[test]
fn a_short_text_is_told_sizes_that_fit() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(250));
    let args = ["train", "--data", "text", "--max-epochs", "1"];
    for flags in [&[][..], &["--split", "tail", "--val-frac", "0.3"]] {
        let output =
            place.run(&[&args[..], &["--batch-size=100", "--seq-length=70"], flags].concat());
        let said = text(&output.stderr);
        let (_, proposal) = said.split_once(" (").expect("flags in parentheses");
        let proposal = proposal.trim().trim_end_matches(')').split(' ');
        place.succeeds(&[&args[..], flags, &proposal.collect::<Vec<_>>()].concat());
    }
    place.file("text", "ab");
    place.fails(1, &args, &["the text has 2 symbols", "give a longer text"]);
}

#[test]
fn invalid_utf8_names_the_offset_and_the_way_out() {
    let told = ["0xff", "byte offset 6", "--units bytes"];
    on(b"hello \xff world".repeat(50), 1, &told);
    on(
        b"hello \xe2\x82",
        1,
        &["ends within a character", "byte offset 6"],
    );
}

#[test]
fn standard_input_is_checked_as_a_file_is() {
    let place = Place::new();
    let args = ["train", "--data", "-"];
    refused(
        &place.command(&args).write_stdin("").output().unwrap(),
        1,
        &args,
        &["-: the text is empty"],
    );
}

#[test]
fn sizes_that_are_none() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(100));
    for (flag, values) in [
        (
            "--hidden-size",
            &["0", "-1", "x", "1e3", "99999999999999999999"][..],
        ),
        ("--num-layers", &["0", "-1", "x"]),
        ("--embedding-size", &["-1", "x"]),
        ("--dropout", &["1", "-0.1", "NaN", "x"]),
        ("--weight-dropout", &["1", "-0.1", "NaN", "x"]),
        ("--seq-length", &["0", "-1", "x"]),
        ("--batch-size", &["0", "-1", "x"]),
        ("--max-epochs", &["0", "-1", "x"]),
        ("--learning-rate", &["0", "-1", "NaN", "inf", "x"]),
        (
            "--grad-clip",
            &["-1", "NaN", "inf", "norm:", "norm:-1", "x:1"],
        ),
        ("--val-frac", &["1", "-0.1", "NaN", "x"]),
        ("--seed", &["-1", "x"]),
        ("--optimizer", &["x", "rmsprop:1", "adam:1"]),
        (
            "--schedule",
            &[
                "x",
                "decay:0:1",
                "step:0.5:0",
                "cosine:-1",
                "decay:0.5",
                "plateau:0.5:0",
            ],
        ),
        ("--patience", &["0", "-1", "x"]),
        ("--model", &["x", ""]),
        ("--units", &["x"]),
        ("--split", &["x"]),
        ("--preset", &["x"]),
        ("--backend", &["x"]),
    ] {
        for value in values {
            let flag_and_value = format!("{flag}={value}");
            place.fails(2, &["train", "--data", "text", &flag_and_value], &[flag]);
        }
    }
    for (flag, values) in [
        ("--length", &["-1", "x"][..]),
        ("--temperature", &["-1", "NaN", "inf", "x"]),
    ] {
        for value in values {
            place.fails(2, &["sample", "run", &format!("{flag}={value}")], &[flag]);
        }
    }
}

#[test]
fn waiting_for_a_better_validation_loss_without_validation() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(100));
    for flag in ["--patience=3", "--schedule=plateau:0.5:3"] {
        let args = ["train", "--data", "text", "--val-frac", "0", flag];
        let name = flag.split('=').next().unwrap();
        place.fails(2, &args, &[name, "--val-frac above 0"]);
    }
}

/// Larger than any machine can hold.
#[test]
fn absurd_sizes() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(100));
    for flag in [
        "hidden-size",
        "num-layers",
        "embedding-size",
        "batch-size",
        "seq-length",
        "max-epochs",
    ] {
        for value in ["1000000000000", "18446744073709551615"] {
            let args = ["train", "--data", "text", &format!("--{flag}={value}")];
            let output = place.run(&args);
            let code = output.status.code().unwrap_or_default();
            assert!(code == 1 || code == 2, "{args:?}: {output:?}");
            refused(&output, code, &args, &[flag]);
        }
    }
}

#[test]
fn unknown_flag_gets_a_hint() {
    Place::new().fails(
        2,
        &["train", "--hiden-size", "3"],
        &["--hiden-size", "--hidden-size"],
    );
}

#[test]
fn training_that_diverges() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let flags = [
        "--data",
        "abc.txt",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "1e39",
    ];
    place.fails(
        1,
        &[TINY, &flags].concat(),
        &["update", "diverged", "--learning-rate"],
    );
}

#[test]
fn existing_run_folder_is_left_alone() {
    let place = Place::new();
    place.trained();
    let before = place.read("run/config.json");
    place.fails(
        1,
        &[TINY, &["--data", "abc.txt", "--out", "run"]].concat(),
        &["run: already there", "--out"],
    );
    place.file("plain", "a file");
    place.fails(
        1,
        &[TINY, &["--data", "abc.txt", "--out", "plain"]].concat(),
        &["plain"],
    );
    assert_eq!(place.read("run/config.json"), before);
}

#[test]
fn unwritable_place_for_a_run() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let args = [TINY, &["--data", "abc.txt", "--out", "/proc/run"]].concat();
    place.fails(1, &args, &["/proc/run"]);
}

#[test]
fn unknown_character_to_go_on_from() {
    let place = Place::new();
    place.trained();
    place.fails(
        2,
        &["sample", "run", "--prime-text", "abcé"],
        &["--prime-text", "'é'"],
    );
}

#[test]
fn nothing_to_sample_from() {
    let place = Place::new();
    place.fails(2, &["sample"], &["no run in runs/ yet"]);
    place.fails(1, &["sample", "nowhere"], &["nowhere", "No such file"]);
    place.file("plain", "a file");
    place.fails(1, &["sample", "plain"], &["plain"]);
}

#[test]
fn run_folder_that_lacks_a_file() {
    for name in ["config.json", "vocab.json", "weights.safetensors"] {
        let place = Place::new();
        place.trained();
        fs::remove_dir_all(place.path().join("run/checkpoints")).unwrap();
        fs::remove_file(place.path().join("run").join(name)).unwrap();
        place.fails(
            1,
            &["sample", "run"],
            &["run: not the folder of a run", name],
        );
    }
}

#[test]
fn run_folder_with_a_foreign_file() {
    let place = Place::new();
    place.trained();
    let weights = fs::read(place.path().join("run/weights.safetensors")).unwrap();
    let config = place.read("run/config.json");
    let other_size = config.replace("\"hidden_size\": 8", "\"hidden_size\": 9");
    let other_cell = config.replace("\"lstm\"", "\"rnn\"");
    assert_ne!(config, other_size);
    assert_ne!(config, other_cell);
    let huge = config.replace("\"hidden_size\": 8", "\"hidden_size\": 1000000000");
    let cut = &weights[..weights.len() / 2];
    let vocab = r#"{"units": "chars", "symbols": ["a", "b"]}"#;
    let twice = r#"{"units": "chars", "symbols": ["c", "b", "c", "\n"]}"#;
    for (name, content, told) in [
        ("config.json", b"not JSON".as_slice(), "config.json"),
        ("config.json", br#"{"hidden_sise": 8}"#, "hidden_sise"),
        ("config.json", br#"{"hidden_size": 0}"#, "hidden_size 0"),
        ("config.json", other_size.as_bytes(), "weights.safetensors"),
        ("config.json", other_cell.as_bytes(), "weights.safetensors"),
        ("config.json", huge.as_bytes(), "weights.safetensors"),
        ("vocab.json", b"[]", "vocab.json"),
        ("vocab.json", vocab.as_bytes(), "weights.safetensors"),
        ("vocab.json", twice.as_bytes(), "twice"),
        ("weights.safetensors", b"", "weights.safetensors"),
        (
            "weights.safetensors",
            b"not safetensors at all",
            "weights.safetensors",
        ),
        ("weights.safetensors", cut, "weights.safetensors"),
    ] {
        let path = place.path().join("run").join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, content).unwrap();
        place.fails(1, &["sample", "run"], &[told]);
        fs::write(&path, good).unwrap();
    }
    place.succeeds(&["sample", "run", "--length", "3"]);
}

#[test]
fn config_file_that_is_none() {
    let place = Place::new();
    place.file("config", r#"{"learning_rate": "fast"}"#);
    place.fails(1, &["train", "--config", "config"], &["config", "fast"]);
    place.fails(1, &["train", "--config", "nowhere"], &["nowhere"]);
    place.fails(
        2,
        &["train", "--config", "config", "--preset", "char-rnn"],
        &["--preset"],
    );
}

/// `char_lstm sample | head -c 10`
#[test]
fn reader_that_goes_away() {
    let place = Place::new();
    place.trained();
    let mut writer = place.starts(&["sample", "run", "--length", "1000000000"]);
    let mut out = writer.take_stdout();
    within_limit("ten characters", move || out.read_exact(&mut [0; 10])).unwrap();
    let output = writer.output();
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(text(&output.stderr), "");
}

/// A training run does not end because nobody reads its output.
#[test]
fn training_goes_on_without_a_reader() {
    let place = Place::new();
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let args = [TINY, &["--data", "abc.txt", "--out", "run"]].concat();
    let mut trainer = place.starts(&args);
    drop(trainer.take_stdout());
    let output = trainer.output();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        text(&output.stderr)
    );
    place.succeeds(&["sample", "run", "--length", "3"]);
}

#[test]
fn backend_that_is_not_compiled_in() {
    let place = Place::new();
    let list = place.succeeds(&["--list-backends"]);
    for name in ["cuda", "wgpu", "ndarray", "flex"] {
        let line = list
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line for each");
        if line.contains("not compiled in") {
            let told = format!("--features {name}");
            place.fails(
                2,
                &["train", "--backend", name],
                &["not compiled in", &told],
            );
        }
    }
}

/// `srun -n 2 char_lstm train` on a cluster whose default is not to connect what it starts.
#[test]
fn processes_that_srun_does_not_connect_are_said_to_be_alone() {
    for (rank, is_told) in [("0", true), ("1", false)] {
        let place = Place::new();
        place.file("text", common::words(600));
        let args = [TINY, &["--data", "text"]].concat();
        let mut command = place.command(&args);
        command.env("SLURM_STEP_NUM_TASKS", "2");
        command.env("SLURM_PROCID", rank);
        let output = command.output().expect("the program starts");
        let told = "srun started this program 2 times, each on its own; to train together, use srun --mpi=pmix\n";
        assert!(output.status.success());
        assert_eq!(common::text(&output.stderr).contains(told), is_told);
    }
}

/// `mpirun -n 2 char_lstm train`, which would be the same training twice.
#[cfg(not(feature = "mpi"))]
#[test]
fn a_launcher_needs_a_build_for_several_ranks() {
    let place = Place::new();
    let mut command = place.command(TINY);
    command.env("OMPI_COMM_WORLD_RANK", "0");
    command.env("OMPI_COMM_WORLD_SIZE", "2");
    let output = command.output().expect("the program starts");
    let told = [
        "a launcher started this program 2 times, but it was built without MPI; build it with --features mpi, or start \
         it without mpirun or srun",
    ];
    refused(&output, 2, TINY, &told);
}
