//! Resumes a run from its newest intact checkpoint.

use std::{fs, path::PathBuf};

use burn::tensor::{Element, backend::AutodiffBackend};
use models::TrainableCell;

use super::{
    checkpoint::{self, Checkpoint},
    config::RunConfig,
    folder::RunFolder,
    metrics_log::MetricsLog,
    training_loop::{Run, RunFiles},
};
use crate::{
    batches::split,
    disk::tensors::Layout,
    error::{Error, InFile},
    learn::{SnapshotLayout, Trainer},
    ranks::Alone,
    text::Corpus,
};

impl<'a, B: AutodiffBackend, C: TrainableCell<B>> Run<'a, B, C> {
    /// Resumes the run in `folder` from its newest intact checkpoint; the result is bit-identical to an
    /// uninterrupted run. `corpus` must have the vocabulary of the folder
    /// ([`TextConfig::known`](crate::TextConfig::known)). Some settings may change ([`RunConfig::check_resumed`]).
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such checkpoint, if the text or a fixed setting differs from the run,
    /// or if another process trains in the folder.
    pub fn resume(
        corpus: &'a Corpus,
        config: &RunConfig<C::Kind>,
        device: &B::Device,
        folder: &RunFolder,
    ) -> Result<Self, Error> {
        config.validate()?;
        let lock = folder.lock()?;
        let checkpoints = folder.checkpoints();
        let mut cut = None;
        let mut damaged = Vec::new();
        for (_, path) in checkpoint::list(&checkpoints)? {
            let checkpoint = match Checkpoint::open(&path) {
                Ok(checkpoint) => checkpoint,
                Err(e @ Error::NewerFormat { .. }) => return Err(e),
                Err(e) => {
                    damaged.push((path, e.to_string()));
                    continue;
                }
            };
            checkpoint.run.check_resumed(corpus, config)?;
            if cut.is_none() {
                cut = Some(split(corpus, &config.batches())?);
            }
            let epoch_length = cut.as_ref().map_or(0, |(batches, _)| batches.n_batches());
            let restored = restore(config, epoch_length, device, &checkpoint);
            let (trainer, best) = match restored {
                Ok(restored) => restored,
                Err(e) => {
                    damaged.push((path, e.to_string()));
                    continue;
                }
            };

            let (batches, val_batches) = cut.expect("cut");
            put_aside(&damaged)?;
            let config = folder.save_streams(corpus, config)?;
            folder.save_config(&config)?;
            if trainer.progress().epoch > 0 {
                folder.save_weights(&best)?;
            }
            let metrics = MetricsLog::open_at(folder.metrics(), checkpoint.run.log_length)?;
            return Ok(Run {
                corpus,
                config,
                device: device.clone(),
                ranks: &Alone,
                batches,
                val_batches,
                trainer,
                chars_per_symbol: 1.0,
                best: best.into(),
                files: Some(RunFiles::new(folder.clone(), lock, metrics)),
                resumed: Some(damaged.into_iter().map(|(_, why)| why).collect()),
            });
        }
        Err(Error::NoCheckpoint {
            path: checkpoints,
            passed_over: damaged.into_iter().map(|(_, why)| why).collect(),
        })
    }
}

/// Returns a trainer that continues from a checkpoint, and the file of the best weights, which has no
/// tensors before the end of the first epoch.
fn restore<B: AutodiffBackend, C: TrainableCell<B>>(
    config: &RunConfig<C::Kind>,
    epoch_length: usize,
    device: &B::Device,
    checkpoint: &Checkpoint<C::Kind>,
) -> Result<(Trainer<B, C>, Vec<u8>), Error> {
    let precision = <B::FloatElem as Element>::dtype();
    let run = &checkpoint.run;
    let cell = C::description(run.config.model);
    config.check_cell(cell)?;
    checkpoint.check_sizes(cell, epoch_length, precision)?;
    let model = config.new_model::<B, C>(run.vocab.size(), device);
    let trainer = config.trainer();
    let layout = SnapshotLayout::new(&trainer, &model, &run.progress);
    let mut snapshot = checkpoint.read_snapshot(&layout, precision)?;
    let best = match run.progress.epoch {
        0 => checkpoint.read_best(&Layout::new(), precision)?,
        _ => checkpoint.read_best(&layout.weights, precision)?,
    };
    snapshot.progress.change(&run.config.trainer(), &trainer);
    let trainer = Trainer::from_snapshot(trainer, model, epoch_length, device, snapshot);
    Ok((trainer, best))
}

/// Renames damaged checkpoints, so that they are no longer in the way.
fn put_aside(damaged: &[(PathBuf, String)]) -> Result<(), Error> {
    for (path, _) in damaged {
        let aside = path.with_extension("damaged");
        if aside.exists() {
            fs::remove_dir_all(&aside).in_file(&aside)?;
        }
        fs::rename(path, &aside).in_file(path)?;
    }
    Ok(())
}
