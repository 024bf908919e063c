//! What each part of the recipe of `char_lstm train --preset shakespeare` brings: the recipe, then the same with
//! one part changed at a time.
//!
//! For tiny Shakespeare, each with the same single seed:
//!
//! | | parameters | nats per character | after epoch |
//! | --- | ---: | ---: | ---: |
//! | the recipe | 3951665 | 1.4197 | 9 |
//! | without dropout between layers | 3951665 | 1.4174 | 8 |
//! | without weight dropout | 3951665 | 1.4259 | 8 |
//! | variational dropout between layers instead | 3951665 | 1.4273 | 8 |
//! | Gru | 2975025 | 1.4398 | 9 |
//!
//! Weight dropout brings most; beside it, dropout between layers brings nothing within ten epochs.

mod cells;

use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use clap::Parser;
use train::{Corpus, Event, Run, RunConfig, RunFolder, Units};

use cells::{RecipeCell, RecipeKind};

/// Train the recipe of `char_lstm train --preset shakespeare` and variants of it, and print their losses
#[derive(Parser)]
struct Args {
    /// Text
    text: PathBuf,
    /// Folder for the runs, a new one
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Passes over the text [default: the preset's]
    #[arg(long, value_name = "N")]
    epochs: Option<NonZeroUsize>,
    /// Units per layer [default: the preset's]
    #[arg(long, value_name = "N")]
    hidden_size: Option<NonZeroUsize>,
    /// Train only this variant, by its number; may be given several times
    #[arg(long, value_name = "N")]
    only: Vec<usize>,
}

type Config = RunConfig<RecipeKind>;

/// What is changed, and how.
type Variant = (&'static str, fn(Config) -> Config);

const VARIANTS: &[Variant] = &[
    ("the recipe", |c| c),
    ("without dropout between layers", |c| Config {
        dropout: 0.0,
        ..c
    }),
    ("dropout of 0.5", |c| Config { dropout: 0.5, ..c }),
    ("without weight dropout", |c| Config {
        weight_dropout: 0.0,
        ..c
    }),
    ("variational dropout between layers instead", |c| Config {
        dropout: 0.0,
        model: RecipeKind::VariationalLstm,
        ..c
    }),
    ("zoneout of 0.1 instead of weight dropout", |c| Config {
        weight_dropout: 0.0,
        model: RecipeKind::ZoneoutLstm,
        ..c
    }),
    ("batches of 32", |c| Config {
        batch_size: 32,
        learning_rate: 3e-3,
        ..c
    }),
    ("Gru", |c| Config {
        model: RecipeKind::Gru,
        ..c
    }),
    ("CoupledLstm", |c| Config {
        model: RecipeKind::CoupledLstm,
        ..c
    }),
    ("Rnn", |c| Config {
        model: RecipeKind::Rnn,
        ..c
    }),
];

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    if let Some(i) = args.only.iter().find(|&&i| i >= VARIANTS.len()) {
        let titles = VARIANTS.iter().enumerate();
        let titles: Vec<_> = titles
            .map(|(i, (title, _))| format!("{i} {title}"))
            .collect();
        bail!("--only {i}: the variants are {}", titles.join(", "));
    }
    let corpus = Corpus::read(std::slice::from_ref(&args.text), &Units::Chars.into())?;
    println!("| | parameters | minutes | nats per character | after epoch | loss in training |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (i, (title, change)) in VARIANTS.iter().enumerate() {
        if !args.only.is_empty() && !args.only.contains(&i) {
            continue;
        }
        let mut config = change(Config::shakespeare(RecipeKind::Lstm));
        if let Some(epochs) = args.epochs {
            config.max_epochs = epochs.get();
        }
        if let Some(size) = args.hidden_size {
            config.hidden_size = size.get();
        }
        let folder = || RunFolder::create(&args.out.join(i.to_string()));
        let (mut parameters, mut last) = (0, f64::NAN);
        let listen = |event: &Event| match event {
            Event::Start { parameters: n, .. } => parameters = *n,
            Event::Epoch { train_loss, .. } => last = *train_loss,
            _ => {}
        };
        let device = Default::default();
        let run = Run::<Autodiff<NdArray>, RecipeCell<_>>::new(&corpus, &config, &device, folder)?;
        let outcome = run.go(|| false, listen)?;
        let (nats, epoch) = outcome.best.context("no part of the text is held out")?;
        let minutes = outcome.seconds / 60.0;
        println!("| {title} | {parameters} | {minutes:.1} | {nats:.4} | {epoch} | {last:.3} |");
    }
    Ok(())
}
