//! How the learning rate changes over time.

use std::{f64::consts::PI, fmt, str::FromStr};

use crate::serde_text::serde_as_text;

/// The factor by which the learning rate is multiplied: a pure function of the position in the run and of
/// the number of plateaus so far, so it needs no state of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// Always 1.
    Constant,
    /// As in char-rnn: `factor` for each finished epoch from number `after` on.
    Decay {
        /// The factor for one epoch.
        factor: f64,
        /// The first epoch, counted from 1, whose end counts.
        after: usize,
    },
    /// As in torch-rnn: `factor` for every `every` finished epochs.
    Step {
        /// The factor for one step.
        factor: f64,
        /// Epochs between two steps.
        every: usize,
    },
    /// Rises linearly for `warmup` updates, then falls along half a cosine to 0 at the end of the run
    /// (Loshchilov and Hutter 2017).
    Cosine {
        /// Updates for which it rises.
        warmup: usize,
    },
    /// `factor` for each plateau. A plateau is `patience` epochs in a row without a validation loss below the
    /// lowest so far; after it, the count starts again.
    Plateau {
        /// The factor for one plateau.
        factor: f64,
        /// Epochs that make a plateau.
        patience: usize,
    },
}

impl Schedule {
    pub(crate) const RULE: &str = "must be constant, decay:FACTOR:AFTER_EPOCH, step:FACTOR:EPOCHS, \
        cosine:WARMUP_UPDATES or plateau:FACTOR:EPOCHS, with a factor above 0 and counts of at least 1 (warm-up: 0)";

    pub(crate) fn is_valid(self) -> bool {
        match self {
            Schedule::Constant | Schedule::Cosine { .. } => true,
            Schedule::Decay { factor, after: n }
            | Schedule::Step { factor, every: n }
            | Schedule::Plateau {
                factor,
                patience: n,
            } => factor > 0.0 && factor.is_finite() && n >= 1,
        }
    }

    /// Returns the factor for one update. `update` counts from 0 to below `updates`, the length of the run;
    /// an epoch is `epoch_length` updates. `plateaus` is the number of plateaus so far.
    pub fn factor(
        self,
        update: usize,
        epoch_length: usize,
        updates: usize,
        plateaus: usize,
    ) -> f64 {
        let finished_epochs = update / epoch_length;
        match self {
            Schedule::Constant => 1.0,
            Schedule::Decay { factor, after } => {
                factor.powf((finished_epochs + 1).saturating_sub(after) as f64)
            }
            Schedule::Step { factor, every } => factor.powf((finished_epochs / every) as f64),
            Schedule::Cosine { warmup } if update < warmup => {
                (update as f64 + 1.0) / (warmup as f64 + 1.0)
            }
            Schedule::Cosine { warmup } => {
                let done = (update - warmup) as f64 / updates.saturating_sub(warmup).max(1) as f64;
                0.5 * (1.0 + (PI * done).cos())
            }
            Schedule::Plateau { factor, .. } => factor.powf(plateaus as f64),
        }
    }
}

/// `constant`, `decay:0.97:10`, `step:0.5:5`, `cosine:100`, `plateau:0.5:3`.
impl FromStr for Schedule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let real = |text: &str| text.parse::<f64>().map_err(|_| Self::RULE);
        let count = |text: &str| text.parse::<usize>().map_err(|_| Self::RULE);
        let parts: Vec<&str> = text.split(':').collect();
        let schedule = match parts[..] {
            ["constant"] => Schedule::Constant,
            ["decay", factor, after] => Schedule::Decay {
                factor: real(factor)?,
                after: count(after)?,
            },
            ["step", factor, every] => Schedule::Step {
                factor: real(factor)?,
                every: count(every)?,
            },
            ["cosine", warmup] => Schedule::Cosine {
                warmup: count(warmup)?,
            },
            ["plateau", factor, patience] => Schedule::Plateau {
                factor: real(factor)?,
                patience: count(patience)?,
            },
            _ => return Err(Self::RULE),
        };
        if schedule.is_valid() {
            Ok(schedule)
        } else {
            Err(Self::RULE)
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Constant => write!(f, "constant"),
            Schedule::Decay { factor, after } => write!(f, "decay:{factor}:{after}"),
            Schedule::Step { factor, every } => write!(f, "step:{factor}:{every}"),
            Schedule::Cosine { warmup } => write!(f, "cosine:{warmup}"),
            Schedule::Plateau { factor, patience } => write!(f, "plateau:{factor}:{patience}"),
        }
    }
}

serde_as_text!(Schedule);
