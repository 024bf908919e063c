//! How far a run has come.

use serde::{Deserialize, Serialize};

use super::{config::TrainerConfig, schedule::Schedule};
use crate::serde_text::exact;

/// How many updates [`Progress::mean_norm`] is the mean over.
pub const MEAN_OVER: usize = 100;

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Updates done, including skipped ones.
    pub update: usize,
    /// Rows of the last batch, and so of the state.
    pub rows: usize,
    /// Epochs finished, including their validation.
    pub epoch: usize,
    /// Sum of the losses of this epoch's updates that were not skipped.
    #[serde(with = "exact")]
    pub total_loss: f64,
    /// How many losses this sum has.
    pub losses: usize,
    /// The lowest validation loss, in nats, and the epoch after which it was reached.
    #[serde(with = "exact::best")]
    pub best: Option<(f64, usize)>,
    /// Epochs since the lowest validation loss, the last plateau or the last change of the learning rate or
    /// its schedule, whichever came last.
    pub waited: usize,
    /// Plateaus since the learning rate or its schedule last changed.
    pub plateaus: usize,
    /// Updates skipped.
    pub skipped: usize,
    /// Updates skipped since the last one that was not.
    pub skipped_in_a_row: usize,
    /// Mean of the gradient norm over about the last [`MEAN_OVER`] updates.
    #[serde(with = "exact")]
    pub mean_norm: f64,
}

impl Progress {
    /// Ends an epoch and returns whether it is the best so far: whether `val_loss` is below the lowest, or
    /// there is none.
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

    /// Returns how many updates were not skipped.
    pub(crate) fn updates_learned(&self) -> usize {
        self.update - self.skipped
    }

    /// Continues with other settings. A new learning rate or schedule holds from here on: past plateaus no
    /// longer reduce it.
    pub fn change(&mut self, before: &TrainerConfig, now: &TrainerConfig) {
        let rate = |config: &TrainerConfig| (config.learning_rate, config.schedule);
        if rate(before) != rate(now) {
            self.waited = 0;
            self.plateaus = 0;
        }
    }

    /// Returns whether the run ends here: after `max_epochs` epochs, or after `patience` epochs in a row
    /// without a validation loss below the lowest.
    pub fn is_over(&self, max_epochs: usize, patience: Option<usize>) -> bool {
        let best = self.best.map_or(self.epoch, |(_, epoch)| epoch);
        self.epoch >= max_epochs || patience.is_some_and(|patience| self.epoch - best >= patience)
    }
}
