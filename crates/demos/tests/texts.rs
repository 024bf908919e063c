//! Texts from files, folders and archives, through the whole program.
#![allow(missing_docs)]

mod common;

use std::fs;

#[cfg(unix)]
use common::events::Running;
use common::{Place, TINY, text};

#[test]
fn several_files_and_a_folder() {
    let place = Place::new();
    place.file("one.txt", "hello world\n".repeat(20));
    place.file("two.txt", "abcabcab\n".repeat(20));
    fs::create_dir(place.path().join("more")).unwrap();
    place.file("more/three.txt", "xyzzy\n".repeat(20));
    place.file("more/image.png", b"\x89PNG\0");
    for data in [
        &["--data", "one.txt", "two.txt", "more"][..],
        &["--data", "one.txt", "--data", "two.txt", "--data", "more"],
    ] {
        let shown = place.succeeds(&[TINY, data].concat());
        for part in [
            "one.txt and 2 more: 540 characters",
            "left out more/image.png (",
        ] {
            assert!(shown.contains(part), "{part:?} is not in\n{shown}");
        }
    }
    let config = place.read("runs/one-2/config.json");
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    // The run can be resumed from any folder.
    let expected = ["one.txt", "two.txt", "more"].map(|name| place.path().join(name));
    assert_eq!(config["data"], serde_json::json!(expected));

    // The same again from the saved settings.
    place.succeeds(&[
        "train",
        "--config",
        "runs/one-2/config.json",
        "--out",
        "again",
    ]);
    assert_eq!(place.losses("again"), place.losses("runs/one-1"));
}

/// A second run on the same folder does not learn from what the first one wrote there.
#[test]
fn folders_of_runs_are_no_text() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(40));
    let args = [TINY, &["--data", "."]].concat();
    for run in ["1", "2"] {
        let said = place.succeeds(&[&args[..], &["--out", run]].concat());
        assert!(said.contains(".: 480 characters"), "{said}");
        assert_eq!(
            said.contains("left out ./1 (the folder of a run)"),
            run == "2",
            "{said}"
        );
    }
    place.succeeds(&["train", "--resume", "1", "--max-epochs", "3"]);
}

#[test]
fn a_file_of_another_kind_is_called_by_its_name() {
    let place = Place::new();
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let mut tar = b"text".to_vec();
    tar.resize(257, 0);
    tar.extend(b"ustar\x0000");
    tar.resize(512, 0);
    tar.extend(b"hello world\n".repeat(40));
    for (content, told) in [
        (utf16("hello world\n"), "UTF-16"),
        (tar, "a tar archive"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), "a gzip file"),
        (b"PK\x03\x04\x14\0\0\0".to_vec(), "a zip archive"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "an xz file"),
        (b"BZh91AY&SY\xe9".to_vec(), "a bzip2 file"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), "a PDF"),
    ] {
        place.file("text", content.repeat(20));
        let told = ["text: looks like", told, "--units bytes"];
        place.fails(1, &[TINY, &["--data", "text"]].concat(), &told);
    }
    // What only begins like another kind is text.
    for text in ["BMW and MZ and PK\n", "Rar! GIF8 %PDF\n", "a\0b\0c\n"] {
        place.file("text", text.repeat(20));
        place.succeeds(&[TINY, &["--data", "text"]].concat());
    }
}

#[test]
fn archive_that_is_cut_off() {
    let place = Place::new();
    // yes hello | head -1000 | gzip -nc | head -c 18
    place.file(
        "text.txt.gz",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xed\xc4\xa1\x0d\0\0\x08\x03",
    );
    let args = [TINY, &["--data", "text.txt.gz"]].concat();
    place.fails(
        1,
        &args,
        &["text.txt.gz: cannot be decompressed", "byte offset"],
    );
}

#[test]
fn documents() {
    let place = Place::new();
    place.file("names.txt", "anna\nbob\nclara\n\ndora\n".repeat(20));
    let flags = [
        "--data",
        "names.txt",
        "--documents",
        "lines",
        "--out",
        "run",
    ];
    place.succeeds(&[TINY, &flags].concat());
    let config: serde_json::Value = serde_json::from_str(&place.read("run/config.json")).unwrap();
    assert_eq!(config["documents"], "lines");
    let wrote = place.succeeds(&["sample", "run", "--length", "50"]);
    assert_eq!(wrote.chars().count(), 51);

    place.fails(
        1,
        &[TINY, &["--data", "names.txt", "--documents", "<end>"]].concat(),
        &["1 document (separator: <end>)", "--documents"],
    );
    place.fails(
        2,
        &[TINY, &["--data", "names.txt", "--documents", ""]].concat(),
        &["--documents"],
    );
}

/// A model of documents can start a run on one long text, but its own run cannot switch.
#[test]
fn from_documents_to_one_text() {
    let place = Place::new();
    place.file("names.txt", "anna\nbob\nclara\n\ndora\n".repeat(20));
    place.file("long.txt", "abcabcab".repeat(20));
    let documents = ["--data", "names.txt", "--documents", "lines"];
    place.succeeds(&[TINY, &documents, &["--out", "run"]].concat());
    let init = ["train", "--init-from", "run", "--out", "new"];
    let one_text = ["--data", "long.txt", "--documents", "none"];
    place.succeeds(&[&init[..], &one_text].concat());
    let config: serde_json::Value = serde_json::from_str(&place.read("new/config.json")).unwrap();
    assert!(config["documents"].is_null());
    place.fails(
        2,
        &["train", "--resume", "run", "--documents", "none"],
        &["--documents none", "has lines"],
    );
}

/// Each file is over 16 MiB, the size from which a text stays in its file.
#[cfg(unix)]
#[test]
fn more_large_files_than_may_be_open() {
    let place = Place::new();
    fs::create_dir(place.path().join("many")).unwrap();
    for i in 0..50 {
        let file = fs::File::create(place.path().join(format!("many/{i}"))).unwrap();
        file.set_len((16 << 20) + 1).unwrap();
    }
    place.file("many/letters", "abc");
    let flags = "--data many --units bytes --out run --seq-length 5 --hidden-size 8 --max-epochs 1";
    let program = env!("CARGO_BIN_EXE_char_lstm");
    let limited = |limit: &str| {
        let train = format!("ulimit {limit} 40 && exec {program} train {flags}");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &train]).current_dir(place.path());
        shell.stdout(std::process::Stdio::null());
        shell
    };
    let refused = limited("-n").output().unwrap();
    let error = text(&refused.stderr);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains("many/") && error.contains("open files"),
        "{error}"
    );

    let log = place.path().join("run/metrics.jsonl");
    Running::start(&mut limited("-Sn")).wait_for("its log", || log.exists());
}

/// A file of zeros but for its ends, `size` long, is trained on for a moment; gives how many megabytes
/// the process had in memory at most, and the seconds until its first update.
#[cfg(target_os = "linux")]
fn memory_and_start(size: u64) -> (u64, f64) {
    use std::{
        io::{Seek, SeekFrom, Write},
        process::{Command, Stdio},
        time::Instant,
    };
    let place = Place::new();
    let mut file = fs::File::create(place.path().join("large.bin")).unwrap();
    file.write_all(b"begin").unwrap();
    file.seek(SeekFrom::Start(size - 3)).unwrap();
    file.write_all(b"end").unwrap();

    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_char_lstm"));
    command
        .args("train --data large.bin --units bytes --out run".split(' '))
        .current_dir(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut run = Running::start(&mut command);
    let log = place.path().join("run/metrics.jsonl");
    let updates = |n| {
        let events = fs::read_to_string(&log).unwrap_or_default();
        events.matches("\"update\"").count() >= n
    };
    run.wait_for("its first update", || updates(1));
    let seconds = started.elapsed().as_secs_f64();
    run.wait_for("its 20th update", || updates(20));
    let status = fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    (peak / 1024, seconds)
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_text() {
    let (small, _) = memory_and_start(30 << 20);
    let (large, _) = memory_and_start(300 << 20);
    println!("{small} MB at 30 MiB, {large} MB at 300 MiB");
    assert!(
        large < small + 50,
        "{large} MB at 300 MiB, {small} MB at 30 MiB"
    );
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "two gigabytes are read, and the time of it is measured: the machine has to be free"]
fn two_gigabytes_start_at_once() {
    let (memory, seconds) = memory_and_start(2 << 30);
    println!("{memory} MB, first update after {seconds:.1} s");
    assert!(memory < 300, "{memory} MB");
    assert!(seconds < 5.0, "{seconds} s");
}

/// Settings of a run that starts, for tests of what it starts on.
fn short<'a>(data: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    let sizes = [
        "--data",
        data,
        "--seq-length",
        "5",
        "--batch-size",
        "4",
        "--out",
        "run",
    ];
    [TINY, &sizes, flags].concat()
}

#[test]
fn a_text_in_another_encoding() {
    let place = Place::new();
    let latin1: Vec<u8> = "où ça, là-bas, d'été\r\n"
        .chars()
        .map(|c| c as u8)
        .collect();
    place.file("book.txt", latin1.repeat(20));
    let told = [
        "book.txt",
        "0xf9",
        "offset 1",
        "perhaps windows-1252",
        "--encoding",
    ];
    place.fails(1, &short("book.txt", &[]), &told);
    assert!(!place.path().join("run").exists());
    let said = place.succeeds(&short("book.txt", &["--encoding", "latin1"]));
    assert!(said.contains("book.txt: 420 characters"), "{said}");
    // Everything that reads the run writes UTF-8.
    let sample = ["sample", "run", "--length", "50", "--prime-text", "où ça"];
    assert!(place.succeeds(&sample).starts_with("où ça"));
    place.succeeds(&["train", "--resume", "run", "--max-epochs", "2"]);
    let args = [
        "train",
        "--resume",
        "run",
        "--max-epochs",
        "3",
        "--encoding",
        "koi8-r",
    ];
    place.fails(
        2,
        &args,
        &["--encoding koi8-r", "windows-1252", "leave it as it is"],
    );
    place.fails(
        2,
        &short("book.txt", &["--encoding", "latin"]),
        &["--encoding", "windows-1252"],
    );

    place.file(
        "marked.txt",
        [&b"\xff\xfe"[..], &b"a\0b\0\r\0\n\0".repeat(50)].concat(),
    );
    let said = place.succeeds(&short("marked.txt", &["--out", "marked"]));
    assert!(
        said.contains("marked.txt: 150 characters, 3 distinct"),
        "{said}"
    );
    let kept = short("marked.txt", &["--out", "kept", "--keep-line-ends"]);
    let said = place.succeeds(&kept);
    assert!(
        said.contains("marked.txt: 200 characters, 4 distinct"),
        "{said}"
    );
}

/// Names and stanzas from another system.
#[test]
fn documents_with_line_ends_of_any_kind() {
    let place = Place::new();
    for (end, name) in [("\n", "unix"), ("\r\n", "windows"), ("\r", "mac")] {
        let stanzas = format!("anna{end}bob{end}{end}{end}{end}clara{end}{end}").repeat(20);
        place.file(name, stanzas);
        for (separator, documents) in [("lines", 60), (r"\n\n", 40)] {
            let out = format!("{name}-{documents}");
            let flags = ["--documents", separator, "--val-frac", "0.1", "--out", &out];
            let said = place.succeeds(&short(name, &flags));
            let (held_out, trained) = (documents / 10, documents - documents / 10);
            for told in [
                format!("{trained} documents ("),
                format!("{held_out} documents ("),
            ] {
                assert!(said.contains(&told), "{name}, {separator}: {told}\n{said}");
            }
            assert!(!place.read(&format!("{out}/vocab.json")).contains(r"\r"));
        }
    }
}

#[test]
fn documents_that_are_files_rows_or_lines() {
    let place = Place::new();
    fs::create_dir(place.path().join("poems")).unwrap();
    for n in 0..20 {
        place.file(&format!("poems/{n:02}"), format!("one{n}\n\ntwo\n"));
    }
    let row = |n: usize| format!("{n},\"a, b\nc\"\n");
    place.file(
        "poems.csv",
        "n,poem\n".to_owned() + &(0..20).map(row).collect::<String>(),
    );
    let line = |n: usize| format!("{{\"n\": {n}, \"poem\": \"a\\nb\"}}\n");
    place.file("poems.jsonl", (0..20).map(line).collect::<String>());
    for (data, flags) in [
        ("poems", ["--documents", "files"]),
        ("poems.csv", ["--csv", "poem"]),
        ("poems.csv", ["--csv", "2"]),
        ("poems.jsonl", ["--jsonl", "poem"]),
    ] {
        let number = if flags[1] == "2" { 20 } else { 19 };
        let args = [&flags[..], &["--out", data, "--val-frac", "0.05"]].concat();
        fs::remove_dir_all(place.path().join("run")).ok();
        let out = ["--out", "run"];
        let said = place.succeeds(&short(data, &[&args[..], &out].concat()));
        assert!(said.contains(&format!("{number} documents (")), "{said}");
        assert!(said.contains(", 1 document ("), "{said}");
        // The end of a document is no control character on the screen, and one document follows another.
        place.succeeds(&["sample", "run", "--length", "20"]);
        place.succeeds(&["train", "--resume", "run", "--max-epochs", "2"]);
    }
    place.fails(
        1,
        &short("poems.csv", &["--csv", "body", "--out", "x"]),
        &["poems.csv: line 1", "n, poem"],
    );
    place.fails(
        1,
        &short("poems.jsonl", &["--jsonl", "body", "--out", "x"]),
        &["poems.jsonl: line 1", "n, poem"],
    );
    place.fails(
        2,
        &short("poems", &["--csv", "a", "--jsonl", "b"]),
        &["--csv", "--jsonl"],
    );
}

/// From the text to a sample, resumed and carried on to the bit.
#[test]
fn words_and_pieces() {
    let place = Place::new();
    place.file(
        "text",
        "the cat sat on the mat, the dog sat on the cat\n".repeat(20),
    );
    place.file(
        "other",
        "a dog sat on a mat; the bird sat on the dog\n".repeat(20),
    );
    for (units, symbol) in [("words", "word"), ("pieces", "piece")] {
        let flags = [
            "--units",
            units,
            "--vocab-size",
            "12",
            "--max-epochs",
            "2",
            "--out",
            units,
        ];
        let said = place.succeeds(&short("text", &flags));
        assert!(said.contains(&format!("nats per {symbol}")), "{said}");
        assert!(said.contains("bits per character"), "{said}");

        let half = format!("{units}-half");
        place.succeeds(&short(
            "text",
            &[&flags[..], &["--max-epochs", "1", "--out", &half]].concat(),
        ));
        place.succeeds(&["train", "--resume", &half, "--max-epochs", "2"]);
        assert_eq!(place.losses(&half), place.losses(units));

        let sample = ["sample", units, "--length", "30", "--prime-text", "the cat"];
        assert!(place.succeeds(&sample).starts_with("the cat"));
        place.fails(
            2,
            &["sample", units, "--prime-text", "the é"],
            &["'é'", "--unknown skip"],
        );
        let skip = [
            "sample",
            units,
            "--prime-text",
            "the é",
            "--unknown",
            "skip",
        ];
        place.succeeds(&skip);

        let tuned = format!("{units}-tuned");
        let init = [
            "train",
            "--init-from",
            units,
            "--data",
            "other",
            "--out",
            &tuned,
        ];
        place.succeeds(&init);
        let again = format!("{units}-again");
        place.succeeds(&[
            "train",
            "--init-from",
            units,
            "--data",
            "other",
            "--out",
            &again,
        ]);
        assert_eq!(place.losses(&tuned), place.losses(&again));
        place.succeeds(&["plot", units, &tuned]);
    }
    let other = [
        "train",
        "--init-from",
        "words",
        "--data",
        "other",
        "--units",
        "chars",
    ];
    place.fails(2, &other, &["--units chars", "the run has words"]);
}

#[test]
fn rare_characters_are_one_unknown_symbol() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(20) + "äöü");
    let said = place.succeeds(&short("text", &["--min-count", "5"]));
    assert!(said.contains("243 characters, 10 distinct"), "{said}");
    place.succeeds(&["sample", "run", "--prime-text", "käse", "--length", "10"]);
}

#[test]
fn another_text_to_validate_on() {
    let place = Place::new();
    place.file("text", "abcabcabd".repeat(40));
    place.file("held-out", "dcbad".repeat(20));
    let args = short("text", &["--val-data", "held-out"]);
    let said = place.succeeds(&args);
    assert!(
        said.contains("340 symbols to train on, 99 held out"),
        "{said}"
    );
    place.succeeds(&["train", "--resume", "run", "--max-epochs", "2"]);
    place.file("held-out", "dcbaa".repeat(20));
    let resume = ["train", "--resume", "run", "--max-epochs", "3"];
    place.fails(1, &resume, &["the text to validate on", "--val-data"]);
}

#[test]
fn validation_within_an_epoch() {
    let place = Place::new();
    place.file("text", "hello world\n".repeat(40));
    let said = place.succeeds(&short("text", &["--eval-every", "5", "--max-epochs", "1"]));
    let log = place.read("run/metrics.jsonl");
    let events = |name: &str| log.matches(&format!("{{\"event\":\"{name}\"")).count();
    let updates = events("update");
    assert_eq!(events("evaluation"), (updates - 1) / 5, "{log}");
    assert_eq!(events("evaluation"), events("sample"));
    assert!(said.contains("epoch 0."), "{said}");
    // They change nothing but the log.
    place.succeeds(&short(
        "text",
        &["--eval-every", "0", "--max-epochs", "1", "--out", "without"],
    ));
    assert_eq!(place.losses("run"), place.losses("without"));
}
