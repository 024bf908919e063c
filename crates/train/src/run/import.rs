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

/// Returns the settings of a run whose model another program trained. What does not follow from the model is
/// the default.
///
/// # Errors
///
/// Returns an error if no run has such a model: `vocab` has another size than the model's, or its layers are
/// not those that the settings would make.
pub fn imported_config<B: Backend, C: Cell<B>>(
    model: &CharLm<B, C>,
    vocab: &Vocab,
) -> Result<RunConfig<C::Kind>, Error> {
    let [hidden_size, vocab_size] = model.head.weight.dims();
    let known = vocab.size();
    if known != vocab_size {
        return Err(Error::Imported(format!(
            "the vocabulary has {known} symbols, but the model scores {vocab_size}"
        )));
    }
    let layers = &model.stack.layers;
    let kind = layers.first().map_or_else(Default::default, C::kind);
    let config = RunConfig {
        hidden_size,
        units: vocab.units(),
        num_layers: layers.len(),
        embedding_size: model.embedding.as_ref().map_or(0, |e| e.weight.dims()[1]),
        ..RunConfig::of_kind(kind)
    };
    let weights = tensors::of_module(model);
    if let Some((name, _)) = weights.iter().find(|(_, data)| !tensors::is_finite(data)) {
        return Err(Error::Imported(format!(
            "{name} has a number that is not finite"
        )));
    }
    let layout = tensors::layout(&weights);
    let fresh: CharLm<B, C> = config.new_model(vocab_size, &model.head.weight.device());
    let of_run = tensors::layout_of_module(&fresh);
    let mut differing = of_run
        .iter()
        .filter(|(name, shape)| layout.get(*name) != Some(shape));
    match differing.next() {
        None => Ok(config),
        Some((name, shape)) => Err(Error::Imported(format!(
            "a run has {} layers of {hidden_size} alike, whose {name} is {shape:?}; this model's is {:?}",
            C::description(kind).title,
            layout.get(name).map_or(&[][..], |shape| shape)
        ))),
    }
}

impl RunFolder {
    /// Fills the folder with a model that another program trained, so that it can be sampled, scored, and
    /// trained on (`Run::init_from`).
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub fn save_imported<B: Backend, C: Cell<B>>(
        &self,
        config: &RunConfig<C::Kind>,
        model: &CharLm<B, C>,
        vocab: &Vocab,
    ) -> Result<(), Error> {
        self.save_settings(config, vocab)?;
        let checkpoints = self.checkpoints();
        fs::create_dir(&checkpoints).in_file(&checkpoints)?;
        fs::write(self.metrics(), "").in_file(&self.metrics())?;
        self.save_weights(&tensors::to_bytes(&tensors::of_module(model)))
    }
}
