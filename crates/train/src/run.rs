//! The training loop.

use std::time::Instant;

use burn::{
    module::{AutodiffModule, Module},
    optim::GradientsParams,
    tensor::{
        ElementConversion,
        backend::{AutodiffBackend, Backend},
    },
};
use models::{CharLm, RecurrentState};

use crate::{
    clip::{clip, global_norm, weight_norm},
    config::RunConfig,
    corpus::Corpus,
    error::Error,
    events::{Event, bits_per_char},
    lanes::split,
    run_folder::RunFolder,
    sample::{Sampler, TextStream},
    tbptt::{evaluate, loss},
    vocab::Vocab,
};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome<B: Backend> {
    /// The model that the folder holds: of the best validation loss, or of the last epoch.
    pub model: CharLm<B>,
    /// The best validation loss in nats and the epoch it was reached after, if there was validation.
    pub best: Option<(f64, usize)>,
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
    let (lanes, val_lanes) = split(corpus, config)?;
    let epoch_length = lanes.n_windows(config.seq_length);
    let updates = epoch_length * config.max_epochs;

    let mut model = config
        .char_lm(corpus.vocab.size())
        .init_seeded::<B>(config.seed, device);
    let mut optimizer = config.optimizer.init::<B>();

    folder.save_settings(config, &corpus.vocab)?;
    let mut metrics = folder.metrics()?;
    let mut tell = |event: Event| {
        listen(&event);
        metrics.log(&event)
    };
    tell(Event::Start {
        parameters: model.num_params(),
        vocab_size: corpus.vocab.size(),
        train_symbols: lanes.targets(),
        val_symbols: val_lanes.as_ref().map_or(0, |lanes| lanes.targets()),
        epoch_length,
        updates,
    })?;

    let started = Instant::now();
    let mut best: Option<(f64, usize)> = None;
    let mut best_model = model.valid();
    let mut update = 0;
    for epoch in 1..=config.max_epochs {
        let mut state = None;
        let mut total_loss = 0.0;
        for window in lanes.windows(config.seq_length) {
            let update_started = Instant::now();
            // Dropout's masks are a function of the seed and the place in the run.
            B::seed(device, config.seed.wrapping_add(update as u64 + 1));

            let (loss, next) = loss(&model, &window, state, device);
            let mut grads = GradientsParams::from_grads(loss.backward(), &model);
            let loss = loss.into_scalar().elem::<f64>();
            let grad_norm = global_norm(&model, &grads);
            finite(update + 1, "loss", loss)?;
            finite(update + 1, "gradient norm", grad_norm)?;
            clip(config.grad_clip, &model, grad_norm, &mut grads);
            let factor = config.schedule.factor(update, epoch_length, updates);
            let learning_rate = config.learning_rate * factor;
            model = optimizer.step(learning_rate, model, grads);
            state = Some(next.detach());
            total_loss += loss;

            update += 1;
            tell(Event::Update {
                update,
                epoch: update as f64 / epoch_length as f64,
                loss,
                bits_per_char: bits_per_char(loss),
                grad_norm,
                learning_rate,
                chars_per_second: window.targets.len() as f64
                    / update_started.elapsed().as_secs_f64(),
            })?;
        }

        let trained = model.valid();
        let val_loss = val_lanes
            .as_ref()
            .map(|lanes| evaluate(&trained, lanes, config.seq_length, device));
        finite(update, "validation loss", val_loss.unwrap_or_default())?;
        finite(update, "norm of the weights", weight_norm(&trained))?;
        let saved = match (val_loss, best) {
            (Some(loss), Some((least, _))) => loss < least,
            _ => true,
        };
        if saved {
            folder.save_weights(&trained)?;
            best_model = trained.clone();
            best = val_loss.map(|loss| (loss, epoch));
        }
        tell(Event::Epoch {
            update,
            epoch,
            train_loss: total_loss / epoch_length as f64,
            val_loss,
            saved,
        })?;
        if epoch % config.max_epochs.div_ceil(SAMPLES) == 0 && epoch < config.max_epochs {
            let text = sample(&trained, &corpus.vocab, config.seed)?;
            tell(Event::Sample { epoch, text })?;
        }
    }
    Ok(Outcome {
        model: best_model,
        best,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Nothing that is not finite is learned from or saved.
fn finite(update: usize, what: &'static str, value: f64) -> Result<(), Error> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Error::Diverged {
            update,
            what,
            value,
        }),
    }
}

/// How many times a run shows what the model writes, and how much.
const SAMPLES: usize = 5;
const SAMPLE_LENGTH: usize = 160;

fn sample<B: Backend>(model: &CharLm<B>, vocab: &Vocab, seed: u64) -> Result<String, Error> {
    let sampler = Sampler::new(model, vocab, "", 1.0, seed)?;
    let mut stream = TextStream::new(vocab);
    let text: String = sampler
        .take(SAMPLE_LENGTH)
        .map(|token| stream.push(token))
        .collect();
    Ok(text + &stream.finish())
}
