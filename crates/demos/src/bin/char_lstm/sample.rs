//! `char_lstm sample`: generates text with a trained model.

use anyhow::Result;
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    exit::UsageError,
};
use train::{RunFolder, run::WEIGHTS};

use crate::{args::SampleArgs, runs::newest_run, write_text::Text};

struct SampleRun {
    folder: RunFolder,
    args: SampleArgs,
}

pub fn run(args: SampleArgs) -> Result<()> {
    if !(args.temperature >= 0.0 && args.temperature.is_finite()) {
        let given = args.temperature;
        let problem = format!("--temperature {given}: must be a finite number of at least 0");
        return Err(UsageError(problem).into());
    }
    let path = match &args.run {
        Some(path) => path.clone(),
        None => newest_run(WEIGHTS)?,
    };
    let folder = RunFolder::open(&path)?;
    backend::run(args.backend.name, SampleRun { folder, args })
}

impl Program for SampleRun {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let (config, vocab) = (self.folder.config()?, self.folder.vocab()?);
        let device = &backend.device;
        let model = self
            .folder
            .load_model::<B::InnerBackend, models::AnyCell<B::InnerBackend>>(
                &config, &vocab, device,
            )?;
        let text = Text {
            documents: config.documents.as_ref(),
            prime: &self.args.prime_text,
            length: self.args.length,
            temperature: self.args.temperature,
            seed: self.args.seed,
        };
        text.write(&model, &vocab)
    }
}
