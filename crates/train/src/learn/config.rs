//! How a model is trained.

use super::{clip::Clip, optimizer::OptimizerConfig, schedule::Schedule};
use crate::error::{Error, check, check_count};

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainerConfig {
    /// How a gradient becomes an update.
    pub optimizer: OptimizerConfig,
    /// The learning rate before the schedule.
    pub learning_rate: f64,
    /// How the learning rate changes over time.
    pub schedule: Schedule,
    /// How the gradient is clipped.
    pub grad_clip: Clip,
    /// Passes over the text.
    pub max_epochs: usize,
    /// Rows of the first batch of an epoch.
    pub batch_size: usize,
    /// Decides dropout's masks.
    pub seed: u64,
    /// How many updates in a row may be skipped before training ends with an error.
    pub max_skipped: usize,
    /// Skip an update whose gradient norm is more than this many times its recent mean; 0 skips none.
    pub skip_outliers: f64,
}

impl TrainerConfig {
    /// Checks that each setting is in its range.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that is not.
    pub fn validate(&self) -> Result<(), Error> {
        check_count("max_epochs", self.max_epochs, 1)?;
        let rate = self.learning_rate;
        check(
            rate > 0.0 && rate.is_finite(),
            "learning_rate",
            rate,
            "must be a number above 0",
        )?;
        check(
            self.grad_clip.is_valid(),
            "grad_clip",
            self.grad_clip,
            Clip::RULE,
        )?;
        check(
            self.schedule.is_valid(),
            "schedule",
            self.schedule,
            Schedule::RULE,
        )?;
        check(
            self.optimizer.is_valid(),
            "optimizer",
            self.optimizer,
            OptimizerConfig::RULE,
        )?;
        check(
            self.skip_outliers == 0.0 || self.skip_outliers > 1.0 && self.skip_outliers.is_finite(),
            "skip_outliers",
            self.skip_outliers,
            "must be a number above 1, or 0 (none)",
        )
    }
}
