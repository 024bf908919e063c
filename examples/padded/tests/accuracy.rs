//! The program as a whole: the network that knows the lengths is right more often.

use std::{fs, path::Path, process::Command};

#[test]
fn lengths_keep_padding_out_of_the_answer() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("padded.svg");
    let program = Command::new(env!("CARGO_BIN_EXE_padded"))
        .arg(&file)
        .output();
    let output = program.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");

    let accuracy = |what: &str| -> f64 {
        let line = text.lines().rfind(|line| line.starts_with(what));
        let number = line.and_then(|line| line.split_whitespace().rev().nth(1));
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no {what:?} in {text}"))
    };
    let (with, without) = (accuracy("with lengths"), accuracy("without lengths"));
    assert!(
        with > 95.0 && with > without + 10.0,
        "{with} against {without}"
    );

    let picture = fs::read_to_string(&file).expect("a picture");
    assert!(picture.contains("Does a series end above its start?"));
}
