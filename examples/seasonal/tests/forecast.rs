//! The program as a whole: it forecasts better than the seasonal-naive forecast does, and draws both.

use std::{fs, path::Path, process::Command};

#[test]
fn it_forecasts_better_than_the_value_one_season_ago() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seasonal.svg");
    let program = Command::new(env!("CARGO_BIN_EXE_seasonal"))
        .arg(&file)
        .output();
    let output = program.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");

    let error = |what: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(what));
        let number = line.and_then(|line| line.split_whitespace().last());
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no {what:?} in {text}"))
    };
    let (ours, naive) = (error("Gru"), error("the same hour a week ago"));
    assert!(ours < 0.9 * naive, "{ours} against {naive}");

    let picture = fs::read_to_string(&file).expect("a picture");
    assert!(picture.contains("A GRU forecasts each day at midnight"));
}
