//! The file of settings: what is read, and what is refused.

use super::*;

fn load(content: &str) -> Result<RunConfig, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    fs::write(&path, content).expect("written");
    RunConfig::load(&path)
}

#[test]
fn saved_settings_are_loaded() {
    let other = RunConfig {
        data: vec!["some/text.txt".into(), "more.gz".into()],
        units: Units::Bytes,
        val_frac: 1.0 / 3.0,
        model: CellKind::Rnn,
        dropout: 0.1,
        weight_dropout: 0.2,
        schedule: Schedule::Plateau {
            factor: 0.5,
            patience: 3,
        },
        patience: Some(10),
        grad_clip: Clip::Off,
        optimizer: OptimizerConfig::AdaGrad,
        seed: u64::MAX,
        split: Split::Lanes,
        ..RunConfig::default()
    };
    for config in [RunConfig::default(), RunConfig::char_rnn(), other] {
        let file = tempfile::NamedTempFile::new().expect("a file");
        config.save(file.path()).expect("saved");
        assert_eq!(RunConfig::load(file.path()).expect("loaded"), config);
    }
}

#[test]
fn settings_that_are_left_out_have_their_defaults() {
    assert_eq!(load("{}").expect("settings"), RunConfig::default());
    let expected = RunConfig {
        hidden_size: 7,
        ..RunConfig::default()
    };
    assert_eq!(load(r#"{"hidden_size": 7}"#).expect("settings"), expected);
}

/// Before a text could be several files, `data` was a path or null.
#[test]
fn settings_of_older_versions_are_loaded() {
    for (content, expected) in [
        (r#"{"data": null}"#, &[][..]),
        (r#"{"data": "a.txt"}"#, &["a.txt"]),
        (r#"{"data": ["a", "b"]}"#, &["a", "b"]),
    ] {
        let data = load(content).expect("settings").data;
        let expected: Vec<&Path> = expected.iter().map(Path::new).collect();
        assert_eq!(data, expected);
    }
    let message = load(r#"{"data": 7}"#).expect_err("a number").to_string();
    assert!(message.contains("a path or a list of paths"), "{message}");
}

#[test]
fn an_unknown_key_is_named() {
    let error = load(r#"{"hidden_size": 7, "hiden_layers": 2}"#).expect_err("a typo");
    let message = error.to_string();
    assert!(
        message.contains("config.json") && message.contains("hiden_layers"),
        "{message}"
    );
}

#[test]
fn a_setting_out_of_its_range_is_named() {
    for (key, value) in [
        ("hidden_size", "0"),
        ("num_layers", "0"),
        ("seq_length", "0"),
        ("batch_size", "0"),
        ("max_epochs", "0"),
        ("val_frac", "1.0"),
        ("val_frac", "-0.1"),
        ("dropout", "1"),
        ("dropout", "-1e-9"),
        ("weight_dropout", "1"),
        ("weight_dropout", "-1e-9"),
        ("learning_rate", "0"),
        ("learning_rate", "-1"),
        ("patience", "0"),
        ("initializer", r#"{"uniform": {"bound": 0}}"#),
        ("initializer", r#"{"uniform": {"bound": -1}}"#),
    ] {
        let error = load(&format!("{{\"{key}\": {value}}}")).expect_err(key);
        let message = error.to_string();
        assert!(
            message.contains("config.json") && message.contains(key),
            "{message}"
        );
    }
}

#[test]
fn what_waits_for_a_better_validation_loss_needs_one() {
    for (key, value) in [("patience", "3"), ("schedule", "\"plateau:0.5:3\"")] {
        let held_out = load(&format!("{{\"{key}\": {value}}}"));
        assert!(held_out.is_ok(), "{held_out:?}");
        let error = load(&format!("{{\"{key}\": {value}, \"val_frac\": 0.0}}")).expect_err(key);
        let message = error.to_string();
        assert!(
            message.contains(key) && message.contains("hold out a part of the text"),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_such_setting_is_an_error_in_its_line() {
    for setting in [
        r#""hidden_size": -1"#,
        r#""hidden_size": 1.5"#,
        r#""hidden_size": 1e400"#,
        r#""hidden_size": 123456789012345678901234567890"#,
        r#""learning_rate": null"#,
        r#""learning_rate": "fast""#,
        r#""model": "gru2""#,
        r#""units": "sentences""#,
        r#""encoding": "utf-7""#,
        r#""split": "head""#,
        r#""optimizer": "rmsprop:1""#,
        r#""schedule": "decay:0:1""#,
        r#""schedule": "plateau:0.5:0""#,
        r#""patience": 1.5"#,
        r#""grad_clip": "norm:-1""#,
        r#""grad_clip": 5"#,
        r#""initializer": "zeros""#,
        r#""seed": -1"#,
    ] {
        let error = load(&format!("{{\n{setting}\n}}")).expect_err(setting);
        let message = error.to_string();
        assert!(matches!(error, Error::Foreign { .. }), "{message}");
        assert!(
            message.contains("config.json") && message.contains("line"),
            "{message}"
        );
    }
}

#[test]
fn settings_that_contradict_each_other_are_errors() {
    for setting in [
        r#""units": "bytes", "encoding": "gb18030""#,
        r#""units": "bytes", "csv": "text""#,
        r#""csv": "a", "jsonl": "b""#,
        r#""min_count": 0"#,
        r#""split": "random""#,
    ] {
        let message = load(&format!("{{{setting}}}"))
            .expect_err(setting)
            .to_string();
        let name = setting.rsplit(": ").nth(1).expect("a name");
        let name = name.rsplit('"').nth(1).expect("in quotes");
        assert!(message.contains(&format!(": {name} ")), "{message}");
    }
}

#[test]
fn what_is_no_json_is_an_error() {
    for content in [
        "",
        "{",
        "[1]",
        "null",
        "{}{}",
        "\u{feff}{}",
        "hidden_size = 7",
    ] {
        let error = load(content).expect_err(content);
        assert!(error.to_string().contains("config.json"), "{error}");
    }
}
