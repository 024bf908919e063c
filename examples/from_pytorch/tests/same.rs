//! The program as a whole: it forecasts what PyTorch forecasts, and draws both.

use std::{fs, path::Path, process::Command};

#[test]
fn it_forecasts_what_pytorch_forecasts() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("from_pytorch.svg");
    let program = Command::new(env!("CARGO_BIN_EXE_from_pytorch"))
        .arg(&file)
        .output();
    let output = program.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");

    let first = text.lines().next();
    assert_eq!(first, Some("model.pt: 8 parameters loaded"), "{text}");
    assert!(!text.contains("unused"), "{text}");
    for what in ["whole series:", "streamed:"] {
        let line = text.lines().find(|line| line.starts_with(what));
        let number = line.and_then(|line| line.split_whitespace().last());
        let difference: f64 = number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no {what:?} in {text}"));
        assert!(difference < 1e-5, "{text}");
    }
    assert!(
        text.lines()
            .all(|line| line.chars().count() <= 80 || line.starts_with("wrote"))
    );

    let picture = fs::read_to_string(&file).expect("a picture");
    assert!(picture.contains("A PyTorch model forecasts the next hour"));
}
