//! The log of a run, read back: whole, damaged, cut off and foreign.

use std::fs;

use tempfile::TempDir;
use train::{Error, History, run::Point};

fn read(log: impl AsRef<[u8]>) -> History {
    let folder = folder(log);
    History::read(folder.path()).expect("a log")
}

fn folder(log: impl AsRef<[u8]>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("metrics.jsonl"), log).expect("written");
    folder
}

fn point(update: usize, epoch: f64, loss: f64) -> Point {
    Point {
        update,
        epoch,
        seconds: 0.0,
        loss,
    }
}

const LOG: &str = r#"{"event":"start","parameters":9,"epoch_length":2,"updates":4}
{"event":"update","update":1,"epoch":0.5,"loss":3.0,"grad_norm":1.0}
{"event":"update","update":2,"epoch":1.0,"loss":2.5}
{"event":"epoch","update":2,"epoch":1,"train_loss":2.75,"val_loss":2.0,"saved":true}
{"event":"sample","epoch":1,"text":"abc"}
{"event":"update","update":3,"epoch":1.5,"loss":2.0}
{"event":"update","update":4,"epoch":2.0,"loss":1.5}
{"event":"epoch","update":4,"epoch":2,"train_loss":1.75,"val_loss":1.25,"saved":true}
"#;

fn whole() -> History {
    let mut history = History::default();
    history.epoch_length = Some(2);
    history.training = vec![
        point(1, 0.5, 3.0),
        point(2, 1.0, 2.5),
        point(3, 1.5, 2.0),
        point(4, 2.0, 1.5),
    ];
    history.validation = vec![point(2, 1.0, 2.0), point(4, 2.0, 1.25)];
    history
}

#[test]
fn losses_and_where_they_were() {
    assert_eq!(read(LOG), whole());
    assert_eq!(whole().best(), Some(point(4, 2.0, 1.25)));
}

/// A run of words or pieces is comparable with one of characters, and only weights at the end of an epoch are kept.
#[test]
fn losses_are_per_character() {
    let start = r#"{"event":"start","epoch_length":2,"chars_per_symbol":4.0}"#;
    let within = r#"{"event":"evaluation","update":3,"epoch":1.5,"train_loss":2.0,"val_loss":1.0}"#;
    let mut log: Vec<&str> = LOG.lines().collect();
    log[0] = start;
    log.insert(7, within);
    let history = read(&(log.join("\n") + "\n"));
    assert_eq!(history.training[0], point(1, 0.5, 0.75));
    assert_eq!(
        history.validation,
        [
            point(2, 1.0, 0.5),
            point(3, 1.5, 0.25),
            point(4, 2.0, 0.3125)
        ]
    );
    assert_eq!(history.best(), Some(point(4, 2.0, 0.3125)));
}

#[test]
fn time_is_the_sum_of_the_updates() {
    let log = r#"{"event":"start","epoch_length":2,"train_symbols":200}
{"event":"update","update":1,"epoch":0.5,"loss":3.0,"chars_per_second":50.0}
{"event":"update","update":2,"epoch":1.0,"loss":2.5,"chars_per_second":200.0}
{"event":"epoch","update":2,"epoch":1,"train_loss":2.75,"val_loss":2.0}
"#;
    let history = read(log);
    let seconds = |points: &[Point]| points.iter().map(|point| point.seconds).collect::<Vec<_>>();
    assert_eq!(seconds(&history.training), [2.0, 2.5]);
    assert_eq!(seconds(&history.validation), [2.5]);
}

#[test]
fn of_equal_losses_the_first_is_the_best() {
    let mut history = whole();
    history.validation = [2.0, 1.0, 1.0]
        .into_iter()
        .zip(1..)
        .map(|(loss, epoch)| point(epoch, epoch as f64, loss))
        .collect();
    assert_eq!(history.best(), Some(point(2, 2.0, 1.0)));
    history.validation.clear();
    assert_eq!(history.best(), None);
}

/// Killed at any byte: what was written whole is there, and no line is called damaged.
#[test]
fn a_log_cut_off_anywhere_has_the_lines_before() {
    for cut in 0..LOG.len() {
        let history = read(&LOG[..cut]);
        assert_eq!(history.damaged, [0; 0], "at byte {cut}");
        // A line that lacks nothing but its end is whole.
        let lines = LOG[..cut].matches('\n').count();
        let lines = lines + usize::from(LOG[cut..].starts_with('\n'));
        let updates = LOG
            .lines()
            .take(lines)
            .filter(|line| line.contains("\"loss\""));
        assert_eq!(
            history.training,
            whole().training[..updates.count()],
            "at byte {cut}"
        );
    }
}

#[test]
fn damaged_lines_are_numbered_and_passed_over() {
    for damage in [
        &b"\n"[..],
        b"\0\0\0\0\0\n",
        b"\xff\xfe\n",
        b"{\"event\":\"upd{\"event\":\"update\",\"update\":2}\n",
        b"{\"event\":\"update\",\"update\":-1,\"epoch\":1,\"loss\":1}\n",
        b"{\"event\":\"update\",\"update\":1,\"epoch\":\"x\",\"loss\":1}\n",
        b"[]\n",
        b"7\n",
        b"{}\n",
    ] {
        let (first, rest) = LOG.split_once('\n').expect("lines");
        let log = [first.as_bytes(), b"\n", damage, rest.as_bytes(), damage].concat();
        let shown = String::from_utf8_lossy(damage);
        let mut expected = whole();
        expected.damaged = vec![2, 10];
        assert_eq!(read(log), expected, "{shown:?}");
    }
}

#[test]
fn a_loss_that_is_not_finite_is_a_gap() {
    for loss in ["null", "1e300", "-1e300"] {
        let log = LOG.replace("\"loss\":2.5", &format!("\"loss\":{loss}"));
        let log = log.replace("\"val_loss\":2.0", &format!("\"val_loss\":{loss}"));
        let mut expected = whole();
        expected.training.remove(1);
        expected.validation.remove(0);
        assert_eq!(read(log), expected, "{loss}");
    }
}

#[test]
fn events_that_it_does_not_know_are_no_damage() {
    let log = format!("{LOG}{{\"event\":\"later version\",\"x\":[1,{{}}]}}\n");
    assert_eq!(read(log), whole());
}

#[test]
fn an_empty_log_is_an_empty_history() {
    assert_eq!(read(""), History::default());
}

#[test]
fn a_folder_without_a_log_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = History::read(folder.path()).expect_err("no log");
    assert!(
        matches!(
            error,
            Error::NotARun {
                missing: "metrics.jsonl",
                ..
            }
        ),
        "{error}"
    );
    let nowhere = folder.path().join("nowhere");
    let error = History::read(&nowhere).expect_err("no folder");
    assert!(
        matches!(error, Error::File { ref path, .. } if *path == nowhere),
        "{error}"
    );
}
