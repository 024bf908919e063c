//! One update after another:
//! state → loss → gradient → norm → clip → optimiser → state, detached.

use std::time::Instant;

use burn::{
    module::AutodiffModule,
    optim::GradientsParams,
    tensor::{ElementConversion, TensorData, backend::AutodiffBackend},
};
use bytemuck::{bytes_of, pod_read_unaligned};
use models::{AnyCell, CharLm, RecurrentState, StackState, TrainableCell};

use super::{
    clip::clip,
    config::TrainerConfig,
    dealt_out::DealtOut,
    norms::{self, global_norm, weight_norm},
    optimizer::Optimizer,
    progress::{MEAN_OVER, Progress},
    snapshot::{Snapshot, joined_rows, state_tensors, with_tensors},
    tbptt::loss,
};
use crate::{
    batches::Batch,
    disk::tensors,
    error::Error,
    ranks::{Alone, Communicator, Share},
};

/// A model in training, one update at a time.
///
/// # Numbers that are not finite
///
/// If the loss or the gradient norm is not finite, the update is *skipped*: weights and moments stay as they
/// are. The state continues as the batch left it if it is finite, and from zeros otherwise. More than
/// [`max_skipped`](TrainerConfig::max_skipped) skipped updates in a row, or weights that are not finite, end
/// training with an error.
pub struct Trainer<B: AutodiffBackend, C: TrainableCell<B> = AnyCell<B>> {
    config: TrainerConfig,
    device: B::Device,
    epoch_length: usize,
    /// `None` only while the optimiser has it.
    model: Option<CharLm<B, C>>,
    optimizer: Optimizer<B, CharLm<B, C>>,
    /// This rank's part of the weights and of their moments, if there are several ranks: then `optimizer` has none.
    dealt_out: Option<DealtOut<B>>,
    /// Which rows of each batch are this rank's.
    share: Share,
    /// The state of each of them after the last batch, layer by layer.
    state: StackState<B, C>,
    progress: Progress,
    /// Loss and gradient norm of the last update.
    last: (f64, f64),
    /// When the ranks last met.
    met: Instant,
}

/// An earlier update is no outlier: its mean is not known yet.
const MEAN_FROM: usize = 20;

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Mean cross-entropy of the batch in nats, before the update.
    pub loss: f64,
    /// Euclidean norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Learning rate, with its schedule.
    pub learning_rate: f64,
    /// Whether the model is unchanged.
    pub skipped: bool,
    /// What the ranks did, if there are several.
    pub together: Option<Together>,
}

/// What an update on several ranks did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Together {
    /// What any rank asked for.
    pub asked: u64,
    /// Seconds that this rank waited for the slowest.
    pub waiting: f64,
    /// Seconds that it took to add up the gradients from then on, and to send the weights.
    pub communicating: f64,
}

impl<B: AutodiffBackend, C: TrainableCell<B>> Trainer<B, C> {
    /// Creates a trainer for epochs of `epoch_length` updates, at the start of the text.
    pub fn new(
        config: TrainerConfig,
        model: CharLm<B, C>,
        epoch_length: usize,
        device: &B::Device,
    ) -> Self {
        Trainer {
            device: device.clone(),
            epoch_length,
            share: Share::WHOLE,
            state: model.initial_state(config.batch_size),
            model: Some(model),
            optimizer: config.optimizer.init(),
            dealt_out: None,
            progress: Progress {
                rows: config.batch_size,
                ..Progress::default()
            },
            config,
            last: (f64::NAN, f64::NAN),
            met: Instant::now(),
        }
    }

    /// Returns the model as it is now, without autodiff.
    ///
    /// # Panics
    ///
    /// Panics if an earlier update panicked.
    pub fn model(&self) -> CharLm<B::InnerBackend, C::Inner> {
        self.trained().valid()
    }

    fn trained(&self) -> &CharLm<B, C> {
        self.model.as_ref().expect("a model between updates")
    }

    /// Returns how far training has come.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns the index in its epoch of the next batch; the length of the epoch if none is left.
    pub fn next_batch(&self) -> usize {
        self.progress.update - self.progress.epoch * self.epoch_length
    }

    /// Learns from the next batch, or skips it.
    ///
    /// # Errors
    ///
    /// Returns an error if too many updates in a row were skipped, or the weights are not finite.
    pub fn update(&mut self, batch: &Batch) -> Result<Update, Error> {
        self.update_on(&Alone, batch, 0)
    }

    /// Learns from the next batch together with other ranks, each of which calls this with its rows of the batch, after
    /// [`keep`](Self::keep). Tells them what this rank asks for, in bits of the caller's meaning.
    ///
    /// Each rank draws its own masks of dropout.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`update`](Self::update), on all ranks alike.
    pub(crate) fn update_on(
        &mut self,
        ranks: &dyn Communicator,
        batch: &Batch,
        asked: u64,
    ) -> Result<Update, Error> {
        let update = self.progress.update;
        // Dropout's masks are a function of the seed, the update and the rank.
        let seed = self.config.seed.wrapping_add(update as u64 + 1);
        B::seed(&self.device, seed.wrapping_add((ranks.rank() as u64) << 40));

        let state = std::mem::take(&mut self.state);
        let (loss, grads, state) = self.gradient(batch, state);
        self.state = state;
        let (loss, grad_norm, mut grads, together) = match ranks.size() {
            1 => (loss, global_norm(self.trained(), &grads), grads, None),
            _ => self.sum(ranks, loss, grads, asked),
        };
        let config = &self.config;
        let updates = self.epoch_length * config.max_epochs;
        let plateaus = self.progress.plateaus;
        let factor = config
            .schedule
            .factor(update, self.epoch_length, updates, plateaus);
        let mut done = Update {
            loss,
            grad_norm,
            learning_rate: config.learning_rate * factor,
            skipped: !loss.is_finite() || !grad_norm.is_finite() || self.is_outlier(grad_norm),
            together,
        };
        self.last = (loss, grad_norm);
        self.progress.update += 1;
        self.progress.rows = batch.whole().rows;
        if done.skipped {
            self.skip()?;
            return Ok(done);
        }

        let (limit, learning_rate) = (self.config.grad_clip, done.learning_rate);
        let model = self.model.take().expect("a model between updates");
        self.model = Some(match &mut self.dealt_out {
            None => {
                clip(limit, &model, grad_norm, &mut grads);
                self.optimizer.step(learning_rate, model, grads)
            }
            Some(stretch) => {
                stretch.step(learning_rate, limit, grad_norm, grads);
                let stepped = Instant::now();
                let model = stretch.join(model, ranks);
                self.met = Instant::now();
                if let Some(together) = &mut done.together {
                    together.communicating += (self.met - stepped).as_secs_f64();
                }
                model
            }
        });

        let progress = &mut self.progress;
        progress.total_loss += loss;
        progress.losses += 1;
        progress.skipped_in_a_row = 0;
        let over = progress.updates_learned().min(MEAN_OVER);
        progress.mean_norm += (grad_norm - progress.mean_norm) / over as f64;
        Ok(done)
    }

    /// Returns this rank's share of the mean loss of the whole batch, its gradient, and the state after the batch.
    fn gradient(
        &self,
        batch: &Batch,
        state: StackState<B, C>,
    ) -> (f64, GradientsParams, StackState<B, C>) {
        let targets = batch.n_targets();
        if targets == 0 {
            // The documents of this rank have ended, or it has none.
            return (0.0, GradientsParams::new(), state);
        }
        let model = self.trained();
        let (mut loss, next) = loss(model, batch, (!batch.begins).then_some(state), &self.device);
        let whole = batch.whole().targets;
        if targets < whole {
            loss = loss.mul_scalar(targets as f64 / whole as f64);
        }
        let grads = GradientsParams::from_grads(loss.backward(), model);
        (loss.into_scalar().elem(), grads, next.detach())
    }

    /// Adds up losses and gradients of all ranks. Returns the loss, the norm of the gradient, what of it is this rank's,
    /// and what the ranks did.
    fn sum(
        &mut self,
        ranks: &dyn Communicator,
        loss: f64,
        grads: GradientsParams,
        asked: u64,
    ) -> (f64, f64, GradientsParams, Option<Together>) {
        let busy = self.met.elapsed().as_secs_f64();
        let model = self.model.as_ref().expect("a model between updates");
        let dealt_out = self.dealt_out.as_mut().expect("it has kept its share");
        let grads = dealt_out.sum(model, grads, ranks);
        let squares = dealt_out.norm(&grads).powi(2);
        let note = [loss.to_bits(), squares.to_bits(), busy.to_bits(), asked];
        let notes = ranks.all_gather(bytes_of(&note));
        let took = self.met.elapsed().as_secs_f64() - busy;
        self.met = Instant::now();
        let (mut loss, mut squares, mut slowest, mut all_asked) = (0.0, 0.0, busy, 0);
        for note in notes {
            let [its_loss, its_squares, its_busy, it_asked]: [u64; 4] = pod_read_unaligned(&note);
            loss += f64::from_bits(its_loss);
            squares += f64::from_bits(its_squares);
            slowest = f64::from_bits(its_busy).max(slowest);
            all_asked |= it_asked;
        }
        let waiting = (slowest - busy).min(took);
        let together = Together {
            asked: all_asked,
            waiting,
            communicating: took - waiting,
        };
        (loss, squares.sqrt(), grads, Some(together))
    }

    /// Returns whether the norm is far above its mean, by the factor [`TrainerConfig::skip_outliers`].
    fn is_outlier(&self, grad_norm: f64) -> bool {
        let progress = &self.progress;
        let is_known = progress.updates_learned() >= MEAN_FROM;
        let limit = self.config.skip_outliers * progress.mean_norm;
        self.config.skip_outliers > 0.0 && is_known && grad_norm > limit
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.progress.skipped += 1;
        self.progress.skipped_in_a_row += 1;
        if !self.state.to_data().iter().all(tensors::is_finite) {
            self.state = self.zero_state(self.progress.rows);
        }
        let is_lost = !norms::is_finite(&self.model());
        if is_lost || self.progress.skipped_in_a_row > self.config.max_skipped {
            return Err(self.diverged(None));
        }
        Ok(())
    }

    /// Returns the error that training diverged at the last update, or in an evaluation with this loss.
    pub(crate) fn diverged(&self, val_loss: Option<f64>) -> Error {
        let (loss, grad_norm) = self.last;
        Error::Diverged {
            update: self.progress.update,
            loss: val_loss.unwrap_or(loss),
            grad_norm,
            weight_norm: weight_norm(&self.model()),
            skipped: self.progress.skipped_in_a_row,
            resumable: None,
        }
    }

    /// Returns the state of zeros of this rank's part of so many rows.
    fn zero_state(&self, rows: usize) -> StackState<B, C> {
        match self.share.of(rows).len() {
            0 => StackState::<B, C>::default(),
            rows => self.trained().initial_state(rows),
        }
    }

    /// Ends an epoch; the next one starts from a state of zeros. Returns the mean loss of its updates and
    /// whether the epoch is the best so far ([`Progress::end_epoch`]).
    pub fn end_epoch(&mut self, val_loss: Option<f64>) -> (f64, bool) {
        self.progress.rows = self.config.batch_size;
        self.state = self.zero_state(self.progress.rows);
        let train_loss = self.progress.total_loss / self.progress.losses as f64;
        let is_best = self.progress.end_epoch(val_loss, self.config.schedule);
        (train_loss, is_best)
    }

    /// Copies everything that changes from update to update. On several ranks, rank 0 returns the state of all rows and
    /// all moments; the others return the state of their own and no moments.
    pub(crate) fn snapshot(&self, ranks: &dyn Communicator) -> Snapshot {
        let mut state = state_tensors::<B, C>(&self.state);
        let moments = match &self.dealt_out {
            None => self.optimizer.moments(self.trained()),
            Some(stretch) => {
                let tensors = state.values().map(TensorData::as_bytes);
                let states = ranks.gather(&tensors.collect::<Vec<_>>().concat());
                if ranks.rank() == 0 {
                    state = joined_rows(state, &states, self.progress.rows);
                }
                stretch.moments(ranks)
            }
        };
        Snapshot {
            progress: self.progress.clone(),
            weights: tensors::of_module(&self.model()),
            moments,
            state,
        }
    }

    /// Keeps one rank's share of the rows, of the weights to step, and of their moments.
    pub(crate) fn keep(&mut self, share: Share) {
        self.share = share;
        let rows = share.of(self.progress.rows);
        let state = std::mem::take(&mut self.state);
        if !rows.is_empty() {
            self.state = state.map(&mut |_, tensor| tensor.slice([rows.clone()]));
        }
        let optimizer = std::mem::replace(&mut self.optimizer, self.config.optimizer.init());
        self.dealt_out = Some(DealtOut::new(
            share,
            self.config.optimizer,
            self.trained(),
            &optimizer.moments(self.trained()),
            self.progress.updates_learned(),
            &self.device,
        ));
    }

    /// Creates a trainer that continues from a snapshot, whose tensors have the layout of `model`.
    pub(crate) fn from_snapshot(
        config: TrainerConfig,
        model: CharLm<B, C>,
        epoch_length: usize,
        device: &B::Device,
        snapshot: Snapshot,
    ) -> Self {
        let model = tensors::into_module(model, snapshot.weights);
        let mut trainer = Self::new(config, model, epoch_length, device);
        let zeros = trainer.zero_state(snapshot.progress.rows);
        trainer.state = with_tensors::<B, C>(zeros, snapshot.state);
        let updates = snapshot.progress.updates_learned();
        if updates > 0 {
            let model = trainer.model.as_ref().expect("a model between updates");
            trainer.optimizer.restore(model, snapshot.moments, updates);
        }
        trainer.progress = snapshot.progress;
        trainer
    }
}
