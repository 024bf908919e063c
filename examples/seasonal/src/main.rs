//! A [`Gru`](models::Gru) forecasts a series with two seasons, a day ahead, beside the seasonal-naive
//! forecast: the value one season ago.
//!
//! `cargo run -p seasonal` writes `seasonal.svg`, or the file named by its argument.

mod forecaster;
mod plot;
mod series;

use std::{path::PathBuf, process::ExitCode};

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use clap::Parser;

use series::{DAY, WEEK};

const SEED: u64 = 1;
const SEEN: usize = 52 * WEEK;
const TEST: usize = 4 * WEEK;

/// A GRU forecasts a seasonal series, beside the value one season ago
#[derive(Parser)]
struct Arguments {
    /// File to draw the forecasts in
    #[arg(default_value = "seasonal.svg")]
    file: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { file } = Arguments::parse();
    println!("trains on 52 weeks, then forecasts each day of the 4 weeks that follow");
    let series = series::generate(SEEN + TEST, SEED);
    let (seen, test) = series.split_at(SEEN);
    let device = Default::default();
    let model = forecaster::train::<Autodiff<NdArray<f32>>>(seen, SEED, &device);

    // At each midnight, from what is known by then.
    let midnights: Vec<usize> = (SEEN..SEEN + TEST).step_by(DAY).collect();
    let gru = model.forecast(&series, &midnights, &device);
    let naive = &series[SEEN - WEEK..][..TEST];
    let (error, naive_error) = (
        mean_absolute_error(&gru, test),
        mean_absolute_error(naive, test),
    );
    println!("mean absolute error of the forecasts:");
    println!("Gru:                      {error:.3}");
    println!("the same hour a week ago: {naive_error:.3}");
    println!("ratio:                    {:.2}", error / naive_error);

    let curves = plot::Curves {
        observed: &test[..2 * WEEK],
        gru: &gru[..2 * WEEK],
        naive: &naive[..2 * WEEK],
    };
    if let Err(error) = plot::draw(&file, &curves) {
        eprintln!("error: {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    println!("wrote {}", file.display());
    ExitCode::SUCCESS
}

fn mean_absolute_error(forecast: &[f32], observed: &[f32]) -> f32 {
    let errors = forecast.iter().zip(observed).map(|(f, o)| (f - o).abs());
    errors.sum::<f32>() / observed.len() as f32
}
