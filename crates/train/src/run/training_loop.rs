//! The training loop.

use std::{
    fs::File,
    sync::Arc,
    time::{Duration, Instant},
};

use burn::{
    module::Module,
    tensor::backend::{AutodiffBackend, Backend},
};
use models::{AnyCell, Cell, CharLm, TrainableCell};
use sha2::{Digest, Sha256};

use super::{
    checkpoint,
    checkpoint_writer::{CheckpointWriter, NewCheckpoint},
    config::RunConfig,
    events::{Event, bits_per_char},
    folder::{RunFolder, model_from},
    metrics_log::MetricsLog,
    peak_memory::peak_memory,
    run_state::RunState,
};
use crate::{
    batches::Batches,
    disk::tensors::{self, Tensors},
    error::Error,
    learn::{Trainer, norms::is_finite, tbptt::evaluate_unless},
    ranks::{Communicator, first_other},
    sampler::{Sampler, Sampling},
    text::{Corpus, TextStream, Vocab},
};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome<B: Backend, C: Cell<B> = AnyCell<B>> {
    /// The model with the lowest validation loss; without validation, of the last epoch; before the end of
    /// the first epoch, the model as it is.
    pub model: CharLm<B, C>,
    /// The lowest validation loss, in nats, and the epoch after which it was reached, if there was validation.
    pub best: Option<(f64, usize)>,
    /// Epochs done: fewer than [`max_epochs`](RunConfig::max_epochs) if the run ended early.
    pub epochs: usize,
    /// Seconds spent in training since the run was started or resumed.
    pub seconds: f64,
    /// Whether it was stopped from outside before its end.
    pub is_stopped: bool,
}

/// A training run that is ready to start or to resume.
pub struct Run<'a, B: AutodiffBackend, C: TrainableCell<B> = AnyCell<B>> {
    pub(super) corpus: &'a Corpus,
    pub(super) config: RunConfig<C::Kind>,
    pub(super) device: B::Device,
    pub(super) ranks: &'a dyn Communicator,
    /// Rank 0 alone has them.
    pub(super) files: Option<RunFiles>,
    pub(super) batches: Batches<'a>,
    pub(super) val_batches: Option<Batches<'a>>,
    pub(super) trainer: Trainer<B, C>,
    /// Characters of an average symbol.
    pub(super) chars_per_symbol: f64,
    /// The file of the best weights; it has no tensors before the end of the first epoch.
    pub(super) best: Arc<[u8]>,
    /// If the run resumes from a checkpoint: why newer checkpoints were passed over.
    pub(super) resumed: Option<Vec<String>>,
}

/// What a run writes.
pub(super) struct RunFiles {
    pub(super) folder: RunFolder,
    /// Only one run at a time trains in a folder.
    pub(super) _lock: File,
    pub(super) metrics: MetricsLog,
    pub(super) writer: CheckpointWriter,
}

impl RunFiles {
    pub(super) fn new(folder: RunFolder, lock: File, metrics: MetricsLog) -> Self {
        let disk = folder.disk().clone();
        RunFiles {
            _lock: lock,
            metrics,
            writer: CheckpointWriter::new(disk, folder.checkpoints(), folder.weights()),
            folder,
        }
    }
}

/// What a rank asks all ranks for.
#[derive(Clone, Copy, Default)]
struct Asked(u64);

impl Asked {
    const STOP: u64 = 1;
    const EVALUATE: u64 = 2;
    const SAVE: u64 = 4;

    fn has(self, what: u64) -> bool {
        self.0 & what != 0
    }
}

impl<B: AutodiffBackend, C: TrainableCell<B>> Run<'_, B, C> {
    /// Returns the folder of the run, which rank 0 alone has.
    pub fn folder(&self) -> Option<&RunFolder> {
        self.files.as_ref().map(|files| &files.folder)
    }

    /// Returns how many epochs are done.
    pub fn epochs(&self) -> usize {
        self.trainer.progress().epoch
    }

    /// Returns whether there is nothing left to do: a run can be resumed after its end.
    pub fn is_finished(&self) -> bool {
        self.trainer.next_batch() < self.batches.n_batches() && self.is_over()
    }

    /// Trains to the end, or until `stop` returns true, on any rank: then the current update is finished and a
    /// checkpoint saved. Reports events to `listen`, on rank 0.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written, the text cannot be read, or training diverges. The last
    /// checkpoint stays intact, whatever happens after it.
    pub fn go(
        mut self,
        stop: impl Fn() -> bool,
        mut listen: impl FnMut(&Event),
    ) -> Result<Outcome<B::InnerBackend, C::Inner>, Error> {
        let started = Instant::now();
        let ended = self.until_the_end(&stop, &mut listen);
        let saved = match &mut self.files {
            Some(files) => files.writer.finish(),
            None => Ok(()),
        };
        if let Err(Error::Diverged { .. } | Error::OtherWeights { .. }) = ended {
            // So it did on every rank, but rank 0 has been writing.
            self.ranks.barrier();
        }
        let is_stopped = ended.map_err(|e| self.with_checkpoint(e))?;
        saved?;
        // No rank ends well before the last checkpoint is written.
        self.ranks.barrier();
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

    /// Returns whether it was stopped.
    fn until_the_end(
        &mut self,
        stop: &impl Fn() -> bool,
        listen: &mut impl FnMut(&Event),
    ) -> Result<bool, Error> {
        self.tell_start(listen)?;
        let epoch_length = self.batches.n_batches();
        let (mut last_save, mut last_look) = (Instant::now(), Instant::now());
        if self.resumed.is_none() {
            // A disk that is too small fails now, not after the first hour.
            self.save(false)?;
        }
        let mut agreed = Asked::default();
        loop {
            let is_alone = self.ranks.size() == 1;
            if agreed.has(Asked::STOP) || is_alone && stop() {
                self.save(false)?;
                return Ok(true);
            }
            if self.trainer.next_batch() == epoch_length {
                if self.end_epoch(stop, listen)? {
                    (last_save, last_look) = (Instant::now(), Instant::now());
                } else {
                    agreed.0 |= Asked::STOP;
                }
            } else if self.is_over() {
                return Ok(false);
            } else {
                let asked = self.asked(stop, last_look.elapsed(), last_save.elapsed());
                agreed = self.update(epoch_length, asked, listen)?;
                let is_last = self.trainer.next_batch() == epoch_length;
                if is_last {
                    continue;
                }
                if agreed.has(Asked::EVALUATE) {
                    self.evaluate(stop, listen)?;
                    last_look = Instant::now();
                }
                if agreed.has(Asked::SAVE) {
                    self.save(false)?;
                    last_save = Instant::now();
                }
            }
        }
    }

    /// Returns what this rank asks for after the next update. The clock that counts is that of rank 0.
    fn asked(&self, stop: &impl Fn() -> bool, since_look: Duration, since_save: Duration) -> Asked {
        let mut asked = if stop() { Asked::STOP } else { 0 };
        if self.ranks.rank() == 0 {
            let update = self.trainer.progress().update + 1;
            if self.config.eval_every.is_due(update, since_look) {
                asked |= Asked::EVALUATE;
            }
            if self.config.checkpoint_every.is_due(update, since_save) {
                asked |= Asked::SAVE;
            }
        }
        Asked(asked)
    }

    fn is_over(&self) -> bool {
        let progress = self.trainer.progress();
        progress.is_over(self.config.max_epochs, self.config.patience)
    }

    fn tell_start(&mut self, listen: &mut impl FnMut(&Event)) -> Result<(), Error> {
        let epoch_length = self.batches.n_batches();
        let (train, val, vocab) = (&self.batches, self.val_batches.as_ref(), &self.corpus.vocab);
        let (train_symbols, val_symbols) = (train.targets(), val.map_or(0, Batches::targets));
        let of_this_text = match self.corpus.held_out_id() {
            Some(_) => train_symbols,
            None => train_symbols + val_symbols,
        };
        if vocab.units().are_words() {
            self.chars_per_symbol = val.unwrap_or(train).chars_per_symbol(vocab, self.ranks)?;
        }
        let start = Event::Start {
            parameters: self.trainer.model().num_params(),
            vocab_size: vocab.size(),
            train_symbols,
            val_symbols,
            unused_symbols: self.corpus.n_symbols().saturating_sub(of_this_text),
            train_documents: train.n_documents(),
            val_documents: val.and_then(Batches::n_documents),
            chars_per_symbol: self.chars_per_symbol,
            epoch_length,
            updates: epoch_length * self.config.max_epochs,
            ranks: self.ranks.size(),
        };
        let Some(passed_over) = &self.resumed else {
            return self.tell(start, listen);
        };
        if self.ranks.rank() > 0 {
            return Ok(());
        }
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
        match &mut self.files {
            Some(files) => {
                listen(&event);
                files.metrics.log(&event)
            }
            None => Ok(()),
        }
    }

    /// Does one update. Returns what any rank asked for.
    fn update(
        &mut self,
        epoch_length: usize,
        asked: Asked,
        listen: &mut impl FnMut(&Event),
    ) -> Result<Asked, Error> {
        let started = Instant::now();
        let progress = self.trainer.progress();
        let batch = self
            .batches
            .batch(progress.epoch, self.trainer.next_batch())?;
        let done = self.trainer.update_on(self.ranks, &batch, asked.0)?;
        let seconds = started.elapsed().as_secs_f64();
        let share = |part: f64| (part / seconds).min(1.0);
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
                bits_per_char: bits_per_char(loss / self.chars_per_symbol),
                grad_norm,
                learning_rate: done.learning_rate,
                chars_per_second: batch.whole().targets as f64 / seconds,
                communicating: done.together.map(|done| share(done.communicating)),
                waiting: done.together.map(|done| share(done.waiting)),
            },
        };
        self.tell(event, listen)?;
        if self.ranks.size() > 1 && update.is_multiple_of(CHECK_EVERY) {
            self.check_equal(&tensors::of_module(&self.trainer.model()))?;
        }
        Ok(done.together.map_or(asked, |done| Asked(done.asked)))
    }

    /// Validates and writes a sample within an epoch. Stops when `stop` returns true.
    fn evaluate(
        &mut self,
        stop: &impl Fn() -> bool,
        listen: &mut impl FnMut(&Event),
    ) -> Result<(), Error> {
        let model = self.trainer.model();
        let val_loss = match &self.val_batches {
            None => None,
            Some(batches) => {
                match evaluate_unless(stop, self.ranks, &model, batches, &self.device)? {
                    None => return Ok(()),
                    loss => loss,
                }
            }
        };
        let progress = self.trainer.progress();
        let (update, epoch) = (progress.update, progress.epoch);
        let event = Event::Evaluation {
            update,
            epoch: update as f64 / self.batches.n_batches() as f64,
            train_loss: progress.total_loss / progress.losses as f64,
            val_loss,
        };
        self.tell(event, listen)?;
        self.tell_sample(&model, epoch, listen)
    }

    fn tell_sample(
        &mut self,
        model: &CharLm<B::InnerBackend, C::Inner>,
        epoch: usize,
        listen: &mut impl FnMut(&Event),
    ) -> Result<(), Error> {
        if self.files.is_none() {
            return Ok(());
        }
        let text = sample(model, &self.corpus.vocab, &self.config)?;
        self.tell(Event::Sample { epoch, text }, listen)
    }

    /// Validates and saves; returns true. If `stop` returns true first, changes nothing and returns false.
    fn end_epoch(
        &mut self,
        stop: &impl Fn() -> bool,
        listen: &mut impl FnMut(&Event),
    ) -> Result<bool, Error> {
        let model = self.trainer.model();
        let mut val_loss = None;
        if let Some(batches) = &self.val_batches {
            val_loss = evaluate_unless(stop, self.ranks, &model, batches, &self.device)?;
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
            peak_memory: peak_memory(),
        };
        self.tell(event, listen)?;
        let epochs = self.config.max_epochs;
        if epoch.is_multiple_of(epochs.div_ceil(SAMPLES)) && epoch < epochs {
            self.tell_sample(&model, epoch, listen)?;
        }
        if is_best {
            self.best = tensors::to_bytes(&tensors::of_module(&model)).into();
        }
        self.save(is_best)?;
        Ok(true)
    }

    /// Saves a checkpoint in the background.
    fn save(&mut self, is_best: bool) -> Result<(), Error> {
        if !is_finite(&self.trainer.model()) {
            return Err(self.trainer.diverged(None));
        }
        let tensors = self.trainer.snapshot(self.ranks);
        self.check_equal(&tensors.weights)?;
        let Some(files) = &mut self.files else {
            return Ok(());
        };
        let new = NewCheckpoint {
            run: RunState {
                progress: tensors.progress.clone(),
                epoch_length: self.batches.n_batches(),
                config: self.config.clone(),
                vocab: self.corpus.vocab.clone(),
                text: self.corpus.id().clone(),
                val_text: self.corpus.held_out_id().cloned(),
                log_length: files.metrics.length(),
            },
            tensors,
            best: self.best.clone(),
            is_best,
            log: files.metrics.file()?,
        };
        files.writer.save(new)
    }

    /// Checks that all ranks have these weights.
    fn check_equal(&self, weights: &Tensors) -> Result<(), Error> {
        if self.ranks.size() == 1 {
            return Ok(());
        }
        let hash = Sha256::digest(tensors::to_bytes(weights));
        match first_other(&self.ranks.all_gather(&hash)) {
            None => Ok(()),
            Some(rank) => Err(Error::OtherWeights {
                rank,
                update: self.trainer.progress().update,
            }),
        }
    }

    /// Adds the folder of the run to an error of divergence, if there is a checkpoint to resume from.
    fn with_checkpoint(&self, mut error: Error) -> Error {
        if let (Error::Diverged { resumable, .. }, Some(folder)) = (&mut error, self.folder()) {
            let list = checkpoint::list(&folder.checkpoints()).unwrap_or_default();
            *resumable = (!list.is_empty()).then(|| folder.path().to_owned());
        }
        error
    }
}

/// After how many updates ranks compare their weights.
const CHECK_EVERY: usize = 100;

/// How many texts the model writes in a run, and how long they are.
const SAMPLES: usize = 5;
const SAMPLE_LENGTH: usize = 160;

fn sample<B: Backend, C: Cell<B>>(
    model: &CharLm<B, C>,
    vocab: &Vocab,
    config: &RunConfig<C::Kind>,
) -> Result<String, Error> {
    let how = Sampling {
        documents: config.documents.as_ref(),
        seed: config.seed,
        ..Sampling::default()
    };
    let sampler = Sampler::new(model, vocab, &how)?;
    let mut stream = TextStream::new(vocab);
    let text: String = sampler
        .take(SAMPLE_LENGTH)
        .map(|token| stream.push(token))
        .collect();
    Ok(text + &stream.finish())
}
