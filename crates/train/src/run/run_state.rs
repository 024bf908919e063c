//! What a run must know to resume, except for its tensors.

use serde::{Deserialize, Serialize};

use models::{CellKind, Kind};

use super::config::RunConfig;
use crate::{
    error::Error,
    learn::Progress,
    text::{Corpus, TextId, Vocab},
};

/// What a checkpoint holds in `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "K: Kind")]
pub struct RunState<K = CellKind> {
    /// How far the run has come.
    pub progress: Progress,
    /// Updates in an epoch.
    pub epoch_length: usize,
    /// All settings.
    pub config: RunConfig<K>,
    /// The symbols in the order of their tokens.
    pub vocab: Vocab,
    /// The text that the run learns from.
    pub text: TextId,
    /// The text that it is validated on, if that is another one.
    #[serde(default)]
    pub val_text: Option<TextId>,
    /// Length of `metrics.jsonl` in bytes.
    pub log_length: u64,
}

impl<K: Kind> RunState<K> {
    /// Checks that this run can be resumed with this text and these settings.
    pub(super) fn check_resumed(
        &self,
        corpus: &Corpus,
        config: &RunConfig<K>,
    ) -> Result<(), Error> {
        self.config.check_resumed(config)?;
        if *corpus.id() != self.text {
            return Err(Error::OtherText {
                name: corpus.name.clone(),
                found: corpus.id().to_string(),
                expected: self.text.to_string(),
            });
        }
        if corpus.held_out_id() != self.val_text.as_ref() {
            let id = |id: Option<&TextId>| id.map_or("none".to_owned(), TextId::to_string);
            return Err(Error::OtherText {
                name: "the text to validate on".to_owned(),
                found: id(corpus.held_out_id()),
                expected: id(self.val_text.as_ref()),
            });
        }
        if corpus.vocab != self.vocab {
            return Err(Error::Foreign {
                path: "vocab.json".into(),
                reason: "not the vocabulary of the checkpoint".to_owned(),
            });
        }
        if config.max_epochs < self.progress.epoch {
            return Err(Error::Setting {
                setting: "max_epochs",
                value: config.max_epochs.to_string(),
                reason: "the run has finished more epochs",
            });
        }
        Ok(())
    }

    /// Checks that a run can have these numbers.
    pub(super) fn check(&self) -> Result<(), String> {
        self.config.validate().map_err(|e| e.to_string())?;
        self.vocab.check()?;
        let progress = &self.progress;
        let finished = progress.epoch.checked_mul(self.epoch_length);
        let window = finished.and_then(|done| progress.update.checked_sub(done));
        let holds = window.is_some_and(|window| window <= self.epoch_length)
            && self.epoch_length > 0
            && (1..=self.config.batch_size).contains(&progress.rows)
            && progress.skipped <= progress.update
            && progress.skipped_in_a_row <= progress.skipped
            && progress.losses <= progress.update
            && progress.epoch <= self.config.max_epochs
            && progress.waited.max(progress.plateaus) <= progress.epoch
            && progress.total_loss.is_finite()
            && progress.mean_norm.is_finite()
            && progress
                .best
                .is_none_or(|(loss, epoch)| epoch <= progress.epoch && loss.is_finite());
        match holds {
            true => Ok(()),
            false => Err("its numbers do not agree".to_owned()),
        }
    }
}
