//! A run on several ranks: rank 0 has the folder and tells the others where the run stands.

use burn::tensor::{Element, backend::AutodiffBackend};
use models::TrainableCell;

use super::{config::RunConfig, training_loop::Run};
use crate::{
    batches::split,
    disk::tensors::{self, Layout},
    error::Error,
    learn::{Progress, Snapshot, SnapshotLayout, Trainer},
    ranks::{Alone, Communicator},
    text::Corpus,
};

impl<'a, B: AutodiffBackend, C: TrainableCell<B>> Run<'a, B, C> {
    /// Shares the run with other ranks, on rank 0: each other rank must [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Returns an error if there are more ranks than rows.
    ///
    /// # Panics
    ///
    /// Panics on another rank than 0.
    pub fn share(mut self, ranks: &'a dyn Communicator) -> Result<Self, Error> {
        assert_eq!(ranks.rank(), 0, "the other ranks join");
        self.config.check_ranks(ranks.size())?;
        if ranks.size() == 1 {
            return Ok(self);
        }
        let snapshot = self.trainer.snapshot(&Alone);
        let progress = serde_json::to_vec(&snapshot.progress).expect("plain data");
        let resumed = [u8::from(self.resumed.is_some())];
        ranks.broadcast(0, &progress);
        ranks.broadcast(0, &resumed);
        for tensors in [&snapshot.weights, &snapshot.moments, &snapshot.state] {
            ranks.broadcast(0, &tensors::to_bytes(tensors));
        }
        ranks.broadcast(0, &self.best);
        self.keep_share(ranks);
        Ok(self)
    }

    /// Joins the run that rank 0 [shares](Self::share). `corpus` and `config` must be the same on all ranks.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is out of its range, there are more ranks than rows, or the text is too short.
    ///
    /// # Panics
    ///
    /// Panics if the settings differ from those of rank 0.
    pub fn join(
        corpus: &'a Corpus,
        config: &RunConfig<C::Kind>,
        device: &B::Device,
        ranks: &'a dyn Communicator,
    ) -> Result<Self, Error> {
        config.validate()?;
        config.check_ranks(ranks.size())?;
        let (batches, val_batches) = split(corpus, &config.batches())?;
        let progress = ranks.broadcast(0, &[]);
        let progress: Progress = serde_json::from_slice(&progress).expect("rank 0 wrote it");
        let resumed = ranks.broadcast(0, &[]) == [1];
        let model = config.new_model::<B, C>(corpus.vocab.size(), device);
        let layout = SnapshotLayout::new(&config.trainer(), &model, &progress);
        let receive = |layout: &Layout| {
            let bytes = ranks.broadcast(0, &[]);
            let tensors = tensors::parse(&bytes, layout, B::FloatElem::dtype());
            tensors.expect("rank 0 has the same settings")
        };
        let snapshot = Snapshot {
            progress,
            weights: receive(&layout.weights),
            moments: receive(&layout.moments),
            state: receive(&layout.state),
        };
        let epoch_length = batches.n_batches();
        let trainer =
            Trainer::from_snapshot(config.trainer(), model, epoch_length, device, snapshot);
        let mut run = Run {
            corpus,
            config: config.clone(),
            device: device.clone(),
            ranks,
            files: None,
            batches,
            val_batches,
            trainer,
            chars_per_symbol: 1.0,
            best: ranks.broadcast(0, &[]).into(),
            resumed: resumed.then(Vec::new),
        };
        run.keep_share(ranks);
        Ok(run)
    }

    /// Keeps this rank's rows.
    fn keep_share(&mut self, ranks: &'a dyn Communicator) {
        self.ranks = ranks;
        let share = ranks.share();
        self.trainer.keep(share);
        self.batches.keep(share);
        if let Some(batches) = &mut self.val_batches {
            batches.keep(share);
        }
    }
}
