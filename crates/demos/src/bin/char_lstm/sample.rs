//! `char_lstm sample`: generates text with a trained model.

use std::{borrow::Cow, collections::HashSet, fs, path::Path};

use anyhow::{Context, Result};
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    exit::UsageError,
};
use train::{RunFolder, Sampling, Units, Vocab};
use unicode_normalization::UnicodeNormalization;

use crate::{
    args::{SampleArgs, Unknown},
    runs::trained_run,
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
    let folder = trained_run(args.run.as_deref(), args.checkpoint)?;
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
            warm_up: &as_known(&warm_up, &vocab),
            prime: &as_known(&prime, &vocab),
            skip_unknown: matches!(args.unknown, Unknown::Skip),
            temperature: args.temperature,
            seed: args.seed,
        };
        write_text(&model, &vocab, &how, args.length, args.raw)
    }
}

/// Returns a text with its accents as the vocabulary has them: `é` as one character or as two (Unicode Standard
/// Annex 15). A text that is not known either way stays as it is.
fn as_known<'a>(text: &'a [u8], vocab: &Vocab) -> Cow<'a, [u8]> {
    let known: HashSet<char> = vocab.chars().into_iter().collect();
    let is_known = |text: &str| text.chars().all(|symbol| known.contains(&symbol));
    match str::from_utf8(text) {
        Ok(text) if vocab.units() != Units::Bytes && !is_known(text) => {
            let forms: [String; 2] = [text.nfc().collect(), text.nfd().collect()];
            let known = forms.into_iter().find(|text| is_known(text));
            known.map_or(text.as_bytes().into(), |text| text.into_bytes().into())
        }
        _ => text.into(),
    }
}

fn read(file: &Path) -> Result<Cow<'static, [u8]>> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(bytes.into())
}
