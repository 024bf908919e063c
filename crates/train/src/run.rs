//! The training loop.

use std::time::Instant;

use burn::{
    module::Module,
    tensor::backend::{AutodiffBackend, Backend},
};
use models::CharLm;

use crate::{
    clip::weight_norm,
    config::RunConfig,
    corpus::Corpus,
    error::Error,
    events::{Event, bits_per_char},
    memory,
    run_folder::RunFolder,
    sample::{Sampler, TextStream},
    tbptt::evaluate,
    trainer::{Trainer, finite},
    vocab::Vocab,
    windows::{Windows, split},
};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome<B: Backend> {
    /// The model that the folder holds: of the best validation loss, or of the last epoch.
    pub model: CharLm<B>,
    /// The best validation loss in nats and the epoch it was reached after, if there was validation.
    pub best: Option<(f64, usize)>,
    /// Epochs done: fewer than asked for where [`patience`](RunConfig::patience) ended the run.
    pub epochs: usize,
    /// Seconds spent on updates and validation.
    pub seconds: f64,
}

/// Trains a new model on `corpus`, leaves it in `folder` and tells `listen` about it.
///
/// The same corpus, settings and backend give the same weights, bit for bit. (Dropout draws from the
/// backend's random numbers, which Burn keeps once per process: with dropout this holds for one run
/// at a time.)
///
/// # Errors
///
/// Where a setting is out of its range, the text is too short, the folder cannot be written, or
/// training diverges.
pub fn train<B: AutodiffBackend>(
    corpus: &Corpus,
    config: &RunConfig,
    device: &B::Device,
    folder: &RunFolder,
    mut listen: impl FnMut(&Event),
) -> Result<Outcome<B::InnerBackend>, Error> {
    config.validate()?;
    let (windows, val_windows) = split(corpus, config)?;
    let epoch_length = windows.n_windows();
    let vocab_size = corpus.vocab.size();
    let mut trainer = Trainer::<B>::new(config, vocab_size, epoch_length, device);
    let mut best_model = trainer.model();

    folder.save_settings(config, &corpus.vocab)?;
    let mut metrics = folder.metrics()?;
    let mut tell = |event: Event| {
        listen(&event);
        metrics.log(&event)
    };
    tell(Event::Start {
        parameters: best_model.num_params(),
        vocab_size,
        train_symbols: windows.targets(),
        val_symbols: val_windows.as_ref().map_or(0, Windows::targets),
        epoch_length,
        updates: epoch_length * config.max_epochs,
    })?;

    let started = Instant::now();
    while !trainer
        .progress()
        .is_over(config.max_epochs, config.patience)
    {
        while trainer.window() < epoch_length {
            let update_started = Instant::now();
            let window = windows.window(trainer.progress().epoch, trainer.window())?;
            let done = trainer.update(&window)?;
            let update = trainer.progress().update;
            tell(Event::Update {
                update,
                epoch: update as f64 / epoch_length as f64,
                loss: done.loss,
                bits_per_char: bits_per_char(done.loss),
                grad_norm: done.grad_norm,
                learning_rate: done.learning_rate,
                chars_per_second: window.n_targets() as f64
                    / update_started.elapsed().as_secs_f64(),
            })?;
        }

        let trained = trainer.model();
        let evaluate = |windows| evaluate(&trained, windows, device);
        let val_loss = val_windows.as_ref().map(evaluate).transpose()?;
        let update = trainer.progress().update;
        finite(update, "validation loss", val_loss.unwrap_or_default())?;
        finite(update, "norm of the weights", weight_norm(&trained))?;
        let (train_loss, saved) = trainer.end_epoch(val_loss);
        let epoch = trainer.progress().epoch;
        if saved {
            folder.save_weights(&trained)?;
            best_model = trained.clone();
        }
        tell(Event::Epoch {
            update,
            epoch,
            train_loss,
            val_loss,
            saved,
            peak_memory: memory::peak(),
        })?;
        if epoch.is_multiple_of(config.max_epochs.div_ceil(SAMPLES)) && epoch < config.max_epochs {
            let text = sample(&trained, &corpus.vocab, config)?;
            tell(Event::Sample { epoch, text })?;
        }
    }
    Ok(Outcome {
        model: best_model,
        best: trainer.progress().best,
        epochs: trainer.progress().epoch,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// How many times a run shows what the model writes, and how much.
const SAMPLES: usize = 5;
const SAMPLE_LENGTH: usize = 160;

fn sample<B: Backend>(
    model: &CharLm<B>,
    vocab: &Vocab,
    config: &RunConfig,
) -> Result<String, Error> {
    let documents = config.documents.as_ref();
    let sampler = Sampler::new(model, vocab, documents, "", 1.0, config.seed)?;
    let mut stream = TextStream::new(vocab);
    let text: String = sampler
        .take(SAMPLE_LENGTH)
        .map(|token| stream.push(token))
        .collect();
    Ok(text + &stream.finish())
}
