//! `char_lstm sample`: a trained model writes.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use burn::tensor::backend::{AutodiffBackend, Backend};
use demos::{
    backend::{self, Answering, Program},
    exit::UsageError,
};
use models::CharLm;
use train::{RunFolder, Sampler, Separator, TextStream, Vocab, run::WEIGHTS};

use crate::{args::SampleArgs, train_run::RUNS};

struct SampleRun {
    folder: RunFolder,
    args: SampleArgs,
}

pub fn run(args: SampleArgs) -> Result<()> {
    if !(args.temperature >= 0.0 && args.temperature.is_finite()) {
        let given = args.temperature;
        let problem = format!("--temperature {given}: must be a number of at least 0");
        return Err(UsageError(problem).into());
    }
    let path = match &args.run {
        Some(path) => path.clone(),
        None => newest_run(WEIGHTS)?,
    };
    let folder = RunFolder::open(&path)?;
    backend::run(args.backend, SampleRun { folder, args })
}

impl Program for SampleRun {
    fn run<B: AutodiffBackend>(self, backend: Answering<B>) -> Result<()> {
        let (config, vocab) = (self.folder.config()?, self.folder.vocab()?);
        let device = &backend.device;
        let model = self
            .folder
            .load_model::<B::InnerBackend>(&config, &vocab, device)?;
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

/// A text to write.
pub struct Text<'a> {
    pub documents: Option<&'a Separator>,
    pub prime: &'a str,
    pub length: usize,
    pub temperature: f64,
    pub seed: u64,
}

impl Text<'_> {
    /// Writes it to standard output, symbol by symbol. If nobody reads any more, that is the end.
    pub fn write<B: Backend>(&self, model: &CharLm<B>, vocab: &Vocab) -> Result<()> {
        let sampler = Sampler::new(
            model,
            vocab,
            self.documents,
            self.prime,
            self.temperature,
            self.seed,
        )?;
        let mut stream = TextStream::new(vocab);
        let mut out = io::stdout().lock();
        let mut write = |text: &str| {
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            match written {
                Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
                Err(e) => Err(e).context("standard output"),
                Ok(()) => Ok(true),
            }
        };
        let mut read = write(self.prime)?;
        for token in sampler.take(self.length) {
            if !read {
                return Ok(());
            }
            read = write(&stream.push(token))?;
        }
        write(&(stream.finish() + "\n")).map(|_| ())
    }
}

/// The run in [`RUNS`] whose file of this name was written last.
pub fn newest_run(file: &str) -> Result<PathBuf> {
    let written = |run: PathBuf| {
        let written = fs::metadata(run.join(file)).and_then(|file| file.modified());
        written.ok().map(|time| (time, run))
    };
    let runs = fs::read_dir(Path::new(RUNS))
        .into_iter()
        .flatten()
        .flatten();
    let newest = runs.filter_map(|entry| written(entry.path())).max();
    newest.map(|(_, run)| run).ok_or_else(|| {
        let problem = format!("no run in {RUNS}/ yet; train one first, or name a folder");
        UsageError(problem).into()
    })
}
