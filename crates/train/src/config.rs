//! All settings of a run, under the names that the command line and the file `config.json` use.

use std::path::{Path, PathBuf};

use models::{CellKind, CharLmConfig, Initializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    clip::Clip,
    durable::{self, Disk},
    error::{Error, InFile, check, check_count},
    interval::Interval,
    lanes::Split,
    optimizer::OptimizerConfig,
    schedule::Schedule,
    separator::Separator,
    vocab::Units,
};

/// Everything that decides a run, but for the device it runs on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Where the text is from: files and folders, one after another; none for a text that the program
    /// has itself.
    #[serde(deserialize_with = "paths")]
    pub data: Vec<PathBuf>,
    /// A text that the program knows by name, in place of `data`.
    pub dataset: Option<String>,
    /// What ends each of many short texts that have nothing to do with one another; none where it is
    /// one long text.
    pub documents: Option<Separator>,
    /// Whether a symbol is a character or a byte.
    pub units: Units,
    /// The share of the text that is held out for validation, from 0 to below 1.
    pub val_frac: f64,
    /// Which part that is.
    pub split: Split,

    /// Which recurrent network each layer is.
    pub model: CellKind,
    /// Size of each layer's hidden state.
    pub hidden_size: usize,
    /// How many recurrent layers.
    pub num_layers: usize,
    /// Size of the vector that stands for a character; 0 for one-hot vectors.
    pub embedding_size: usize,
    /// Probability of zeroing an element of a layer's output, in training.
    pub dropout: f64,
    /// What the weights are drawn from.
    pub initializer: Initializer,

    /// Steps of a window: how far back gradients reach (truncated BPTT).
    pub seq_length: usize,
    /// Lanes read side by side.
    pub batch_size: usize,
    /// Passes over the text.
    pub max_epochs: usize,
    /// How a gradient becomes an update.
    pub optimizer: OptimizerConfig,
    /// Size of an update, before the schedule.
    pub learning_rate: f64,
    /// How the learning rate changes in time.
    pub schedule: Schedule,
    /// Stop after so many epochs without a lower validation loss.
    pub patience: Option<usize>,
    /// Limits on the gradient.
    pub grad_clip: Clip,
    /// Decides the weights at the start, and dropout.
    pub seed: u64,

    /// When to save all of the run, besides the end of each epoch.
    pub checkpoint_every: Interval,
    /// How many updates in a row may be skipped ([`trainer`](crate::trainer)) before the run stops.
    pub max_skipped: usize,
    /// Skip an update whose gradient has so many times the norm of the last ones; 0: none.
    pub skip_outliers: f64,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            data: Vec::new(),
            dataset: None,
            documents: None,
            units: Units::Chars,
            val_frac: 0.05,
            split: Split::Lanes,
            model: CellKind::Lstm,
            hidden_size: 128,
            num_layers: 2,
            embedding_size: 64,
            dropout: 0.0,
            initializer: Initializer::PyTorch,
            seq_length: 50,
            batch_size: 50,
            max_epochs: 50,
            optimizer: OptimizerConfig::Adam,
            learning_rate: 2e-3,
            schedule: Schedule::Constant,
            patience: None,
            grad_clip: Clip::Norm(5.0),
            seed: 1,
            checkpoint_every: Interval {
                updates: 0,
                minutes: 10.0,
            },
            max_skipped: 10,
            skip_outliers: 0.0,
        }
    }
}

impl RunConfig {
    /// The defaults of char-rnn (Karpathy 2015, `train.lua`).
    pub fn char_rnn() -> Self {
        RunConfig {
            split: Split::Lanes,
            embedding_size: 0,
            initializer: Initializer::Uniform { bound: 0.08 },
            optimizer: OptimizerConfig::RmsProp { decay: 0.95 },
            schedule: Schedule::Decay {
                factor: 0.97,
                after: 10,
            },
            grad_clip: Clip::Value(5.0),
            ..Self::default()
        }
    }

    /// The model for a vocabulary of `vocab_size` symbols.
    pub fn char_lm(&self, vocab_size: usize) -> CharLmConfig {
        CharLmConfig::new(vocab_size)
            .with_cell(self.model)
            .with_d_embedding(self.embedding_size)
            .with_d_hidden(self.hidden_size)
            .with_n_layers(self.num_layers)
            .with_dropout(self.dropout)
            .with_initializer(self.initializer)
    }

    /// Trainable numbers of the model for a vocabulary of `vocab_size` symbols. A float, for it has to
    /// hold for sizes that no machine has.
    pub fn parameters(&self, vocab_size: usize) -> f64 {
        let (v, e, h) = self.sizes(vocab_size);
        let gates = match self.model {
            CellKind::Rnn => 1.0,
            CellKind::Lstm => 4.0,
        };
        let layer = |d_input: f64| gates * h * (d_input + h + 1.0);
        let first = layer(if e > 0.0 { e } else { v });
        v * e + first + (self.num_layers as f64 - 1.0) * layer(h) + (h + 1.0) * v
    }

    /// Bytes that an update takes at least: weights, their gradients and two moments, and what each
    /// symbol of a batch leaves for the backward pass.
    pub fn memory(&self, vocab_size: usize) -> f64 {
        let (v, e, h) = self.sizes(vocab_size);
        let kept = match self.model {
            CellKind::Rnn => 2.0,
            CellKind::Lstm => 8.0,
        };
        let symbols = self.batch_size as f64 * self.seq_length as f64;
        let symbol = e + kept * h * self.num_layers as f64 + 2.0 * v;
        4.0 * (4.0 * self.parameters(vocab_size) + symbols * symbol)
    }

    fn sizes(&self, vocab_size: usize) -> (f64, f64, f64) {
        (
            vocab_size as f64,
            self.embedding_size as f64,
            self.hidden_size as f64,
        )
    }

    /// Checks each setting against its range.
    ///
    /// # Errors
    ///
    /// Returns an error on the first that is out of it.
    pub fn validate(&self) -> Result<(), Error> {
        for (setting, value, least) in [
            ("hidden_size", self.hidden_size, 1),
            ("num_layers", self.num_layers, 1),
            ("embedding_size", self.embedding_size, 0),
            ("seq_length", self.seq_length, 1),
            ("batch_size", self.batch_size, 1),
            ("max_epochs", self.max_epochs, 1),
        ] {
            check_count(setting, value, least)?;
        }

        if let Some(separator) = &self.documents {
            let reason = "a separator has at least one character";
            check(!separator.0.is_empty(), "documents", separator, reason)?;
        }

        let share = 0.0..1.0;
        let reason = "must be at least 0 and below 1";
        check(
            share.contains(&self.val_frac),
            "val_frac",
            self.val_frac,
            reason,
        )?;
        check(
            share.contains(&self.dropout),
            "dropout",
            self.dropout,
            reason,
        )?;

        let positive = |x: f64| x > 0.0 && x.is_finite();
        let rate = self.learning_rate;
        check(
            positive(rate),
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
            self.checkpoint_every.is_valid(),
            "checkpoint_every",
            self.checkpoint_every,
            Interval::RULE,
        )?;
        check(
            self.skip_outliers == 0.0 || self.skip_outliers > 1.0 && self.skip_outliers.is_finite(),
            "skip_outliers",
            self.skip_outliers,
            "must be a number above 1, or 0 (none)",
        )?;

        if let Some(patience) = self.patience {
            check(patience >= 1, "patience", patience, "must be at least 1")?;
            self.check_held_out("patience", patience)?;
        }
        if let Schedule::Plateau { .. } = self.schedule {
            self.check_held_out("schedule", self.schedule)?;
        }

        let initializer_is_valid = match self.initializer {
            Initializer::PyTorch => true,
            Initializer::Uniform { bound } => positive(bound),
        };
        let reason = "a uniform bound must be a number above 0";
        check(initializer_is_valid, "initializer", "uniform", reason)
    }

    fn check_held_out(&self, setting: &'static str, value: impl ToString) -> Result<(), Error> {
        match self.val_frac > 0.0 {
            true => Ok(()),
            false => Err(Error::NoValidation {
                setting,
                value: value.to_string(),
            }),
        }
    }

    /// Reads the file that [`save`](Self::save) wrote. Settings that it leaves out have their
    /// defaults.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be read, is not such a file, or has a setting out of its
    /// range.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let json = std::fs::read(path).in_file(path)?;
        let config: Self = serde_json::from_slice(&json).map_err(|e| Error::foreign(path, e))?;
        config.validate().map_err(|e| Error::foreign(path, e))?;
        Ok(config)
    }

    /// Writes the settings as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        durable::write_file(&Disk, path, &self.to_json())
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("settings are plain data")
    }

    /// Checks that a run of these settings can go on with those of `now`.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that differs and may not.
    pub fn check_resumed(&self, now: &Self) -> Result<(), Error> {
        let text = "it decides how the text is cut, and so the place in it";
        let weights = "the weights have this form";
        let start = "it decides the start of a run, which is past";
        self.check_same(
            now,
            &[
                ("units", text),
                ("documents", text),
                ("val_frac", text),
                ("split", text),
                ("seq_length", text),
                ("batch_size", text),
                ("model", weights),
                ("hidden_size", weights),
                ("num_layers", weights),
                ("embedding_size", weights),
                ("optimizer", "what it remembers is of no use to another"),
                ("initializer", start),
                ("seed", start),
            ],
        )
    }

    /// Checks that weights of a run of these settings fit into one with those of `new`.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that differs and may not.
    pub fn check_init_from(&self, new: &Self) -> Result<(), Error> {
        let form = "the weights have this form";
        let keys = [
            "units",
            "model",
            "hidden_size",
            "num_layers",
            "embedding_size",
        ];
        self.check_same(new, &keys.map(|key| (key, form)))
    }

    fn check_same(
        &self,
        now: &Self,
        settings: &[(&'static str, &'static str)],
    ) -> Result<(), Error> {
        let json = |config: &Self| serde_json::to_value(config).expect("settings are plain data");
        let (kept, given) = (json(self), json(now));
        let text = |value: &serde_json::Value| match value.is_null() {
            true => "none".to_owned(),
            false => value.to_string().replace('"', ""),
        };
        for &(setting, reason) in settings {
            if kept[setting] != given[setting] {
                return Err(Error::Fixed {
                    setting,
                    value: text(&given[setting]),
                    kept: text(&kept[setting]),
                    reason,
                });
            }
        }
        Ok(())
    }
}

/// A list; one path or none, as older versions wrote it.
fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a path or a list of paths")]
    enum Paths {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match Option::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Paths::One(path)) => vec![path],
        Some(Paths::Many(paths)) => paths,
    })
}
