//! The program as a whole: in a pipe, line by line.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

fn pipe() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pipe"))
}

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut program = pipe()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = program.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = program.wait_with_output().expect("it ends");
    // After a bad line nobody reads what follows.
    let _ = writer.join().expect("the writer ends");
    output
}

fn numbers(text: &[u8]) -> Vec<f64> {
    let lines = str::from_utf8(text).expect("text").lines();
    lines.map(|line| line.parse().expect("a number")).collect()
}

#[test]
fn it_forecasts_each_next_sample_and_says_how_long_that_took() {
    let signal = run(&["generate", "--samples", "2000"], b"").stdout;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("latency.svg");
    let output = run(&["--svg", file.to_str().expect("a path in UTF-8")], &signal);
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");

    let (samples, forecasts) = (numbers(&signal), numbers(&output.stdout));
    assert_eq!(forecasts.len(), samples.len());
    let error = |forecasts: &[f64]| -> f64 {
        let pairs = forecasts.iter().zip(&samples[1..]);
        pairs.map(|(f, s)| (f - s).powi(2)).sum()
    };
    let (ours, naive) = (error(&forecasts), error(&samples));
    assert!(ours < naive / 2.0, "{ours} against {naive}");

    let words = ["2000 forecasts", "p50", "p90", "p99", "p99.9", "max"];
    assert!(words.iter().all(|word| report.contains(word)), "{report}");
    let picture = fs::read_to_string(&file).expect("a picture");
    assert!(picture.contains("From a line to its forecast"));
}

#[test]
fn a_forecast_goes_out_before_the_next_sample_comes_in() {
    let mut program = pipe()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = program.stdin.take().expect("a pipe");
    let mut forecasts = BufReader::new(program.stdout.take().expect("a pipe")).lines();
    for sample in ["0.1", "0.2", "0.3"] {
        writeln!(stdin, "{sample}").expect("it reads");
        let forecast = forecasts.next().expect("an answer").expect("text");
        assert!(forecast.parse::<f64>().is_ok(), "{forecast}");
    }
    drop(stdin);
    assert!(forecasts.next().is_none());
    assert!(program.wait().expect("it ends").success());
}

#[test]
fn a_bad_line_is_named() {
    for (input, message) in [
        (
            "1\n2\nthree\n",
            "line 3: expected a finite number, found \"three\"",
        ),
        (
            "1\nNaN\n",
            "line 2: expected a finite number, found \"NaN\"",
        ),
        ("1 2\n", "line 1: expected one number, found \"1 2\""),
        ("1\n\n2\n", "line 2: expected one number, found \"\""),
    ] {
        let output = run(&[], input.as_bytes());
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{report}");
        let last = report.lines().last();
        assert_eq!(last, Some(&*format!("error: {message}")), "{report}");
    }
    let output = run(&[], b"1\n\xff\n");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{report}");
    assert!(report.contains("error: line 2: "), "{report}");
}
