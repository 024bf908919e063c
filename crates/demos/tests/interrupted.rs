//! Runs of the real binary that are killed, stopped or locked out.
#![cfg(unix)]
#![allow(missing_docs)]

mod common;

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    process::{Command, Output, Stdio},
    time::SystemTime,
};

use common::{
    Place, SMALL,
    events::{Running, within_limit},
    text, words,
};
use rustix::process::Signal;

/// Epochs of a run that ends.
const EPOCHS: usize = 4;

/// A run of so many epochs, saved every 20 updates.
fn run_of<'a>(epochs: &'a str, out: &'a str) -> Vec<&'a str> {
    let run = ["train", "--max-epochs", epochs, "--out", out];
    [&run, SMALL, &["--checkpoint-every", "20"]].concat()
}

/// A run that is never done before the test is.
fn endless(out: &str) -> Vec<&str> {
    run_of("1000000", out)
}

/// Returns a place with a text.
fn place() -> Place {
    let place = Place::new();
    place.file("text", words(25_000));
    place
}

/// Starts a run, and waits until it has saved something. The first checkpoint may have gone by the time
/// we look.
fn begin(place: &Place, args: &[&str], out: &str) -> Running {
    let mut program = place.starts(args);
    let checkpoints = place.path().join(out).join("checkpoints");
    program.wait_for("a checkpoint", || {
        let entries = fs::read_dir(&checkpoints).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        names.any(|name| !name.to_string_lossy().starts_with('.'))
    });
    program
}

/// How often a run has logged this event.
fn count(run: &Path, event: &str) -> usize {
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    log.matches(&format!("\"event\":\"{event}\"")).count()
}

fn weights(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path().join(run).join("weights.safetensors")).expect("weights")
}

/// Returns the nanoseconds of the clock.
fn random() -> usize {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    time.expect("after 1970").subsec_nanos() as usize
}

/// Kills so many runs at random moments, half of them inside a save, and lets each go on to its end.
fn killed_runs_end_as_if_nothing_had_happened(trials: usize) {
    let place = place();
    let epochs = EPOCHS.to_string();
    place.succeeds(&run_of(&epochs, "whole"));
    let expected = weights(&place, "whole");
    let updates = count(&place.path().join("whole"), "update");
    let (mut equal, mut inside) = (0, 0);
    while equal < trials {
        let mut program = begin(&place, &run_of(&epochs, "killed"), "killed");
        let run = place.path().join("killed");
        let done = || count(&run, "update");
        let moment = random() % updates;
        program.runs_until("an update", || done() > moment);
        // Not only when an update has just been logged.
        let mut looks = random() % 20;
        program.runs_until("a moment after it", || {
            looks = looks.saturating_sub(1);
            looks == 0
        });
        let unfinished = run.join("checkpoints/.new");
        if equal % 2 == 0 {
            // One that is over too soon to be seen is no reason to miss the end of the run.
            let is_late = || done() + 20 > updates;
            program.runs_until("a save", || unfinished.exists() || is_late());
        }
        program.kill();
        let was_done = program.output().status.success();
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

/// Sends the signal to an endless run some updates after it has begun, and returns how it ended.
fn stopped_by(place: &Place, signal: Signal) -> Output {
    let mut program = begin(place, &endless("run"), "run");
    let run = place.path().join("run");
    program.wait_for("some updates", || count(&run, "update") > 5);
    program.signal(signal);
    program.output()
}

#[test]
fn a_signal_ends_a_run_that_goes_on_to_the_same_weights() {
    // Under nohup, these tests ignore it, and so does what they start.
    let hangup = demos::stop::hangup().map(|_| (Signal::HUP, 129));
    let signals = [(Signal::INT, 130), (Signal::TERM, 143)];
    for (signal, code) in signals.into_iter().chain(hangup) {
        let place = place();
        let output = stopped_by(&place, signal);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{out}{err}");
        assert!(
            out.contains("train --resume run") && err.starts_with("stopping after this update"),
            "{out}{err}"
        );
        // On a busy machine it may have got far before the signal arrived.
        let begun = count(&place.path().join("run"), "epoch") + 1;
        let epochs = EPOCHS.max(begun).to_string();
        place.succeeds(&["train", "--resume", "run", "--max-epochs", &epochs]);
        place.succeeds(&run_of(&epochs, "whole"));
        assert!(weights(&place, "run") == weights(&place, "whole"));
        assert_eq!(
            place.losses("run"),
            place.losses("whole"),
            "no gap, no repeat"
        );
    }
}

/// On a disk that does not respond, only the second signal can end the run.
#[test]
fn a_second_signal_ends_a_run_at_once() {
    let place = place();
    // Weights of more bytes than a pipe holds. Each epoch's are the best: there is no validation.
    let args = "train --data text --out run --max-epochs 1000000 --hidden-size 128 --val-frac 0";
    let args: Vec<&str> = args.split(' ').collect();
    let mut program = begin(&place, &args, "run");
    let pipe = place.path().join("run/weights.safetensors.new");
    program.wait_for("a moment without a file in the pipe's place", || {
        let mkfifo = Command::new("mkfifo").arg(&pipe).output();
        mkfifo.expect("mkfifo").status.success()
    });
    // As long as this is open and nobody reads on, it does not get rid of its weights.
    let _open = within_limit("the best weights", move || {
        let mut file = File::open(pipe).expect("a pipe");
        file.read_exact(&mut [0]).expect("a byte of weights");
        file
    });
    program.signal(Signal::INT);
    let mut said = program.take_stderr();
    within_limit("an answer", move || said.read_exact(&mut [0; 8])).expect("stopping");
    assert!(program.status().is_none(), "it finishes what it is at");
    // Until half a second has passed, another one is the same.
    program.wait_for_end("a second signal", |program| program.signal(Signal::INT));
    let output = program.output();
    assert_eq!(output.status.code(), Some(130));
    assert!(
        !text(&output.stdout).contains("--resume"),
        "{}",
        text(&output.stdout)
    );
}

/// Before the end of the first epoch, there are no best weights, but there is a model.
#[test]
fn a_run_that_is_stopped_in_its_first_epoch_can_write() {
    let place = place();
    // An epoch of 100,000 updates.
    let args = "train --data text --hidden-size 8 --batch-size 1 --seq-length 1 --max-epochs 1 --out run \
                --checkpoint-every 20 --val-frac 0.01";
    let args: Vec<&str> = args.split_whitespace().collect();
    place.file("text", words(200_000));
    let mut program = begin(&place, &args, "run");
    let run = place.path().join("run");
    program.wait_for("some updates", || count(&run, "update") > 50);
    program.signal(Signal::INT);
    assert_eq!(program.output().status.code(), Some(130));
    assert!(
        !run.join("weights.safetensors").exists(),
        "an epoch has ended"
    );

    let sample =
        |flags: &[&'static str]| place.run(&[&["sample", "--length", "5", "run"], flags].concat());
    let output = sample(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("weights after update"),
        "{}",
        text(&output.stderr)
    );
    place.fails(
        1,
        &["sample", "run", "--checkpoint", "7"],
        &["after update 7", "there are"],
    );

    // From these weights, another run.
    let from = [
        "train",
        "--init-from",
        "run",
        "--data",
        "text",
        "--batch-size",
        "50",
        "--seq-length",
        "50",
    ];
    place.succeeds(&[&from[..], &["--out", "next", "--max-epochs", "1"]].concat());
    let checkpoints = fs::read_dir(place.path().join("next/checkpoints")).expect("checkpoints");
    let names = checkpoints.map(|entry| entry.expect("a checkpoint").file_name());
    let names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    for name in names {
        let args = ["sample", "next", "--length", "5", "--checkpoint", &name];
        place.succeeds(&args);
    }
}

/// A terminal and a parent process both pass on a Ctrl-C.
#[test]
fn signals_at_the_same_time_are_one() {
    let place = place();
    let mut program = begin(&place, &endless("run"), "run");
    program.signal(Signal::STOP);
    program.signal(Signal::INT);
    program.signal(Signal::TERM);
    program.signal(Signal::CONT);
    let output = program.output();
    let code = output.status.code();
    assert!(code == Some(130) || code == Some(143), "{}", output.status);
    let out = text(&output.stdout);
    assert!(out.contains("the run is saved"), "{out}");
}

/// `nohup char_lstm` outlives its terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_ignored_stays_so() {
    let place = place();
    let mut command = Command::new("nohup");
    command
        .arg(env!("CARGO_BIN_EXE_char_lstm"))
        .args(run_of("3", "run"));
    command
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut program = Running::start(&mut command);
    let run = place.path().join("run");
    program.wait_for("some updates", || count(&run, "update") > 5);
    program.signal(Signal::HUP);
    assert!(program.output().status.success());
}

#[test]
fn a_second_run_on_a_folder_is_refused() {
    let place = place();
    let args = endless("run");
    let program = begin(&place, &args, "run");
    let process = program.id().to_string();
    for args in [&["train", "--resume", "run"][..], &args] {
        place.fails(
            1,
            args,
            &["run: another run trains in this folder", &process],
        );
    }
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
