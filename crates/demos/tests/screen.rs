//! What a terminal shows fits into its columns.
#![cfg(unix)]
#![allow(missing_docs)]

mod common;

use std::{io::Read, process::Command, thread};

use common::{Place, events::Running, terminal, text, words};

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
        let shown = shown(&place, columns, &args);
        let plain = console::strip_ansi_codes(&shown);
        let (report, _) = plain.split_once("sample:").expect("a sample at the end");
        let lines: Vec<&str> = report.split(['\r', '\n']).collect();
        for line in &lines {
            let width = console::measure_text_width(line);
            assert!(
                width <= columns.into(),
                "{width} of {columns} columns: {line:?}"
            );
        }
        for part in ["loss ", "validation ", "(best)"] {
            assert!(
                report.contains(part),
                "{columns} columns: no {part}in {report}"
            );
        }
        assert!(!report.contains(" 0s left"), "{report}");
    }
}
