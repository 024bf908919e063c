//! The training loop.

use std::{fs, fs::File, path::PathBuf, sync::Arc, time::Instant};

use burn::{
    module::{AutodiffModule, Module},
    tensor::backend::{AutodiffBackend, Backend},
};
use models::CharLm;

use crate::{
    checkpoint::{self, Checkpoint, Saved},
    clip::is_finite,
    config::RunConfig,
    corpus::Corpus,
    error::{Error, InFile},
    events::{Event, bits_per_char},
    memory,
    run_folder::{Metrics, RunFolder, model_from},
    sample::{Sampler, TextStream},
    saver::{Moment, Saver},
    tbptt::evaluate_unless,
    tensors,
    trainer::Trainer,
    vocab::Vocab,
    windows::{Windows, split},
};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome<B: Backend> {
    /// The model of the best validation loss, or of the last epoch without validation; before the end
    /// of the first epoch, as it is.
    pub model: CharLm<B>,
    /// The best validation loss in nats and the epoch it was reached after, if there was validation.
    pub best: Option<(f64, usize)>,
    /// Epochs done: fewer than asked for where [`patience`](RunConfig::patience) ended the run.
    pub epochs: usize,
    /// Seconds spent on updates and validation, since the run began or went on.
    pub seconds: f64,
    /// Whether it was told to stop before its end.
    pub is_stopped: bool,
}

/// A training run that is ready to begin, or to go on.
pub struct Run<'a, B: AutodiffBackend> {
    corpus: &'a Corpus,
    config: RunConfig,
    device: B::Device,
    folder: RunFolder,
    /// One run a folder.
    _lock: File,
    windows: Windows<'a>,
    val_windows: Option<Windows<'a>>,
    trainer: Trainer<B>,
    /// The file of the best weights; of no tensors before the end of the first epoch.
    best: Arc<[u8]>,
    metrics: Metrics,
    saver: Saver,
    /// Where it goes on from a checkpoint: why newer ones were passed over.
    resumed: Option<Vec<String>>,
}

/// Trains a new model on `corpus` to the end, leaves it in `folder` and tells `listen` about it.
///
/// The same corpus, settings and backend give the same weights, bit for bit. (Dropout draws from the
/// backend's random numbers, which Burn keeps once per process: with dropout this holds for one run
/// at a time.)
///
/// # Errors
///
/// Returns the errors of [`Run::new`] and [`Run::go`].
pub fn train<B: AutodiffBackend>(
    corpus: &Corpus,
    config: &RunConfig,
    device: &B::Device,
    folder: &RunFolder,
    listen: impl FnMut(&Event),
) -> Result<Outcome<B::InnerBackend>, Error> {
    let folder = || Ok(folder.clone());
    Run::<B>::new(corpus, config, device, folder)?.go(|| false, listen)
}

impl<'a, B: AutodiffBackend> Run<'a, B> {
    /// A run from the start, in a new folder, which is made once all else is known to be well.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is out of its range, the text is too short, the folder cannot
    /// be written, or another run trains in it.
    pub fn new(
        corpus: &'a Corpus,
        config: &RunConfig,
        device: &B::Device,
        folder: impl FnOnce() -> Result<RunFolder, Error>,
    ) -> Result<Self, Error> {
        Self::begin(corpus, config, device, folder, || {
            let model = config.char_lm(corpus.vocab.size());
            Ok(model.init_seeded(config.seed, device))
        })
    }

    /// A run from the start of the text and the weights of the run in `old`, whose symbols
    /// `corpus` knows under the same numbers ([`Corpus::with_known`]). What they do not say, for
    /// symbols that are new, is drawn as for a fresh model.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new), or if the weights do not fit.
    pub fn init_from(
        old: &RunFolder,
        corpus: &'a Corpus,
        config: &RunConfig,
        device: &B::Device,
        folder: impl FnOnce() -> Result<RunFolder, Error>,
    ) -> Result<Self, Error> {
        let (old_config, old_vocab) = (old.config()?, old.vocab()?);
        old_config.check_init_from(config)?;
        Self::begin(corpus, config, device, folder, || {
            let known = old.load_model::<B::InnerBackend>(&old_config, &old_vocab, device)?;
            let fresh = config.char_lm(corpus.vocab.size());
            let fresh = fresh.init_seeded::<B>(config.seed, device);
            let weights = tensors::overlaid(
                tensors::of_module(&fresh.valid()),
                &tensors::of_module(&known),
            );
            Ok(tensors::into_module(fresh, weights))
        })
    }

    fn begin(
        corpus: &'a Corpus,
        config: &RunConfig,
        device: &B::Device,
        folder: impl FnOnce() -> Result<RunFolder, Error>,
        model: impl FnOnce() -> Result<CharLm<B>, Error>,
    ) -> Result<Self, Error> {
        config.validate()?;
        let (windows, val_windows) = split(corpus, config)?;
        let epoch_length = windows.n_windows();
        let trainer = Trainer::with_model(config, model()?, epoch_length, device);
        let folder = folder()?;
        let lock = folder.lock()?;
        folder.save_settings(config, &corpus.vocab)?;
        let checkpoints = folder.checkpoints();
        fs::create_dir(&checkpoints).in_file(&checkpoints)?;
        Ok(Run {
            corpus,
            config: config.clone(),
            device: device.clone(),
            _lock: lock,
            windows,
            val_windows,
            trainer,
            best: tensors::to_bytes(&Default::default()).into(),
            metrics: folder.new_metrics()?,
            saver: Saver::new(folder.disk().clone(), checkpoints, folder.weights()),
            resumed: None,
            folder,
        })
    }

    /// The run in `folder`, from its newest checkpoint that is whole, to the same bits that it
    /// would have reached without a stop. Its vocabulary is that of the folder
    /// ([`Corpus::with_known`]); of its settings, some may be changed ([`RunConfig::check_resumed`]).
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such checkpoint, if text or settings are not those of the
    /// run, or if it is being trained.
    pub fn resume(
        corpus: &'a Corpus,
        config: &RunConfig,
        device: &B::Device,
        folder: &RunFolder,
    ) -> Result<Self, Error> {
        config.validate()?;
        let lock = folder.lock()?;
        let checkpoints = folder.checkpoints();
        let mut cut = None;
        let mut damaged = Vec::new();
        for (_, path) in checkpoint::list(&checkpoints)? {
            let checkpoint = match Checkpoint::open(&path) {
                Ok(checkpoint) => checkpoint,
                Err(e @ Error::NewerFormat { .. }) => return Err(e),
                Err(e) => {
                    damaged.push((path, e.to_string()));
                    continue;
                }
            };
            checkpoint.saved.check_resumed(corpus, config)?;
            if cut.is_none() {
                cut = Some(split(corpus, config)?);
            }
            let epoch_length = cut.as_ref().map_or(0, |(windows, _)| windows.n_windows());
            let restored = Trainer::restore(config, epoch_length, device, &checkpoint);
            let (trainer, best) = match restored {
                Ok(restored) => restored,
                Err(e) => {
                    damaged.push((path, e.to_string()));
                    continue;
                }
            };

            let (windows, val_windows) = cut.expect("cut");
            put_aside(&damaged)?;
            folder.save_config(config)?;
            if trainer.progress().epoch > 0 {
                folder.save_weights(&best)?;
            }
            return Ok(Run {
                corpus,
                config: config.clone(),
                device: device.clone(),
                folder: folder.clone(),
                _lock: lock,
                windows,
                val_windows,
                trainer,
                best: best.into(),
                metrics: folder.metrics_at(checkpoint.saved.log_length)?,
                saver: Saver::new(folder.disk().clone(), checkpoints, folder.weights()),
                resumed: Some(damaged.into_iter().map(|(_, why)| why).collect()),
            });
        }
        Err(Error::NoCheckpoint {
            path: checkpoints,
            passed_over: damaged.into_iter().map(|(_, why)| why).collect(),
        })
    }

    /// The folder that it leaves itself in.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Trains until the end, or until `stop` holds: then the update that it is at is finished, and all
    /// of the run is saved. Tells `listen` about it.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written or the text not be read, or training diverges.
    /// The last checkpoint is whole, whatever happened after it.
    pub fn go(
        mut self,
        stop: impl Fn() -> bool,
        mut listen: impl FnMut(&Event),
    ) -> Result<Outcome<B::InnerBackend>, Error> {
        let started = Instant::now();
        let ended = self.until_the_end(&stop, &mut listen);
        let saved = self.saver.finish();
        let is_stopped = ended.map_err(|e| self.with_checkpoint(e))?;
        saved?;
        let model = match self.trainer.progress().epoch {
            0 => self.trainer.model(),
            _ => model_from(&self.best, &self.config, &self.corpus.vocab, &self.device)
                .expect("weights of this run"),
        };
        let progress = self.trainer.progress();
        Ok(Outcome {
            model,
            best: progress.best,
            epochs: progress.epoch,
            seconds: started.elapsed().as_secs_f64(),
            is_stopped,
        })
    }

    /// Whether it was stopped.
    fn until_the_end(
        &mut self,
        stop: &impl Fn() -> bool,
        listen: &mut impl FnMut(&Event),
    ) -> Result<bool, Error> {
        self.tell_start(listen)?;
        let epoch_length = self.windows.n_windows();
        let mut last_save = Instant::now();
        if self.resumed.is_none() {
            // A disk that is too small shows at once, not after the first hour.
            self.save(false)?;
        }
        loop {
            if stop() {
                self.save(false)?;
                return Ok(true);
            }
            if self.trainer.window() == epoch_length {
                if self.end_epoch(stop, listen)? {
                    last_save = Instant::now();
                }
            } else if self.is_over() {
                return Ok(false);
            } else {
                self.update(epoch_length, listen)?;
                let update = self.trainer.progress().update;
                let is_last = self.trainer.window() == epoch_length;
                let interval = self.config.checkpoint_every;
                if interval.is_over(update, last_save.elapsed()) && !is_last {
                    self.save(false)?;
                    last_save = Instant::now();
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        let progress = self.trainer.progress();
        progress.is_over(self.config.max_epochs, self.config.patience)
    }

    fn tell_start(&mut self, listen: &mut impl FnMut(&Event)) -> Result<(), Error> {
        let epoch_length = self.windows.n_windows();
        let start = Event::Start {
            parameters: self.trainer.model().num_params(),
            vocab_size: self.corpus.vocab.size(),
            train_symbols: self.windows.targets(),
            val_symbols: self.val_windows.as_ref().map_or(0, Windows::targets),
            epoch_length,
            updates: epoch_length * self.config.max_epochs,
        };
        let Some(passed_over) = &self.resumed else {
            return self.tell(start, listen);
        };
        listen(&start);
        let progress = self.trainer.progress();
        listen(&Event::Resume {
            update: progress.update,
            epoch: progress.epoch,
            passed_over: passed_over.clone(),
        });
        Ok(())
    }

    fn tell(&mut self, event: Event, listen: &mut impl FnMut(&Event)) -> Result<(), Error> {
        listen(&event);
        self.metrics.log(&event)
    }

    fn update(
        &mut self,
        epoch_length: usize,
        listen: &mut impl FnMut(&Event),
    ) -> Result<(), Error> {
        let started = Instant::now();
        let progress = self.trainer.progress();
        let window = self.windows.window(progress.epoch, self.trainer.window())?;
        let done = self.trainer.update(&window)?;
        let progress = self.trainer.progress();
        let (update, loss, grad_norm) = (progress.update, done.loss, done.grad_norm);
        let event = match done.skipped {
            true => Event::Skipped {
                update,
                loss,
                grad_norm,
                in_a_row: progress.skipped_in_a_row,
            },
            false => Event::Update {
                update,
                epoch: update as f64 / epoch_length as f64,
                loss,
                bits_per_char: bits_per_char(loss),
                grad_norm,
                learning_rate: done.learning_rate,
                chars_per_second: window.n_targets() as f64 / started.elapsed().as_secs_f64(),
            },
        };
        self.tell(event, listen)
    }

    /// Looks at the held-out text, and saves. Does nothing, and says so, once `stop` holds.
    fn end_epoch(
        &mut self,
        stop: &impl Fn() -> bool,
        listen: &mut impl FnMut(&Event),
    ) -> Result<bool, Error> {
        let model = self.trainer.model();
        let mut val_loss = None;
        if let Some(windows) = &self.val_windows {
            val_loss = evaluate_unless(stop, &model, windows, &self.device)?;
            if val_loss.is_none() {
                return Ok(false);
            }
        }
        if !val_loss.is_none_or(f64::is_finite) || !is_finite(&model) {
            return Err(self.trainer.diverged(val_loss));
        }

        let (train_loss, is_best) = self.trainer.end_epoch(val_loss);
        let (update, epoch) = (
            self.trainer.progress().update,
            self.trainer.progress().epoch,
        );
        let event = Event::Epoch {
            update,
            epoch,
            train_loss,
            val_loss,
            saved: is_best,
            peak_memory: memory::peak(),
        };
        self.tell(event, listen)?;
        let epochs = self.config.max_epochs;
        if epoch.is_multiple_of(epochs.div_ceil(SAMPLES)) && epoch < epochs {
            let text = sample(&model, &self.corpus.vocab, &self.config)?;
            self.tell(Event::Sample { epoch, text }, listen)?;
        }
        if is_best {
            self.best = tensors::to_bytes(&tensors::of_module(&model)).into();
        }
        self.save(is_best)?;
        Ok(true)
    }

    /// Saves all of the run, in the background.
    fn save(&mut self, is_best: bool) -> Result<(), Error> {
        if !is_finite(&self.trainer.model()) {
            return Err(self.trainer.diverged(None));
        }
        let moment = Moment {
            saved: Saved {
                progress: self.trainer.progress().clone(),
                epoch_length: self.windows.n_windows(),
                config: self.config.clone(),
                vocab: self.corpus.vocab.clone(),
                text: self.corpus.id().clone(),
                log_length: self.metrics.length(),
            },
            tensors: self.trainer.tensors(),
            best: self.best.clone(),
            is_best,
            log: self.metrics.file()?,
        };
        self.saver.save(moment)
    }

    /// Says in an error of divergence where the last good checkpoint is.
    fn with_checkpoint(&self, mut error: Error) -> Error {
        if let Error::Diverged { checkpoint, .. } = &mut error {
            let list = checkpoint::list(&self.folder.checkpoints()).unwrap_or_default();
            *checkpoint = list.into_iter().next().map(|(_, path)| path);
        }
        error
    }
}

/// Gives damaged checkpoints names under which they are in nobody's way.
fn put_aside(damaged: &[(PathBuf, String)]) -> Result<(), Error> {
    for (path, _) in damaged {
        let aside = path.with_extension("damaged");
        if aside.exists() {
            fs::remove_dir_all(&aside).in_file(&aside)?;
        }
        fs::rename(path, &aside).in_file(path)?;
    }
    Ok(())
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
