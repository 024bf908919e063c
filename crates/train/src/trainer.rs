//! A model in training, one update at a time:
//! state → loss → gradient → norm → limit → optimiser → state, detached.

use burn::{
    module::AutodiffModule,
    optim::GradientsParams,
    tensor::{ElementConversion, backend::AutodiffBackend},
};
use models::{CharLm, RecurrentState, stack::StackState};

use crate::{
    clip::{clip, global_norm},
    config::RunConfig,
    error::Error,
    lanes::Window,
    optimizer::Optimizer,
    schedule::Schedule,
    tbptt::loss,
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
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Updates done.
    pub update: usize,
    /// Epochs finished, the last look at the held-out text included.
    pub epoch: usize,
    /// Sum of the losses of this epoch's windows.
    pub total_loss: f64,
    /// The best validation loss in nats and the epoch it was reached after.
    pub best: Option<(f64, usize)>,
    /// Epochs since the best or, if that was later, since the last plateau of the schedule.
    pub waited: usize,
    /// Plateaus so far.
    pub plateaus: usize,
}

impl Progress {
    /// Ends an epoch, and gives whether it is the best so far: `val_loss` is below the lowest, or there
    /// is none.
    pub fn end_epoch(&mut self, val_loss: Option<f64>, schedule: Schedule) -> bool {
        self.epoch += 1;
        self.total_loss = 0.0;
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

    /// Whether a run ends here: it has done `max_epochs`, or `patience` of them without a validation
    /// loss below the lowest.
    pub fn is_over(&self, max_epochs: usize, patience: Option<usize>) -> bool {
        let best = self.best.map_or(self.epoch, |(_, epoch)| epoch);
        self.epoch >= max_epochs || patience.is_some_and(|patience| self.epoch - best >= patience)
    }
}

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Mean cross-entropy of the window in nats, before the update.
    pub loss: f64,
    /// Euclidean norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Learning rate, by the schedule.
    pub learning_rate: f64,
}

impl<B: AutodiffBackend> Trainer<B> {
    /// A fresh model for `vocab_size` symbols, to be trained in epochs of `epoch_length` updates.
    pub fn new(
        config: &RunConfig,
        vocab_size: usize,
        epoch_length: usize,
        device: &B::Device,
    ) -> Self {
        let model = config
            .char_lm(vocab_size)
            .init_seeded::<B>(config.seed, device);
        Trainer {
            config: config.clone(),
            device: device.clone(),
            epoch_length,
            state: model.initial_state(config.batch_size),
            model: Some(model),
            optimizer: config.optimizer.init(),
            progress: Progress::default(),
        }
    }

    /// The model without autodiff, as it is now.
    ///
    /// # Panics
    ///
    /// Where an update panicked before.
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

    /// Learns from the next window.
    ///
    /// # Errors
    ///
    /// Where the loss or the gradient is not finite: nothing is learned from it.
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
        finite(update + 1, "loss", loss)?;
        finite(update + 1, "gradient norm", grad_norm)?;
        clip(config.grad_clip, model, grad_norm, &mut grads);

        let updates = self.epoch_length * config.max_epochs;
        let plateaus = self.progress.plateaus;
        let factor = config
            .schedule
            .factor(update, self.epoch_length, updates, plateaus);
        let learning_rate = config.learning_rate * factor;
        let model = self.model.take().expect("a model between updates");
        self.model = Some(self.optimizer.step(learning_rate, model, grads));
        self.state = next.detach();
        self.progress.update += 1;
        self.progress.total_loss += loss;
        Ok(Update {
            loss,
            grad_norm,
            learning_rate,
        })
    }

    /// Ends an epoch; the next one starts from a state of zeros. Gives the mean loss of its windows, and
    /// what [`Progress::end_epoch`] says.
    pub fn end_epoch(&mut self, val_loss: Option<f64>) -> (f64, bool) {
        self.state = self.trained().initial_state(self.config.batch_size);
        let train_loss = self.progress.total_loss / self.epoch_length as f64;
        let is_best = self.progress.end_epoch(val_loss, self.config.schedule);
        (train_loss, is_best)
    }
}

/// Nothing that is not finite is learned from or saved.
pub(crate) fn finite(update: usize, what: &'static str, value: f64) -> Result<(), Error> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Error::Diverged {
            update,
            what,
            value,
        }),
    }
}
