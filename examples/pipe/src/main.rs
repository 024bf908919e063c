//! A [`Stepper`](models::Stepper) in a pipe: a sample comes in on a line, the forecast of the next sample goes
//! out at once, and at the end the program says how long that took.
//!
//! ```text
//! cargo run -p pipe -- generate | cargo run -p pipe -- --svg latency.svg | tail -3
//! ```

mod forecaster;
mod latency;
mod plot;
mod signal;

use std::{
    io::{self, BufRead, ErrorKind, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, bail};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use clap::{Parser, Subcommand};

use forecaster::Forecaster;
use latency::Latencies;
use signal::Signal;

const SEED: u64 = 1;

/// Reads a number a line from standard input, and writes a forecast of the next number after each
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// File to draw a histogram of the latencies in
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Writes a noisy wave to standard output, a sample a line
    Generate {
        /// Number of samples
        #[arg(long, default_value_t = 20_000)]
        samples: usize,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Generate { samples }) => generate(samples),
        None => forecast(arguments.svg),
    };
    if let Err(error) = result {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn generate(samples: usize) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    for sample in Signal::new(SEED + 1).take(samples) {
        if !write_line(&mut output, sample)? {
            break;
        }
    }
    Ok(())
}

fn forecast(svg: Option<PathBuf>) -> anyhow::Result<()> {
    if io::stdin().is_terminal() {
        bail!("nothing to read; try: cargo run -p pipe -- generate | cargo run -p pipe");
    }
    let start = Instant::now();
    let mut forecaster = Forecaster::train::<Autodiff<NdArray<f32>>>(SEED, &Default::default());
    eprintln!("trained for {:.1} s", start.elapsed().as_secs_f64());

    let latencies = stream(io::stdin().lock(), io::stdout().lock(), &mut forecaster)?;
    eprintln!("{latencies}");
    if let Some(file) = svg {
        let drawn = plot::draw(&file, &latencies);
        drawn.map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        eprintln!("wrote {}", file.display());
    }
    Ok(())
}

/// Answers each line, until there are no more or nobody reads the answers.
fn stream(
    input: impl BufRead,
    mut output: impl Write,
    forecaster: &mut Forecaster,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::default();
    for (line, number) in input.lines().zip(1..) {
        let line = line.with_context(|| format!("line {number}"))?;
        let start = Instant::now();
        let sample = parse(&line).with_context(|| format!("line {number}"))?;
        let going_on = write_line(&mut output, forecaster.next(sample))?;
        latencies.push(start.elapsed());
        if !going_on {
            break;
        }
    }
    Ok(latencies)
}

fn parse(line: &str) -> anyhow::Result<f32> {
    let [field] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        bail!("expected one number, found {:?}", shortened(line));
    };
    match field.parse::<f32>() {
        Ok(sample) if sample.is_finite() => Ok(sample),
        _ => bail!("expected a finite number, found {:?}", shortened(field)),
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(30).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Writes a number through to the reader. Returns whether there still is one.
fn write_line(output: &mut impl Write, value: f32) -> io::Result<bool> {
    match writeln!(output, "{value:.4}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}
