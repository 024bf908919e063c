//! The program as a whole: it learns to forecast, and draws what it forecasts.

use std::{fs, path::Path, process::Command};

#[test]
fn it_forecasts_better_than_the_last_value_does_and_draws_it() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forecast.svg");
    let program = Command::new(env!("CARGO_BIN_EXE_embed"))
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
    let (ours, naive) = (error("one step ahead"), error("the last value again"));
    assert!(ours < naive / 3.0, "{ours} against {naive}");

    let picture = fs::read_to_string(&file).expect("a picture");
    assert!(picture.contains("An LSTM forecasts a noisy wave"));
}
