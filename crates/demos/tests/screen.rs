//! What a terminal shows fits into its columns.
#![cfg(unix)]
#![allow(missing_docs)]

mod common;

use std::{io::Read, process::Command, thread};

use common::{Place, events::Running, terminal, text, words};
use demos::view::Wrapping;

/// Runs `char_lstm` in a terminal of so many columns, and returns all that it wrote there.
fn shown(place: &Place, columns: u16, args: &str) -> String {
    let (mut ours, its) = terminal::open(columns);
    let mut command = Command::new(env!("CARGO_BIN_EXE_char_lstm"));
    command
        .current_dir(place.path())
        .args(args.split_whitespace())
        .env("TERM", "xterm")
        .stdout(its.try_clone().expect("its end"))
        .stderr(its);
    let mut program = Running::start(&mut command);
    // The program's end of the terminal closes with it.
    drop(command);
    let reader = thread::spawn(move || {
        let (mut all, mut block) = (Vec::new(), [0; 1024]);
        while let Ok(n @ 1..) = ours.read(&mut block) {
            all.extend(&block[..n]);
        }
        all
    });
    let output = program.output();
    let shown = text(&reader.join().expect("what it wrote"));
    assert!(output.status.success(), "{shown}");
    shown
}

#[test]
fn every_line_fits_the_terminal() {
    let place = Place::new();
    place.file("text", words(20_000));
    for columns in [40, 60, 80, 200] {
        let args = format!(
            "train --data text --hidden-size 32 --max-epochs 6 --batch-size 20 --out {columns}"
        );
        let training = shown(&place, columns, &args);
        let plain = console::strip_ansi_codes(&training);
        // Commands are not broken: they are to be pasted.
        let (report, _) = plain.split_once("The run is in").expect("how to go on");
        assert!(report.contains("sample:"), "{report}");
        assert_fits(report, columns);
        for part in ["loss ", "validation ", "(best)"] {
            assert!(
                report.contains(part),
                "{columns} columns: no {part}in {report}"
            );
        }
        assert!(!report.contains(" 0s left"), "{report}");

        let sample = shown(&place, columns, &format!("sample {columns} --length 500"));
        assert_fits(&sample, columns);
    }
}

fn assert_fits(shown: &str, columns: u16) {
    for line in shown.split(['\r', '\n']) {
        let width = console::measure_text_width(line);
        assert!(
            width <= columns.into(),
            "{width} of {columns} columns: {line:?}"
        );
    }
}

/// The text, one symbol after another.
fn wrapped(text: &str, width: usize) -> String {
    let mut wrapping = Wrapping::new(width);
    let symbols = text
        .chars()
        .map(|symbol| wrapping.push(&symbol.to_string()));
    let shown: String = symbols.collect();
    shown + &wrapping.finish()
}

#[test]
fn lines_break_between_words() {
    for (text, width, expected) in [
        ("one two three", 20, "one two three"),
        ("one two three", 7, "one two\nthree"),
        ("one two three", 6, "one\ntwo\nthree"),
        ("one\n\n  two three", 6, "one\n\n  two\nthree"),
        ("\tone two", 12, "\tone\ntwo"),
        ("   four", 4, "four"),
        ("overlong word", 4, "over\nlong\nword"),
        ("日本語です", 4, "日本\n語で\nす"),
    ] {
        assert_eq!(wrapped(text, width), expected, "{width} columns");
    }
}

#[test]
fn all_but_the_last_word_is_shown_at_once() {
    let mut wrapping = Wrapping::new(80);
    assert_eq!(wrapping.push("one two thr"), "one two");
    assert_eq!(wrapping.push("ee\n"), " three\n");
}
