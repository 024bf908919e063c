//! A bidirectional [`Lstm`](models::Lstm) learns whether a series ends above its start. The series are of
//! unequal length, so a batch is padded: once the network knows their [`Lengths`](models::Lengths), once it
//! takes padding for input.
//!
//! `cargo run -p padded` writes `padded.svg`, or the file named by its argument.

mod classifier;
mod plot;
mod series;

use std::{path::PathBuf, process::ExitCode};

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use clap::Parser;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use classifier::Padding;
use series::{LONGEST, SHORTEST, Series};

const SEED: u64 = 1;
const SERIES_PER_LENGTH: usize = 200;

/// A bidirectional LSTM classifies series of unequal length, with and without their lengths
#[derive(Parser)]
struct Arguments {
    /// File to draw the accuracy in
    #[arg(default_value = "padded.svg")]
    file: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { file } = Arguments::parse();
    println!("does a series of {SHORTEST} to {LONGEST} values end above its start?");
    let device = Default::default();
    let lengths = (SHORTEST..=LONGEST).flat_map(|length| [length; SERIES_PER_LENGTH]);
    let test = Series::random(lengths, &mut ChaCha8Rng::seed_from_u64(SEED + 1));
    let judge = |padding: Padding| {
        println!("{}:", padding.label());
        let model = classifier::train::<Autodiff<NdArray<f32>>>(padding, SEED, &device);
        let right = model.judge(&test, padding, &device);
        right
            .chunks(SERIES_PER_LENGTH)
            .map(share)
            .collect::<Vec<_>>()
    };
    let curves = [Padding::Skipped, Padding::Read].map(|padding| (padding, judge(padding)));

    println!("accuracy on series it has never seen:");
    for (padding, by_length) in &curves {
        let mean = by_length.iter().sum::<f32>() / by_length.len() as f32;
        println!(
            "{:<17} {:.1} %",
            format!("{}:", padding.label()),
            100.0 * mean
        );
    }
    if let Err(error) = plot::draw(&file, &curves) {
        eprintln!("error: {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    println!("wrote {}", file.display());
    ExitCode::SUCCESS
}

fn share(right: &[bool]) -> f32 {
    right.iter().filter(|&&right| right).count() as f32 / right.len() as f32
}
