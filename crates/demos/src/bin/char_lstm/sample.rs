//! `char_lstm sample`: generates text with a trained model.

use std::{borrow::Cow, fs, path::Path};

use anyhow::{Context, Result};
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    exit::UsageError,
};
use train::{RunFolder, Sampling, run::METRICS};

use crate::{
    args::{SampleArgs, Unknown},
    runs::{newest_run, note_early_weights},
    write_text::write_text,
};

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
        None => newest_run(METRICS)?,
    };
    let mut folder = RunFolder::open(&path)?;
    if let Some(update) = args.checkpoint {
        folder = folder.at_checkpoint(update)?;
    } else {
        note_early_weights(&folder);
    }
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
        let args = &self.args;
        let warm_up = match &args.warm_up {
            Some(file) => read(file)?,
            None => Cow::from(b"\n"),
        };
        let prime = match &args.prime_file {
            Some(file) => read(file)?,
            None => Cow::from(args.prime_text.as_bytes()),
        };
        let how = Sampling {
            documents: config.documents.as_ref(),
            warm_up: &warm_up,
            prime: &prime,
            skip_unknown: matches!(args.unknown, Unknown::Skip),
            temperature: args.temperature,
            seed: args.seed,
        };
        write_text(&model, &vocab, &how, args.length, args.raw)
    }
}

fn read(file: &Path) -> Result<Cow<'static, [u8]>> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(bytes.into())
}
