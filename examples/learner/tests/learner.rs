//! The program as a whole: the learner learns, and leaves its artifacts where it was told to.

use std::{fs, path::Path, process::Command};

#[test]
fn it_learns_to_tell_waves_apart() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, artifacts) = (folder.join("learner.svg"), folder.join("artifacts"));
    let program = Command::new(env!("CARGO_BIN_EXE_learner"))
        .arg(&file)
        .arg("--artifacts")
        .arg(&artifacts)
        .output();
    let output = program.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");

    let line = text.lines().find(|line| line.starts_with("accuracy on"));
    let number = line.and_then(|line| line.split_whitespace().rev().nth(1));
    let accuracy: Option<f64> = number.and_then(|number| number.parse().ok());
    assert!(accuracy.is_some_and(|accuracy| accuracy > 90.0), "{text}");

    assert!(artifacts.join("checkpoint/model-8.mpk").is_file());
    let picture = fs::read_to_string(&file).expect("a picture");
    assert!(picture.contains("sine, square or sawtooth?"));
}

#[test]
fn a_folder_that_cannot_be_created_is_named() {
    let program = Command::new(env!("CARGO_BIN_EXE_learner"))
        .args(["--artifacts", env!("CARGO_BIN_EXE_learner")])
        .output();
    let output = program.expect("the program starts");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        report.starts_with(&format!("error: {}: ", env!("CARGO_BIN_EXE_learner"))),
        "{report}"
    );
}
