//! An [`Lstm`](models::Lstm) in a model that Burn's own `Learner` trains, with its data loaders, metrics and
//! checkpoints: the network learns to tell noisy sines, squares and sawtooths apart.
//!
//! `cargo run -p learner` writes `learner.svg`, or the file named by its argument.

mod model;
mod plot;
mod silent;
mod waves;

use std::{error::Error, fs, path::Path, path::PathBuf, process::ExitCode};

use burn::{
    data::{dataloader::DataLoaderBuilder, dataset::InMemDataset},
    optim::AdamConfig,
    record::CompactRecorder,
    tensor::backend::{AutodiffBackend, Backend},
    train::{
        Learner, SupervisedTraining,
        logger::{FileMetricLogger, MetricLogger},
        metric::{AccuracyMetric, LossMetric, store::Split},
    },
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use clap::Parser;

use model::Classifier;
use silent::Silent;
use waves::WaveBatcher;

const SEED: u64 = 1;
const EPOCHS: usize = 8;
const BATCH: usize = 32;

/// Burn's Learner trains an LSTM to tell sines, squares and sawtooths apart
#[derive(Parser)]
struct Arguments {
    /// File to draw the loss in
    #[arg(default_value = "learner.svg")]
    file: PathBuf,
    /// A folder to keep logs and checkpoints in; without it they are removed at the end
    #[arg(long, value_name = "FOLDER")]
    artifacts: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let artifacts = arguments.artifacts.as_deref();
    let artifacts = artifacts.unwrap_or(temporary.path());
    // The logger of burn-train panics if it cannot create this folder.
    let for_logs = fs::create_dir_all(artifacts.join("train"));
    for_logs.map_err(|error| format!("{}: {error}", artifacts.display()))?;

    println!("trains for {EPOCHS} epochs on 2,048 waves, and validates on 512");
    let device = Default::default();
    let model = train::<Autodiff<NdArray<f32>>>(artifacts, &device);
    let losses = report(artifacts)?;
    let accuracy = accuracy(&model, &device);
    println!(
        "accuracy on 1,000 waves it has never seen: {:.1} %",
        accuracy
    );

    let file = arguments.file.display();
    plot::draw(&arguments.file, &losses).map_err(|error| format!("{file}: {error}"))?;
    println!("wrote {file}");
    Ok(())
}

fn train<B: AutodiffBackend>(artifacts: &Path, device: &B::Device) -> Classifier<B::InnerBackend> {
    let waves = |n, seed| InMemDataset::new(waves::random(n, seed));
    let training = DataLoaderBuilder::new(WaveBatcher)
        .batch_size(BATCH)
        .shuffle(SEED)
        .set_device(device.clone())
        .build(waves(2048, SEED));
    let validation = DataLoaderBuilder::new(WaveBatcher)
        .batch_size(BATCH)
        .set_device(device.clone())
        .build(waves(512, SEED + 1));

    let adam = AdamConfig::new().with_epsilon(1e-8).init();
    let learner = Learner::new(Classifier::<B>::init(SEED, device), adam, 3e-3);
    SupervisedTraining::new(artifacts, training, validation)
        .metrics((LossMetric::new(), AccuracyMetric::new()))
        .with_file_checkpointer(CompactRecorder::new())
        .num_epochs(EPOCHS)
        .renderer(Silent)
        .launch(learner)
        .model
}

/// Prints what the learner logged, and returns its losses.
fn report(artifacts: &Path) -> Result<plot::Losses, String> {
    let mut logger = FileMetricLogger::new(artifacts);
    let mut read = |name: &str, epoch: usize, split: Split| -> Result<Vec<f64>, String> {
        let entries = logger.read_numeric(name, epoch, &split)?;
        Ok(entries.iter().map(|entry| entry.current()).collect())
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;

    let mut losses = plot::Losses::default();
    println!("epoch   loss     validation   accuracy");
    for epoch in 1..=EPOCHS {
        let training = read("Loss", epoch, Split::Train)?;
        let validation = mean(&read("Loss", epoch, Split::Valid)?);
        let accuracy = mean(&read("Accuracy", epoch, Split::Valid)?);
        let loss = mean(&training);
        println!("{epoch:>5}   {loss:.4}   {validation:>10.4}   {accuracy:>6.1} %");
        losses.training.extend(training);
        losses.validation.push((losses.training.len(), validation));
    }
    Ok(losses)
}

/// Returns in how many cases of a hundred the model is right.
fn accuracy<B: Backend>(model: &Classifier<B>, device: &B::Device) -> f64 {
    let test = waves::batch::<B>(&waves::random(1000, SEED + 2), device);
    let right = model
        .forward(test.values)
        .argmax(1)
        .squeeze_dim(1)
        .equal(test.classes);
    let right = right
        .into_data()
        .iter::<bool>()
        .filter(|&right| right)
        .count();
    right as f64 / 10.0
}
