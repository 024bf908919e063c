//! A model in training, one update at a time:
//! state → loss → gradient → norm → limit → optimiser → state, detached.
//!
//! # Numbers that are not finite
//!
//! Where the loss or the norm of the gradient is not finite, nothing is learned from the window: weights
//! and moments stay as they are, the update is *skipped*. The state goes on as the window left it if
//! that is finite, and from zeros otherwise. [`RunConfig::max_skipped`] of them in a row, or weights that
//! are not finite themselves, end the run.

use burn::{
    module::AutodiffModule,
    optim::GradientsParams,
    tensor::{Element, ElementConversion, backend::AutodiffBackend},
};
use models::{CharLm, RecurrentState, stack::StackState};
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::{self, Checkpoint},
    clip::{self, clip, global_norm, weight_norm},
    config::RunConfig,
    error::Error,
    lanes::Window,
    optimizer::Optimizer,
    schedule::Schedule,
    tbptt::loss,
    tensors::{self, Layout, Tensors},
    text_form::exact,
};

/// Everything that changes from update to update.
pub struct Trainer<B: AutodiffBackend> {
    config: RunConfig,
    device: B::Device,
    epoch_length: usize,
    /// `None` only while the optimiser has it.
    model: Option<CharLm<B>>,
    optimizer: Optimizer<B>,
    /// What each row of the last window remembers, layer by layer.
    state: StackState<B>,
    progress: Progress,
    /// Loss and gradient norm of the last update.
    last: (f64, f64),
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Updates done, with those that were skipped.
    pub update: usize,
    /// Rows of the last window, which the state has too.
    pub rows: usize,
    /// Epochs finished, the look at the held-out text included.
    pub epoch: usize,
    /// Sum of the losses that this epoch's windows were learned from with.
    #[serde(with = "exact")]
    pub total_loss: f64,
    /// How many losses that is the sum of.
    pub losses: usize,
    /// The best validation loss in nats and the epoch it was reached after.
    #[serde(with = "exact::best")]
    pub best: Option<(f64, usize)>,
    /// Epochs since the best or, if that was later, since the last plateau of the schedule or the last
    /// change of the rate.
    pub waited: usize,
    /// Plateaus since the rate or its schedule was given.
    pub plateaus: usize,
    /// Updates skipped.
    pub skipped: usize,
    /// Of these, the last ones, with none done since.
    pub skipped_in_a_row: usize,
    /// Mean of the gradient's norm over about the last [`MEAN_OVER`] updates.
    #[serde(with = "exact")]
    pub mean_norm: f64,
}

impl Progress {
    /// Ends an epoch, and gives whether it is the best so far: `val_loss` is below the lowest, or there
    /// is none.
    pub fn end_epoch(&mut self, val_loss: Option<f64>, schedule: Schedule) -> bool {
        self.epoch += 1;
        self.total_loss = 0.0;
        self.losses = 0;
        let is_best = match (val_loss, self.best) {
            (Some(loss), Some((least, _))) => loss < least,
            _ => true,
        };
        if is_best {
            self.best = val_loss.map(|loss| (loss, self.epoch));
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        if matches!(schedule, Schedule::Plateau { patience, .. } if self.waited >= patience) {
            self.waited = 0;
            self.plateaus += 1;
        }
        is_best
    }

    /// Goes on with other settings. Where the rate or its schedule is another, it holds from here on:
    /// plateaus that are past no longer reduce it.
    pub fn change(&mut self, before: &RunConfig, now: &RunConfig) {
        let rate = |config: &RunConfig| (config.learning_rate, config.schedule);
        if rate(before) != rate(now) {
            self.waited = 0;
            self.plateaus = 0;
        }
    }

    /// Whether a run ends here: it has done `max_epochs`, or `patience` of them without a validation
    /// loss below the lowest.
    pub fn is_over(&self, max_epochs: usize, patience: Option<usize>) -> bool {
        let best = self.best.map_or(self.epoch, |(_, epoch)| epoch);
        self.epoch >= max_epochs || patience.is_some_and(|patience| self.epoch - best >= patience)
    }
}

/// How many updates [`Progress::mean_norm`] looks back.
pub const MEAN_OVER: usize = 100;

/// An update before this one is no outlier: the mean is not one yet.
const MEAN_FROM: usize = 20;

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Mean cross-entropy of the window in nats, before the update.
    pub loss: f64,
    /// Euclidean norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Learning rate, by the schedule.
    pub learning_rate: f64,
    /// Whether the model is as it was before.
    pub skipped: bool,
}

impl<B: AutodiffBackend> Trainer<B> {
    /// A fresh model for `vocab_size` symbols, to be trained in epochs of `epoch_length` updates.
    pub fn new(
        config: &RunConfig,
        vocab_size: usize,
        epoch_length: usize,
        device: &B::Device,
    ) -> Self {
        let model = config.char_lm(vocab_size);
        let model = model.init_seeded(config.seed, device);
        Self::with_model(config, model, epoch_length, device)
    }

    /// A model, to be trained from the start of the text in epochs of `epoch_length` updates.
    pub fn with_model(
        config: &RunConfig,
        model: CharLm<B>,
        epoch_length: usize,
        device: &B::Device,
    ) -> Self {
        Trainer {
            config: config.clone(),
            device: device.clone(),
            epoch_length,
            state: model.initial_state(config.batch_size),
            model: Some(model),
            optimizer: config.optimizer.init(),
            progress: Progress {
                rows: config.batch_size,
                ..Progress::default()
            },
            last: (f64::NAN, f64::NAN),
        }
    }

    /// The model without autodiff, as it is now.
    ///
    /// # Panics
    ///
    /// Panics if an update panicked before.
    pub fn model(&self) -> CharLm<B::InnerBackend> {
        self.trained().valid()
    }

    fn trained(&self) -> &CharLm<B> {
        self.model.as_ref().expect("a model between updates")
    }

    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Which window of the epoch is next; the length of the epoch where none is left.
    pub fn window(&self) -> usize {
        self.progress.update - self.progress.epoch * self.epoch_length
    }

    /// Learns from the next window, or skips it.
    ///
    /// # Errors
    ///
    /// Returns an error if too many in a row had to be skipped, or the weights are not finite.
    pub fn update(&mut self, window: &Window) -> Result<Update, Error> {
        let (config, update) = (&self.config, self.progress.update);
        // Dropout's masks are a function of the seed and the place in the run.
        B::seed(&self.device, config.seed.wrapping_add(update as u64 + 1));

        let state = std::mem::take(&mut self.state);
        let state = (!window.begins).then_some(state);
        let model = self.trained();
        let (loss, next) = loss(model, window, state, &self.device);
        let mut grads = GradientsParams::from_grads(loss.backward(), model);
        let loss = loss.into_scalar().elem::<f64>();
        let grad_norm = global_norm(model, &grads);
        let updates = self.epoch_length * config.max_epochs;
        let plateaus = self.progress.plateaus;
        let factor = config
            .schedule
            .factor(update, self.epoch_length, updates, plateaus);
        let done = Update {
            loss,
            grad_norm,
            learning_rate: config.learning_rate * factor,
            skipped: !loss.is_finite() || !grad_norm.is_finite() || self.is_outlier(grad_norm),
        };
        self.last = (loss, grad_norm);
        self.progress.update += 1;
        self.progress.rows = window.shape[0];
        self.state = next.detach();
        if done.skipped {
            self.skip()?;
            return Ok(done);
        }

        let model = self.model.take().expect("a model between updates");
        clip(self.config.grad_clip, &model, grad_norm, &mut grads);
        self.model = Some(self.optimizer.step(done.learning_rate, model, grads));

        let progress = &mut self.progress;
        progress.total_loss += loss;
        progress.losses += 1;
        progress.skipped_in_a_row = 0;
        let over = (progress.update - progress.skipped).min(MEAN_OVER);
        progress.mean_norm += (grad_norm - progress.mean_norm) / over as f64;
        Ok(done)
    }

    /// Whether the norm is far above the mean, by the factor [`RunConfig::skip_outliers`].
    fn is_outlier(&self, grad_norm: f64) -> bool {
        let progress = &self.progress;
        let is_known = progress.update - progress.skipped >= MEAN_FROM;
        let limit = self.config.skip_outliers * progress.mean_norm;
        self.config.skip_outliers > 0.0 && is_known && grad_norm > limit
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.progress.skipped += 1;
        self.progress.skipped_in_a_row += 1;
        if !self.state.to_data().iter().all(tensors::is_finite) {
            self.state = self.zero_state(self.progress.rows);
        }
        let is_lost = !clip::is_finite(&self.model());
        if is_lost || self.progress.skipped_in_a_row > self.config.max_skipped {
            return Err(self.diverged(None));
        }
        Ok(())
    }

    /// The error of a run that cannot go on after its last update, or after an evaluation with this loss.
    pub(crate) fn diverged(&self, val_loss: Option<f64>) -> Error {
        let (loss, grad_norm) = self.last;
        Error::Diverged {
            update: self.progress.update,
            loss: val_loss.unwrap_or(loss),
            grad_norm,
            weight_norm: weight_norm(&self.model()),
            skipped: self.progress.skipped_in_a_row,
            checkpoint: None,
        }
    }

    fn zero_state(&self, rows: usize) -> StackState<B> {
        self.trained().initial_state(rows)
    }

    /// Ends an epoch; the next one starts from a state of zeros. Gives the mean loss of its windows, and
    /// what [`Progress::end_epoch`] says.
    pub fn end_epoch(&mut self, val_loss: Option<f64>) -> (f64, bool) {
        self.progress.rows = self.config.batch_size;
        self.state = self.zero_state(self.progress.rows);
        let train_loss = self.progress.total_loss / self.progress.losses as f64;
        let is_best = self.progress.end_epoch(val_loss, self.config.schedule);
        (train_loss, is_best)
    }

    /// Copies of all tensors, for a checkpoint.
    pub(crate) fn tensors(&self) -> checkpoint::Tensors {
        checkpoint::Tensors {
            weights: tensors::of_module(&self.model()),
            moments: self.optimizer.moments(self.trained()),
            state: state_tensors(&self.state),
        }
    }

    /// Goes on from a checkpoint. Gives the file of the best weights too, of no tensors before the first.
    ///
    /// # Errors
    ///
    /// Returns an error if its tensors are not those of a run with its settings.
    pub(crate) fn restore(
        config: &RunConfig,
        epoch_length: usize,
        device: &B::Device,
        checkpoint: &Checkpoint,
    ) -> Result<(Self, Vec<u8>), Error> {
        let precision = <B::FloatElem as Element>::dtype();
        checkpoint.check_sizes(epoch_length, precision)?;
        let vocab_size = checkpoint.saved.vocab.size();
        let mut trainer = Self::new(config, vocab_size, epoch_length, device);
        trainer.progress = checkpoint.saved.progress.clone();
        trainer.progress.change(&checkpoint.saved.config, config);
        trainer.state = trainer.zero_state(trainer.progress.rows);
        let updates = trainer.progress.update - trainer.progress.skipped;

        let weights = tensors::layout_of_module(&trainer.model());
        let state = tensors::layout(&state_tensors(&trainer.state));
        let none = Layout::new();
        let moments = match updates {
            0 => none.clone(),
            _ => trainer.optimizer.layout(&weights),
        };
        let read = |name, layout| checkpoint.read(name, layout, precision);
        let (_, state) = read(checkpoint::STATE, &state)?;
        let (_, moments) = read(checkpoint::MOMENTS, &moments)?;
        let best = match trainer.progress.epoch {
            0 => read(checkpoint::BEST, &none)?.0,
            _ => read(checkpoint::BEST, &weights)?.0,
        };
        let (_, weights) = read(checkpoint::WEIGHTS, &weights)?;

        let model = trainer.model.take().expect("a model between updates");
        let model = tensors::into_module(model, weights);
        if updates > 0 {
            trainer.optimizer.restore(&model, moments, updates);
        }
        trainer.model = Some(model);
        trainer.state = with_tensors(trainer.state, state);
        Ok((trainer, best))
    }
}

/// The tensors of a layer's state, in the order of its fields.
const FIELDS: [&str; 2] = ["hidden", "cell"];

fn state_tensors<B: AutodiffBackend>(state: &StackState<B>) -> Tensors {
    let layer = |(i, layer): (usize, &models::LayerState<B>)| {
        let data = layer.to_data().into_iter();
        let name = move |field| format!("layers.{i}.{field}");
        FIELDS.into_iter().map(name).zip(data).collect::<Vec<_>>()
    };
    state.iter().enumerate().flat_map(layer).collect()
}

fn with_tensors<B: AutodiffBackend>(state: StackState<B>, mut tensors: Tensors) -> StackState<B> {
    let layer = |(i, layer): (usize, models::LayerState<B>)| {
        let take = |field| tensors.remove(&format!("layers.{i}.{field}"));
        let data = FIELDS.into_iter().map_while(take).collect();
        layer.with_data(data)
    };
    state.into_iter().enumerate().map(layer).collect()
}
