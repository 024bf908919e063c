//! Starts a run: from a new model, or from the weights of another run.

use std::fs;

use burn::{module::AutodiffModule, tensor::backend::AutodiffBackend};
use models::{AnyCell, CharLm, TrainableCell};

use super::{
    config::RunConfig,
    events::Event,
    folder::RunFolder,
    metrics_log::MetricsLog,
    training_loop::{Outcome, Run, RunFiles},
};
use crate::{
    batches::split,
    disk::tensors,
    error::{Error, InFile},
    learn::Trainer,
    ranks::Alone,
    text::Corpus,
};

/// Trains a new model on `corpus` to the end, saves it in `folder` and reports events to `listen`.
///
/// The same corpus, settings and backend give the same weights, bit for bit. (Dropout draws from the
/// backend's random number generator, of which Burn has one per process: with dropout this holds only for
/// one run at a time.)
///
/// # Errors
///
/// Returns the errors of [`Run::new`] and [`Run::go`].
pub fn train<B: AutodiffBackend>(
    corpus: &Corpus,
    config: &RunConfig,
    device: &B::Device,
    folder: &RunFolder,
    listen: impl FnMut(&Event),
) -> Result<Outcome<B::InnerBackend>, Error> {
    let folder = || Ok(folder.clone());
    Run::<B, AnyCell<B>>::new(corpus, config, device, folder)?.go(|| false, listen)
}

impl<'a, B: AutodiffBackend, C: TrainableCell<B>> Run<'a, B, C> {
    /// Creates a run from the start. `folder` is called once everything else is known to be in order.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is out of its range, the text is too short, the folder cannot be
    /// written, or another run trains in it.
    pub fn new(
        corpus: &'a Corpus,
        config: &RunConfig<C::Kind>,
        device: &B::Device,
        folder: impl FnOnce() -> Result<RunFolder, Error>,
    ) -> Result<Self, Error> {
        Self::begin(corpus, config, device, folder, || {
            Ok(config.new_model(corpus.vocab.size(), device))
        })
    }

    /// Creates a run from the start of the text and the weights of the run in `old`, whose symbols have the
    /// same tokens in `corpus` ([`TextConfig::known`](crate::TextConfig::known)). Weights for new symbols are drawn
    /// as for a new model.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new), and an error if the weights do not fit.
    pub fn init_from(
        old: &RunFolder,
        corpus: &'a Corpus,
        config: &RunConfig<C::Kind>,
        device: &B::Device,
        folder: impl FnOnce() -> Result<RunFolder, Error>,
    ) -> Result<Self, Error> {
        let (old_config, old_vocab) = (old.config::<C::Kind>()?, old.vocab()?);
        old_config.check_init_from(config)?;
        Self::begin(corpus, config, device, folder, || {
            let known =
                old.load_model::<B::InnerBackend, C::Inner>(&old_config, &old_vocab, device)?;
            let fresh = config.new_model::<B, C>(corpus.vocab.size(), device);
            let weights = tensors::overlaid(
                tensors::of_module(&fresh.valid()),
                &tensors::of_module(&known),
            );
            Ok(tensors::into_module(fresh, weights))
        })
    }

    fn begin(
        corpus: &'a Corpus,
        config: &RunConfig<C::Kind>,
        device: &B::Device,
        folder: impl FnOnce() -> Result<RunFolder, Error>,
        model: impl FnOnce() -> Result<CharLm<B, C>, Error>,
    ) -> Result<Self, Error> {
        config.validate()?;
        config.check_cell(C::description(config.model))?;
        let (batches, val_batches) = split(corpus, &config.batches())?;
        let epoch_length = batches.n_batches();
        let trainer = Trainer::new(config.trainer(), model()?, epoch_length, device);
        let folder = folder()?;
        let lock = folder.lock()?;
        let config = folder.save_streams(corpus, config)?;
        folder.save_settings(&config, &corpus.vocab)?;
        let checkpoints = folder.checkpoints();
        fs::create_dir(&checkpoints).in_file(&checkpoints)?;
        let metrics = MetricsLog::create(folder.metrics())?;
        Ok(Run {
            corpus,
            config,
            device: device.clone(),
            ranks: &Alone,
            batches,
            val_batches,
            trainer,
            chars_per_symbol: 1.0,
            best: tensors::to_bytes(&Default::default()).into(),
            resumed: None,
            files: Some(RunFiles::new(folder, lock, metrics)),
        })
    }
}
