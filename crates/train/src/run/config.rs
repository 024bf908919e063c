//! All settings of a run, under the names that `config.json` uses.

use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;
use models::{Cell, CellKind, CharLm, CharLmConfig, Description, Init, Initializer, Kind};
use serde::{Deserialize, Serialize};

use super::{
    every::Every,
    paths::{self, is_copy},
};
use crate::{
    batches::{BatchConfig, Split},
    disk::{Disk, atomic},
    error::{Error, InFile, check, check_count},
    learn::{Clip, OptimizerConfig, Schedule, TrainerConfig},
    text::{Encoding, Records, Separator, TextConfig, Units},
};

/// Everything that decides a run, except for the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "defaults", bound = "K: Kind")]
pub struct RunConfig<K = CellKind> {
    /// The files and folders that make up the text, in order; empty if the text comes from elsewhere.
    #[serde(with = "paths")]
    pub data: Vec<PathBuf>,
    /// A text that the program knows by name, instead of `data`.
    pub dataset: Option<String>,
    /// A text to validate on, in files and folders, instead of a part of `data`.
    #[serde(with = "paths")]
    pub val_data: Vec<PathBuf>,
    /// What ends each of many independent documents; `None` if the text is one long document.
    pub documents: Option<Separator>,
    /// What one symbol is.
    pub units: Units,
    /// The encoding of the text; `None` is UTF-8.
    pub encoding: Option<Encoding>,
    /// Whether `\r\n` and `\r` stay as they are.
    pub keep_line_ends: bool,
    /// The column of CSV files that is the text ([`Records::Csv`]).
    pub csv: Option<String>,
    /// The field of JSON lines that is the text ([`Records::Jsonl`]).
    pub jsonl: Option<String>,
    /// How often a symbol must occur to be one of its own ([`TextConfig::min_count`]).
    pub min_count: usize,
    /// How many words or pieces there are at most ([`TextConfig::vocab_size`]).
    pub vocab_size: usize,
    /// The share of the text that is held out for validation, from 0 to below 1.
    pub val_frac: f64,
    /// Which part that is.
    pub split: Split,

    /// Which cell each layer is, a [`Kind`].
    pub model: K,
    /// Size of each layer's hidden state.
    pub hidden_size: usize,
    /// Number of recurrent layers.
    pub num_layers: usize,
    /// Size of the vector that stands for a symbol; 0 for one-hot vectors.
    pub embedding_size: usize,
    /// Probability of zeroing an element of a layer's output during training.
    pub dropout: f64,
    /// Probability of zeroing a recurrent weight for a whole window during training.
    pub weight_dropout: f64,
    /// The distribution that the initial weights are drawn from.
    pub initializer: Initializer,

    /// Steps of a window: how far back gradients reach (truncated BPTT).
    pub seq_length: usize,
    /// Lanes or documents read side by side.
    pub batch_size: usize,
    /// Passes over the text.
    pub max_epochs: usize,
    /// How a gradient becomes an update.
    pub optimizer: OptimizerConfig,
    /// The learning rate before the schedule.
    pub learning_rate: f64,
    /// How the learning rate changes over time.
    pub schedule: Schedule,
    /// Early stopping: end the run after this many epochs without a lower validation loss.
    pub patience: Option<usize>,
    /// How the gradient is clipped.
    pub grad_clip: Clip,
    /// Decides the initial weights, dropout and the order of documents.
    pub seed: u64,

    /// When to validate and to write a sample, in addition to the end of each epoch.
    pub eval_every: Every,
    /// When to save a checkpoint, in addition to the end of each epoch.
    pub checkpoint_every: Every,
    /// How many updates in a row may be skipped ([`Trainer`](crate::Trainer)) before the run ends with an
    /// error.
    pub max_skipped: usize,
    /// Skip an update whose gradient norm is more than this many times its recent mean; 0 skips none.
    pub skip_outliers: f64,
}

/// The defaults, with layers of this kind.
fn of_kind<K: Kind>(model: K) -> RunConfig<K> {
    RunConfig {
        data: Vec::new(),
        dataset: None,
        val_data: Vec::new(),
        documents: None,
        units: Units::Chars,
        encoding: None,
        keep_line_ends: false,
        csv: None,
        jsonl: None,
        min_count: 1,
        vocab_size: TextConfig::default().vocab_size,
        val_frac: 0.05,
        split: Split::Lanes,
        model,
        hidden_size: 128,
        num_layers: 2,
        embedding_size: 64,
        dropout: 0.0,
        weight_dropout: 0.0,
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
        eval_every: Every {
            updates: 0,
            minutes: 10.0,
        },
        checkpoint_every: Every {
            updates: 0,
            minutes: 10.0,
        },
        max_skipped: 10,
        skip_outliers: 0.0,
    }
}

fn defaults<K: Kind>() -> RunConfig<K> {
    of_kind(K::default())
}

impl Default for RunConfig {
    fn default() -> Self {
        defaults()
    }
}

impl RunConfig {
    /// Returns the defaults of char-rnn (Karpathy 2015, `train.lua`).
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

    /// Returns the config of the model for a vocabulary of `vocab_size` symbols.
    pub fn char_lm(&self, vocab_size: usize) -> CharLmConfig {
        self.model_config(vocab_size).with_cell(self.model)
    }
}

impl<K: Kind> RunConfig<K> {
    /// Returns the default settings, with layers of this kind.
    pub fn of_kind(model: K) -> Self {
        of_kind(model)
    }

    /// Returns settings for a text as short as Shakespeare's plays (1.1 million characters), whose last tenth is
    /// held out, as nanoGPT does. `benches/src/bin/recipes` shows what each part of them brings.
    pub fn shakespeare(model: K) -> Self {
        RunConfig {
            val_frac: 0.1,
            split: Split::Tail,
            hidden_size: 560,
            dropout: 0.2,
            weight_dropout: 0.2,
            seq_length: 100,
            batch_size: 16,
            max_epochs: 10,
            learning_rate: 2e-3,
            schedule: Schedule::Cosine { warmup: 100 },
            grad_clip: Clip::Norm(1.0),
            ..of_kind(model)
        }
    }

    /// Returns how files become the text.
    pub fn text(&self) -> TextConfig {
        let csv = self.csv.clone().map(Records::Csv);
        TextConfig {
            units: self.units,
            encoding: self.encoding,
            keep_line_ends: self.keep_line_ends,
            documents: self.documents.clone(),
            records: csv.or(self.jsonl.clone().map(Records::Jsonl)),
            min_count: self.min_count,
            vocab_size: self.vocab_size,
            known: None,
        }
    }

    /// Returns how the text is cut into batches.
    pub fn batches(&self) -> BatchConfig {
        BatchConfig {
            batch_size: self.batch_size,
            seq_length: self.seq_length,
            val_frac: self.val_frac,
            split: self.split,
            documents: self.documents.clone(),
            seed: self.seed,
        }
    }

    /// Returns how the model is trained.
    pub fn trainer(&self) -> TrainerConfig {
        TrainerConfig {
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            grad_clip: self.grad_clip,
            max_epochs: self.max_epochs,
            batch_size: self.batch_size,
            seed: self.seed,
            max_skipped: self.max_skipped,
            skip_outliers: self.skip_outliers,
        }
    }

    /// Returns the model that a new run starts from, for a vocabulary of `vocab_size` symbols: the same
    /// weights on every backend for the same [`seed`](Self::seed).
    pub fn new_model<B: Backend, C: Cell<B, Kind = K>>(
        &self,
        vocab_size: usize,
        device: &B::Device,
    ) -> CharLm<B, C> {
        let init = &mut Init::from_seed(self.seed, device);
        self.model_config(vocab_size).init_of(self.model, init)
    }

    /// The config of the model, except for the kind of its layers.
    fn model_config(&self, vocab_size: usize) -> CharLmConfig {
        CharLmConfig::new(vocab_size)
            .with_d_embedding(self.embedding_size)
            .with_d_hidden(self.hidden_size)
            .with_n_layers(self.num_layers)
            .with_dropout(self.dropout)
            .with_weight_dropout(self.weight_dropout)
            .with_initializer(self.initializer)
    }

    /// Returns the number of parameters of the model for a vocabulary of `vocab_size` symbols. It is a float
    /// because it must be right even for sizes that no machine can hold.
    pub fn parameters(&self, cell: &Description, vocab_size: usize) -> f64 {
        let (v, e, h) = self.sizes(vocab_size);
        let layer = |d_input: f64| (cell.parameters)(d_input, h);
        let first = layer(if e > 0.0 { e } else { v });
        v * e + first + (self.num_layers as f64 - 1.0) * layer(h) + (h + 1.0) * v
    }

    /// Returns the least number of bytes that an update takes: weights, their gradients and two moments, and
    /// what each symbol of a batch leaves for the backward pass.
    pub fn memory(&self, cell: &Description, vocab_size: usize) -> f64 {
        let (v, e, h) = self.sizes(vocab_size);
        let saved = (cell.saved)(h);
        let symbols = self.batch_size as f64 * self.seq_length as f64;
        let symbol = e + saved * self.num_layers as f64 + 2.0 * v;
        4.0 * (4.0 * self.parameters(cell, vocab_size) + symbols * symbol)
    }

    fn sizes(&self, vocab_size: usize) -> (f64, f64, f64) {
        (
            vocab_size as f64,
            self.embedding_size as f64,
            self.hidden_size as f64,
        )
    }

    /// Checks that layers of this cell have what the settings act on.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that acts on nothing.
    pub fn check_cell(&self, cell: &Description) -> Result<(), Error> {
        check(
            self.weight_dropout == 0.0 || cell.recurrent_weights,
            "weight_dropout",
            self.weight_dropout,
            "this cell has no recurrent weights",
        )
    }

    /// Checks that each of `n` ranks has a row of a batch.
    ///
    /// # Errors
    ///
    /// Returns an error if there are more ranks than rows.
    pub fn check_ranks(&self, n: usize) -> Result<(), Error> {
        match self.batch_size < n {
            false => Ok(()),
            true => Err(Error::FewRows {
                batch_size: self.batch_size,
                ranks: n,
            }),
        }
    }

    /// Checks that each setting is in its range.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that is not.
    pub fn validate(&self) -> Result<(), Error> {
        for (setting, value, least) in [
            ("hidden_size", self.hidden_size, 1),
            ("num_layers", self.num_layers, 1),
            ("embedding_size", self.embedding_size, 0),
        ] {
            check_count(setting, value, least)?;
        }
        for (setting, p) in [
            ("dropout", self.dropout),
            ("weight_dropout", self.weight_dropout),
        ] {
            let is_probability = (0.0..1.0).contains(&p);
            check(is_probability, setting, p, "must be at least 0 and below 1")?;
        }
        self.batches().validate()?;
        self.trainer().validate()?;
        for (setting, every) in [
            ("eval_every", self.eval_every),
            ("checkpoint_every", self.checkpoint_every),
        ] {
            check(every.is_valid(), setting, every, Every::RULE)?;
        }
        self.validate_text()?;

        if let Some(patience) = self.patience {
            check(patience >= 1, "patience", patience, "must be at least 1")?;
            self.check_held_out("patience", patience)?;
        }
        if let Schedule::Plateau { .. } = self.schedule {
            self.check_held_out("schedule", self.schedule)?;
        }

        let initializer_is_valid = match self.initializer {
            Initializer::Uniform { bound } => bound > 0.0 && bound.is_finite(),
            _ => true,
        };
        let reason = "a uniform bound must be a number above 0";
        check(initializer_is_valid, "initializer", "uniform", reason)
    }

    /// Checks the settings that say what the text is.
    fn validate_text(&self) -> Result<(), Error> {
        check_count("min_count", self.min_count, 1)?;
        let reason = "must be from 1 to 1000000";
        let has_room = (1..=1_000_000).contains(&self.vocab_size);
        check(has_room, "vocab_size", self.vocab_size, reason)?;
        let both = self.csv.is_some() && self.jsonl.is_some();
        let jsonl = self.jsonl.as_deref().unwrap_or_default();
        check(!both, "jsonl", jsonl, "the text is a column of CSV already")?;
        let rare = (self.min_count > 1).then(|| self.min_count.to_string());
        let encoding = self.encoding.map(|encoding| encoding.to_string());
        for (setting, given) in [
            ("encoding", encoding),
            ("csv", self.csv.clone()),
            ("jsonl", self.jsonl.clone()),
            ("min_count", rare),
        ] {
            let fits = self.units != Units::Bytes || given.is_none();
            let value = given.unwrap_or_default();
            check(
                fits,
                setting,
                value,
                "applies to characters, but the units are bytes",
            )?;
        }
        Ok(())
    }

    fn check_held_out(&self, setting: &'static str, value: impl ToString) -> Result<(), Error> {
        match self.val_frac > 0.0 || !self.val_data.is_empty() {
            true => Ok(()),
            false => Err(Error::NoValidation {
                setting,
                value: value.to_string(),
            }),
        }
    }

    /// Reads the file that [`save`](Self::save) wrote. Missing settings have their defaults.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is not such a file, or has a setting out of its range.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let json = std::fs::read(path).in_file(path)?;
        let mut config: Self =
            serde_json::from_slice(&json).map_err(|e| Error::foreign(path, e))?;
        // Runs once held out documents at regular intervals under this name. Their models can still be read.
        if config.documents.is_some() && config.split == Split::Lanes {
            config.split = Split::Random;
        }
        config.validate().map_err(|e| Error::foreign(path, e))?;
        // The copy of a text lies beside the settings.
        for named in config.data.iter_mut().chain(&mut config.val_data) {
            let copy = path.with_file_name(&*named);
            if is_copy(named) && copy.is_file() {
                *named = std::path::absolute(&copy).in_file(&copy)?;
            }
        }
        Ok(config)
    }

    /// Writes the settings as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        atomic::write_file(&Disk, path, &self.to_json())
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("settings are plain data")
    }

    /// Checks that a run with these settings can be resumed with the settings `now`.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that differs but must not.
    pub fn check_resumed(&self, now: &Self) -> Result<(), Error> {
        let text = "it decides how the text is cut, and so the position in it";
        let weights = "the weights have this shape";
        let start = "it decides the start of a run, which is past";
        self.check_same(
            now,
            &[
                ("units", text),
                ("documents", text),
                ("encoding", text),
                ("keep_line_ends", text),
                ("csv", text),
                ("jsonl", text),
                ("min_count", text),
                ("vocab_size", text),
                ("val_frac", text),
                ("split", text),
                ("seq_length", text),
                ("batch_size", text),
                ("model", weights),
                ("hidden_size", weights),
                ("num_layers", weights),
                ("embedding_size", weights),
                ("optimizer", "another optimiser cannot use its moments"),
                ("initializer", start),
                ("seed", start),
            ],
        )
    }

    /// Checks that the weights of a run with these settings fit a run with the settings `new`.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that differs but must not.
    pub fn check_init_from(&self, new: &Self) -> Result<(), Error> {
        let shape = "the weights have this shape";
        let keys = [
            "units",
            "model",
            "hidden_size",
            "num_layers",
            "embedding_size",
        ];
        self.check_same(new, &keys.map(|key| (key, shape)))
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
