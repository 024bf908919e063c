//! A run of a model that another program trained.

use std::fs;

use burn::tensor::backend::Backend;
use models::{Cell, CharLm};

use super::{config::RunConfig, folder::RunFolder};
use crate::{
    disk::tensors,
    error::{Error, InFile},
    text::Vocab,
};

impl RunFolder {
    /// Fills the folder with a model that another program trained, so that it can be sampled, scored, and trained on
    /// (`Run::init_from`). Settings that do not follow from the model are the defaults.
    ///
    /// # Errors
    ///
    /// Returns an error if `vocab` has another size than the model's, if its layers are not all alike, or if a file cannot
    /// be written.
    pub fn save_imported<B: Backend, C: Cell<B>>(
        &self,
        model: &CharLm<B, C>,
        vocab: &Vocab,
    ) -> Result<RunConfig<C::Kind>, Error> {
        let [hidden_size, vocab_size] = model.head.weight.dims();
        if vocab.size() != vocab_size {
            let problem = format!(
                "{} symbols, but the model scores {vocab_size}",
                vocab.size()
            );
            return Err(Error::Imported(format!("the vocabulary has {problem}")));
        }
        let kind = model
            .stack
            .layers
            .first()
            .map_or_else(Default::default, C::kind);
        let config = RunConfig {
            hidden_size,
            units: vocab.units(),
            num_layers: model.stack.layers.len(),
            embedding_size: model.embedding.as_ref().map_or(0, |e| e.weight.dims()[1]),
            ..RunConfig::of_kind(kind)
        };
        let layout = tensors::layout_of_module(model);
        let fresh: CharLm<B, C> = config.new_model(vocab_size, &model.head.weight.device());
        if let Some((name, _)) = tensors::layout_of_module(&fresh)
            .iter()
            .find(|(name, shape)| layout.get(*name) != Some(shape))
        {
            return Err(Error::Imported(format!(
                "the layers of the model are not alike, as those of a run are: {name}"
            )));
        }
        self.save_settings(&config, vocab)?;
        let checkpoints = self.checkpoints();
        fs::create_dir(&checkpoints).in_file(&checkpoints)?;
        fs::write(self.metrics(), "").in_file(&self.metrics())?;
        self.save_weights(&tensors::to_bytes(&tensors::of_module(model)))?;
        Ok(config)
    }
}
