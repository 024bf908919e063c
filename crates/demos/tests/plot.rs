//! `char_lstm plot`: what it draws from good logs, and what it says about others.
#![allow(missing_docs)]

mod common;

use std::{fs, path::Path};

use common::{Place, TINY, text};
use demos::view::{loss_curves::LossCurves, loss_terminal};
use serde_json::json;
use train::{History, run::Point};

/// Returns a log with two updates per epoch. A loss that is not finite is `null`.
fn log(losses: &[f64]) -> String {
    let mut lines = vec![json!({"event": "start", "epoch_length": 2, "updates": losses.len()})];
    for (i, loss) in losses.iter().enumerate() {
        let (update, epoch) = (i + 1, (i + 1) as f64 / 2.0);
        lines.push(json!({"event": "update", "update": update, "epoch": epoch, "loss": loss}));
        if update % 2 == 0 {
            let epoch = update / 2;
            lines.push(
                json!({"event": "epoch", "update": update, "epoch": epoch, "val_loss": loss}),
            );
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Makes a folder with this log.
fn run(place: &Place, name: &str, log: impl AsRef<[u8]>) {
    fs::create_dir_all(place.path().join(name)).unwrap();
    fs::write(place.path().join(name).join("metrics.jsonl"), log).unwrap();
}

const FALLING: [f64; 6] = [4.0, 3.0, 2.5, 2.0, 1.75, 1.5];

fn size_of_png(path: &Path) -> (u32, u32) {
    let png = fs::read(path).unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn a_trained_run_is_drawn_into_its_folder() {
    let place = Place::new();
    place.trained();
    let shown = place.succeeds(&["plot", "run"]);
    for part in [
        "run",
        "nats per character",
        "updates",
        "best validation",
        "bits",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    assert!(
        shown.contains("wrote run/plot.svg\nwrote run/plot.png\n"),
        "{shown}"
    );
    assert!(
        shown
            .chars()
            .any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)),
        "{shown}"
    );
    assert!(
        !shown.contains('\x1b'),
        "no colours where there is no terminal: {shown}"
    );

    let svg = place.read("run/plot.svg");
    for part in [
        ">updates<",
        ">loss, nats per character<",
        ">bits per character<",
        ">run<",
    ] {
        let lines = svg.replace('\n', "");
        assert!(lines.contains(part), "{part:?} is not in\n{svg}");
    }
    let (width, height) = size_of_png(&place.path().join("run/plot.png"));
    let half = format!("<svg width=\"{}\" height=\"{}\"", width / 2, height / 2);
    assert!(
        width == 1920 && svg.starts_with(&half),
        "{width} × {height}"
    );
}

/// The font is built in: two pictures that differ only in words do differ.
#[test]
fn words_are_in_the_picture() {
    let place = Place::new();
    // Those in other scripts bring in the fonts of the machine.
    for name in ["aaa", "bbb", "aaa\u{540d}", "bbb\u{540d}"] {
        run(&place, name, log(&FALLING));
        place.succeeds(&["plot", name]);
    }
    let png = |name: &str| fs::read(place.path().join(name).join("plot.png")).unwrap();
    assert!(png("aaa") != png("bbb"));
    assert!(png("aaa\u{540d}") != png("bbb\u{540d}"));
}

#[test]
fn without_a_folder_the_newest_run_is_drawn() {
    let place = Place::new();
    place.fails(2, &["plot"], &["no run in runs/ yet"]);
    run(&place, "runs/first", log(&FALLING));
    let shown = place.succeeds(&["plot"]);
    assert!(shown.contains("wrote runs/first/plot.png"), "{shown}");
}

#[test]
fn out_is_a_folder_or_a_file() {
    let place = Place::new();
    run(&place, "run", log(&FALLING));
    fs::create_dir(place.path().join("there.v2")).unwrap();
    for (out, files) in [
        ("one.svg", &["one.svg"][..]),
        ("one.PNG", &["one.PNG"]),
        (
            "new/folder",
            &["new/folder/plot.svg", "new/folder/plot.png"],
        ),
        ("there.v2", &["there.v2/plot.svg", "there.v2/plot.png"]),
    ] {
        let shown = place.succeeds(&["plot", "run", "--out", out]);
        let wrote: Vec<&str> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("wrote "))
            .collect();
        assert_eq!(wrote, files);
        for file in files {
            assert!(place.path().join(file).is_file(), "{file}");
        }
    }
    assert!(!place.path().join("run/plot.svg").exists());
    place.fails(
        2,
        &["plot", "run", "--out", "one.pdf"],
        &["--out one.pdf", ".svg or .png"],
    );
    place.fails(
        1,
        &["plot", "run", "--out", "no/where.svg"],
        &["no/where.svg", "No such file"],
    );
    place.fails(
        1,
        &["plot", "run", "--out", "/proc/plots"],
        &["/proc/plots"],
    );
}

#[test]
fn runs_are_compared_by_updates_or_where_epochs_differ_by_epochs() {
    let place = Place::new();
    run(&place, "one", log(&FALLING));
    run(&place, "two", log(&FALLING[..4]));
    let longer = log(&FALLING).replace("\"epoch_length\":2", "\"epoch_length\":3");
    run(&place, "three", longer);
    let shown = place.succeeds(&["plot", "one", "two"]);
    assert!(shown.contains(" 6 updates\n"), "{shown}");
    let shown = place.succeeds(&["plot", "one", "three"]);
    assert!(shown.contains(" 3 epochs\n"), "{shown}");
    assert!(place.read("one/plot.svg").contains("epochs"));
}

#[test]
fn nothing_to_draw() {
    let place = Place::new();
    place.fails(1, &["plot", "nowhere"], &["nowhere", "No such file"]);
    place.file("plain", "a file");
    place.fails(
        1,
        &["plot", "plain"],
        &["plain", "plain: not the folder of a run"],
    );
    fs::create_dir(place.path().join("empty")).unwrap();
    place.fails(
        1,
        &["plot", "empty"],
        &["empty: not the folder of a run", "metrics.jsonl"],
    );
    for (name, log) in [
        ("fresh", log(&[])),
        ("no-line", String::new()),
        ("diverged", log(&[f64::NAN, f64::INFINITY])),
        ("cut-off", "{\"event\":\"upda".to_owned()),
    ] {
        run(&place, name, log);
        place.fails(1, &["plot", name], &[name, "no losses yet"]);
    }
    run(&place, "foreign", "not\na\nlog\n");
    place.fails(
        1,
        &["plot", "foreign", "empty"],
        &["3 damaged lines", "line 1", "empty: not"],
    );
}

#[test]
fn what_is_damaged_is_named_and_the_rest_is_drawn() {
    let place = Place::new();
    let whole = log(&FALLING);
    let (first, rest) = whole.split_once('\n').unwrap();
    run(
        &place,
        "run",
        format!("{first}\n\0\0\0\n{rest}{{\"event\":\"upd"),
    );
    run(&place, "good", &whole);
    let output = place.run(&["plot", "run", "nowhere", "good"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(
        err.contains("run/metrics.jsonl: 1 damaged line, from line 2 on"),
        "{err}"
    );
    assert!(err.contains("nowhere"), "{err}");
    let lines = |name: &str| {
        let after = out.split_once(&format!("  {name}\n"));
        let (_, after) = after.unwrap_or_else(|| panic!("{name} in\n{out}"));
        after.lines().next().map(str::to_owned)
    };
    assert_eq!(lines("run"), lines("good"));
}

#[test]
fn gaps_and_odd_numbers_are_drawn_around() {
    let place = Place::new();
    let far = "{\"event\":\"update\",\"update\":18446744073709551615,\"epoch\":1e38,\"loss\":1}\n";
    for (name, log) in [
        ("one-update", log(&[2.0])),
        ("equal", log(&[1.0; 6])),
        ("gap", log(&[2.0, f64::NAN, 1.5, f64::INFINITY, 1.0, 1.0])),
        ("zero", log(&[0.0; 4])),
        ("spike", log(&[2.0, 3e38, 1.5, -3e38, 1.0, 1.0])),
        ("far", log(&[2.0, 1.0]) + far),
        ("backwards", log(&FALLING) + &log(&FALLING)),
        ("long-é-name with spaces & <tags>", log(&FALLING)),
    ] {
        run(&place, name, log);
        place.succeeds(&["plot", name]);
        place.succeeds(&["plot", name, "one-update"]);
    }
}

#[test]
fn the_chart_is_as_wide_as_the_terminal() {
    let point = |i: usize| Point {
        update: i,
        epoch: i as f64,
        seconds: 0.0,
        loss: 10.0 / i as f64,
    };
    let mut history = History::default();
    history.training = (1..5000).map(point).collect();
    history.validation = (1..50).map(|i| point(100 * i)).collect();
    let curves = LossCurves::new(&[(Path::new("run"), history)], None);
    for width in [40, 41, 80, 133, 400] {
        let text = loss_terminal::draw(&curves, width, 16);
        let lines = text.lines().take_while(|line| !line.is_empty());
        let widths: Vec<usize> = lines.map(|line| line.chars().count()).collect();
        assert_eq!(widths.iter().max(), Some(&width), "{text}");
    }
}

#[test]
fn every_line_fits_the_terminal() {
    let place = Place::new();
    let long = "a-run-whose-name-is-as-long-as-a-line-of-a-narrow-terminal";
    run(&place, long, log(&FALLING));
    run(&place, "short", log(&FALLING));
    let mut history = History::read(&place.path().join(long)).unwrap();
    history.training.truncate(5);
    let curves = LossCurves::new(&[(Path::new(long), history)], None);
    for width in [40, 60, 80] {
        let text = loss_terminal::draw(&curves, width, 10);
        let longest = text
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max();
        assert!(longest <= Some(width), "{width}\n{text}");
        assert!(text.contains("1.5000 (2.164"), "{text}");
    }
}

/// Small losses have labels of four digits, and none below zero; one update of one epoch is "1 update".
#[test]
fn numbers_on_the_axes() {
    let place = Place::new();
    run(&place, "small", log(&[0.05, 0.01, 0.0004, 0.0002]));
    let shown = place.succeeds(&["plot", "small", "--no-files"]);
    assert!(
        !shown.contains("-0.") && shown.contains("0.0000"),
        "{shown}"
    );
    assert!(!place.path().join("small/plot.svg").exists());
    assert!(shown.contains("after 4 updates"), "{shown}");
    let shown = place.succeeds(&[
        "plot",
        "small",
        "--x",
        "epochs",
        "--height",
        "6",
        "--no-files",
    ]);
    assert!(
        shown.contains("2 epochs") && shown.contains("after 2 epochs"),
        "{shown}"
    );
    assert_eq!(
        shown.lines().take_while(|line| !line.contains('└')).count(),
        7,
        "{shown}"
    );

    run(&place, "one", log(&[2.0]));
    let shown = place.succeeds(&["plot", "one"]);
    assert!(shown.contains("1 update\n"), "{shown}");
    // What is not there is not explained.
    let svg = place.read("one/plot.svg");
    assert!(
        !shown.contains("validation") && !svg.contains("validation"),
        "{shown}"
    );
    assert!(svg.contains("<circle"), "a single point is a dot");

    run(&place, "odd", log(&[2.0; 423]));
    let shown = place.succeeds(&["plot", "odd", "--no-files"]);
    assert!(shown.contains("212") && !shown.contains("211.5"), "{shown}");
}

#[test]
fn training_time_is_an_axis() {
    let place = Place::new();
    place.trained();
    let shown = place.succeeds(&["plot", "run", "--x", "time", "--no-files"]);
    assert!(shown.contains(" seconds\n"), "{shown}");
    place.fails(2, &["plot", "run", "--x", "days"], &["--x", "time"]);
}

/// The colours repeat from the eighth run on, and lines are dashed there; long names lose their middle.
#[test]
fn many_runs_and_long_names() {
    let place = Place::new();
    let names: Vec<String> = (0..9)
        .map(|i| format!("{i}-{}-end", "x".repeat(80)))
        .collect();
    for name in &names {
        run(&place, name, log(&FALLING));
    }
    let args: Vec<&str> = ["plot"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    place.succeeds(&args);
    let svg = place.read(&format!("{}/plot.svg", names[0]));
    assert!(
        svg.contains("0-xxx") && svg.contains("xxx-end") && svg.contains('…'),
        "{svg}"
    );
    assert!(!svg.contains(&"x".repeat(80)));
    let lines = |colour: &str| {
        svg.matches(&format!("stroke=\"{colour}\" stroke-width=\"2\""))
            .count()
    };
    assert!(
        lines("#0072B2") > 10 * lines("#CC79A7"),
        "the eighth run is dashed:\n{svg}"
    );
}

/// A killed run leaves a log that can be drawn, whatever byte it ends at.
#[test]
fn a_log_cut_off_anywhere_is_no_damage() {
    let place = Place::new();
    let tiny = TINY[..TINY.len() - 1].iter().copied().chain(["1"]);
    place.file("abc.txt", "abcabcab\n".repeat(20));
    let args: Vec<&str> = tiny.chain(["--data", "abc.txt", "--out", "run"]).collect();
    place.succeeds(&args);
    let log = fs::read(place.path().join("run/metrics.jsonl")).unwrap();
    for cut in [
        log.len() - 1,
        log.len() - 2,
        log.len() / 2,
        2 * log.len() / 3,
    ] {
        run(&place, "cut", &log[..cut]);
        let output = place.run(&["plot", "cut"]);
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new())
        );
    }
}
