//! Runs of the real binary that are killed, stopped or locked out.
#![cfg(unix)]
#![allow(missing_docs)]

mod common;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, SystemTime},
};

use common::{Place, text, words};

/// A run of about 480 updates that is saved every 20.
const RUN: &[&str] = &[
    "train",
    "--data",
    "text",
    "--hidden-size",
    "32",
    "--embedding-size",
    "16",
    "--batch-size",
    "8",
    "--seq-length",
    "25",
    "--max-epochs",
    "4",
    "--checkpoint-every",
    "20",
];

/// Returns a place with a text.
fn place() -> Place {
    let place = Place::new();
    place.file("text", words(25_000));
    place
}

fn spawn(place: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_char_lstm"));
    command.current_dir(place).args(args);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.expect("a shell").success());
}

/// Waits until the path is there; false if the program ends before.
fn wait_for(path: &Path, child: &mut Child) -> bool {
    while child.try_wait().expect("a child").is_none() {
        if path.exists() {
            return true;
        }
        sleep(Duration::from_micros(200));
    }
    false
}

fn weights(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path().join(run).join("weights.safetensors")).expect("weights")
}

/// Returns the nanoseconds of the clock.
fn random() -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::from(time.expect("after 1970").subsec_nanos())
}

/// Kills so many runs at random moments, half of them inside a save, and lets each go on to its end.
fn killed_runs_end_as_if_nothing_had_happened(trials: usize) {
    let place = place();
    let train = |out: &'static str| [RUN, &["--out", out]].concat();
    place.succeeds(&train("whole"));
    let expected = weights(&place, "whole");
    let (mut equal, mut inside) = (0, 0);
    while equal < trials {
        let mut child = spawn(place.path(), &train("killed"));
        let run = place.path().join("killed");
        assert!(
            wait_for(&run.join("checkpoints/0"), &mut child),
            "it has begun"
        );
        sleep(Duration::from_micros(random() % 1_500_000));
        let unfinished = run.join("checkpoints/.new");
        if equal % 2 == 0 {
            wait_for(&unfinished, &mut child);
        }
        child.kill().expect("killed");
        let was_done = child.wait().expect("ended").success();
        inside += usize::from(unfinished.exists());
        if !was_done {
            place.succeeds(&["train", "--resume", "killed"]);
            assert!(
                weights(&place, "killed") == expected,
                "killed run number {equal}"
            );
            equal += 1;
        }
        fs::remove_dir_all(&run).expect("removed");
    }
    // On a disk in memory, a save ends before the signal arrives.
    println!(
        "{equal} of {trials} killed runs went on to the same weights, {inside} killed inside a save"
    );
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_weights() {
    killed_runs_end_as_if_nothing_had_happened(4);
}

#[test]
#[ignore = "takes minutes: the count that is claimed"]
fn fifty_runs_that_are_killed_go_on_to_the_same_weights() {
    killed_runs_end_as_if_nothing_had_happened(50);
}

/// Sends the signal to a run that has begun; gives how it ended.
fn stopped_by(place: &Place, name: &str, times: usize, args: &[&str]) -> Output {
    let mut child = spawn(place.path(), args);
    let log = place.path().join("run/metrics.jsonl");
    assert!(wait_for(
        &place.path().join("run/checkpoints/0"),
        &mut child
    ));
    while fs::metadata(&log).map_or(0, |log| log.len()) < 1000 {
        sleep(Duration::from_millis(1));
    }
    for _ in 0..times {
        signal(&child, name);
        sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("ended")
}

#[test]
fn a_signal_ends_a_run_that_goes_on_to_the_same_weights() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let place = place();
        place.succeeds(&[RUN, &["--out", "whole"]].concat());
        let output = stopped_by(&place, name, 1, &[RUN, &["--out", "run"]].concat());
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{out}{err}");
        assert!(
            out.contains("train --resume run") && err.is_empty(),
            "{out}{err}"
        );
        place.succeeds(&["train", "--resume", "run"]);
        assert!(weights(&place, "run") == weights(&place, "whole"));
        assert_eq!(
            place.losses("run"),
            place.losses("whole"),
            "no gap, no repeat"
        );
    }
}

/// Updates take seconds each: only a second signal can end the run before the update is done.
#[test]
fn a_second_signal_ends_a_run_at_once() {
    let place = place();
    let slow = [
        "--hidden-size",
        "768",
        "--num-layers",
        "3",
        "--batch-size",
        "64",
    ];
    let args = [
        &["train", "--data", "text", "--out", "run", "--val-frac", "0"],
        &slow[..],
        &["--seq-length", "390"],
    ]
    .concat();
    let mut child = spawn(place.path(), &args);
    assert!(wait_for(
        &place.path().join("run/checkpoints/0"),
        &mut child
    ));
    signal(&child, "INT");
    sleep(Duration::from_millis(50));
    assert!(
        child.try_wait().expect("a child").is_none(),
        "it finishes its update"
    );
    signal(&child, "INT");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130));
    assert!(
        !text(&output.stdout).contains("--resume"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a_second_run_on_a_folder_is_refused() {
    let place = place();
    let (saved, settings) = (["--checkpoint-every", "20"], &RUN[..RUN.len() - 4]);
    let args = [settings, &saved, &["--out", "run", "--max-epochs", "1000"]].concat();
    let mut child = spawn(place.path(), &args);
    assert!(wait_for(
        &place.path().join("run/checkpoints/0"),
        &mut child
    ));
    let process = child.id().to_string();
    for args in [&["train", "--resume", "run"][..], &args] {
        place.fails(
            1,
            args,
            &["run: another run trains in this folder", &process],
        );
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn what_cannot_go_on_is_refused_in_one_line() {
    let place = place();
    let run = place.trained();
    place.file("abd.txt", "abdabdab\n".repeat(20));
    place.file("longer.txt", "abcabcab\n".repeat(21));
    let resume = |flags: &[&'static str]| [&["train", "--resume", run], flags].concat();
    for (code, flags, told) in [
        (2, &["--hidden-size", "9"][..], "--hidden-size 9"),
        (2, &["--units", "bytes"], "--units bytes"),
        (2, &["--max-epochs", "1"], "--max-epochs 1"),
        (2, &["--out", "other"], "--out"),
        (
            1,
            &["--data", "longer.txt", "--max-epochs", "3"],
            "longer.txt: not the text",
        ),
    ] {
        place.fails(code, &resume(flags), &[told]);
    }
    place.fails(1, &["train", "--resume", "nowhere"], &["nowhere"]);

    let init =
        |flags: &[&'static str]| [&["train", "--init-from", run, "--out", "new"], flags].concat();
    place.fails(2, &init(&["--num-layers", "2"]), &["--num-layers 2"]);
    place.succeeds(&init(&["--data", "abd.txt", "--learning-rate", "0.001"]));
    let vocab: serde_json::Value = serde_json::from_str(&place.read("new/vocab.json")).unwrap();
    assert_eq!(
        vocab["symbols"],
        serde_json::json!(["\n", "a", "b", "c", "d"])
    );
    place.succeeds(&["train", "--resume", "new", "--max-epochs", "3"]);
    place.succeeds(&["sample", "new", "--length", "5"]);
}
