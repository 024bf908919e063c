//! A model that PyTorch trained, at work in Rust: [`load_pytorch`] puts its weights onto a Burn module, which runs
//! a whole series; a [`Stepper`](models::Stepper) runs its layers one value at a time. Both forecast what PyTorch
//! forecasts.
//!
//! `cargo run -p from_pytorch` writes `from_pytorch.svg`, or the file named by its argument. `make_model.py`
//! trained the model.

mod forecaster;
mod plot;
mod stream;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{anyhow, ensure};
use burn_ndarray::NdArray;
use models::weights::{WeightFile, load_pytorch};

use forecaster::Forecaster;
use stream::Stream;

type B = NdArray<f32>;

const DAY: usize = 24;

fn main() -> ExitCode {
    let file = std::env::args_os()
        .nth(1)
        .map_or("from_pytorch.svg".into(), PathBuf::from);
    if let Err(error) = run(&file) {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(svg: &Path) -> anyhow::Result<()> {
    let device = Default::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = WeightFile::open(folder.join("expected.safetensors"))?;
    let series = expected.read::<f32>("series")?;
    let pytorch = expected.read::<f32>("forecast")?.values;

    // PyTorch's names for what our module calls `lstm` and `head`.
    let theirs = |path: &str| {
        let path = path.replace("lstm", "encoder.rnn");
        path.replace("head", "decoder")
    };
    let file = WeightFile::open(folder.join("model.pt"))?;
    let (model, report) = load_pytorch(Forecaster::<B>::init(&device), &file, theirs);
    print!("model.pt: {report}");
    ensure!(report.is_complete(), "the module has more than the file");
    let whole = model.forward(series.clone().into_tensor(&device));
    let whole: Vec<f32> = whole.into_data().iter::<f32>().collect();

    let mut stream = Stream::new::<B>(&file, &device)?;
    let start = Instant::now();
    let values = series.values.iter();
    let streamed: Vec<f32> = values.map(|&value| stream.next(value)).collect();
    let microseconds = start.elapsed().as_secs_f64() * 1e6 / streamed.len() as f64;

    println!("forecasts of the next hour:");
    println!("hour    observed     PyTorch        ours    streamed");
    for hour in (DAY..pytorch.len()).step_by(DAY) {
        let forecasts = [&pytorch, &whole, &streamed].map(|forecasts| forecasts[hour - 1]);
        let [theirs, ours, streamed] = forecasts;
        let observed = series.values[hour];
        println!("{hour:>4} {observed:>11.6} {theirs:>11.6} {ours:>11.6} {streamed:>11.6}");
    }
    println!("largest difference from PyTorch:");
    println!("whole series: {:.1e}", difference(&whole, &pytorch));
    println!("streamed:     {:.1e}", difference(&streamed, &pytorch));
    println!("a streamed step takes {microseconds:.1} µs");

    let curves = plot::Curves {
        observed: &series.values,
        pytorch: &pytorch,
        ours: &whole,
    };
    plot::draw(svg, &curves).map_err(|error| anyhow!("{}: {error}", svg.display()))?;
    println!("wrote {}", svg.display());
    Ok(())
}

/// Returns the largest difference; NaN counts as larger than any number.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.max_by(f32::total_cmp).unwrap_or(f32::NAN)
}
