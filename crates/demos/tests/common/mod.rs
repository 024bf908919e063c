//! Runs the real binary in a folder of its own.
#![allow(dead_code, missing_docs)]

pub mod events;
#[cfg(unix)]
pub mod terminal;

use std::{
    fs,
    path::Path,
    process::{self, Output, Stdio},
};

use assert_cmd::Command;
use events::{LIMIT, Running};
use tempfile::TempDir;

/// A fresh working folder.
pub struct Place {
    folder: TempDir,
    program: &'static str,
}

impl Place {
    /// For `char_lstm`.
    pub fn new() -> Self {
        Self::of(env!("CARGO_BIN_EXE_char_lstm"))
    }

    /// For the program at this path.
    pub fn of(program: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Place { folder, program }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and returns its name.
    pub fn file<'a>(&self, name: &'a str, content: impl AsRef<[u8]>) -> &'a str {
        fs::write(self.path().join(name), content).expect("a file");
        name
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a text file")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.current_dir(self.path()).args(args).timeout(LIMIT);
        // Mesa complains if this is not set.
        command.env("XDG_RUNTIME_DIR", self.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    /// Starts the program without waiting for its end.
    pub fn starts(&self, args: &[&str]) -> Running {
        let mut command = process::Command::new(self.program);
        command.current_dir(self.path()).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(&mut command)
    }

    /// Runs the program, expects success and returns standard output.
    pub fn succeeds(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}\n{out}{err}");
        out
    }

    /// Runs the program and expects this exit code and one error line that contains all of `told`.
    pub fn fails(&self, code: i32, args: &[&str], told: &[&str]) {
        refused(&self.run(args), code, args, told);
    }

    /// Trains a small run.
    pub fn trained(&self) -> &'static str {
        self.file("abc.txt", "abcabcab\n".repeat(20));
        self.succeeds(&[TINY, &["--data", "abc.txt", "--out", "run"]].concat());
        "run"
    }

    /// Returns the losses of the run's updates.
    pub fn losses(&self, run: &str) -> Vec<f64> {
        let log = self.read(&format!("{run}/metrics.jsonl"));
        let events = log.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("a JSON object a line")
        });
        let updates = events.filter(|event| event["event"] == "update");
        updates
            .map(|event| event["loss"].as_f64().expect("a loss"))
            .collect()
    }
}

/// The flags of a run that takes no time.
pub const TINY: &[&str] = &[
    "train",
    "--hidden-size",
    "8",
    "--num-layers",
    "1",
    "--embedding-size",
    "4",
    "--batch-size",
    "2",
    "--seq-length",
    "5",
    "--max-epochs",
    "2",
];

/// The flags of a small model on `text`. An epoch of 25,000 [`words`] has about 120 updates.
pub const SMALL: &[&str] = &[
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
];

/// Returns the column of a CSV table called `name`. No field of ours contains a comma.
pub fn column(csv: &str, name: &str) -> Vec<String> {
    let mut lines = csv.lines();
    let header = lines.next().expect("a header");
    let place = header.split(',').position(|column| column == name);
    let place = place.unwrap_or_else(|| panic!("no column {name} in {header}"));
    let field = |line: &str| line.split(',').nth(place).expect("a field").to_owned();
    lines.map(field).collect()
}

/// Returns a text of `n` characters whose words follow no repeating order.
pub fn words(n: usize) -> String {
    let all = ["lorem", "ipsum", "dolor", "sit", "amet"];
    let nth = |i: usize| all[(i * i + i / 5) % all.len()].to_owned() + " ";
    (0..n)
        .flat_map(|i| nth(i).into_bytes())
        .take(n)
        .map(char::from)
        .collect()
}

pub fn refused(output: &Output, code: i32, args: &[&str], told: &[&str]) {
    let err = text(&output.stderr);
    let shown = format!("{args:?} ended with {}:\n{err}", output.status);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    assert_eq!(err.lines().count(), 1, "one line: {shown}");
    assert!(err.starts_with("error: "), "{shown}");
    assert!(!err.contains("panicked"), "{shown}");
    for part in told {
        assert!(err.contains(part), "does not say {part:?}: {shown}");
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
