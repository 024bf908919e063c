//! `char_lstm score`: how well a trained model predicts a text.

use anyhow::Result;
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    open_files, view,
};
use models::AnyCell;
use train::{Corpus, TextConfig, bits_per_char, run::Score, score};

use crate::{args::ScoreArgs, runs::trained_run};

struct ScoreRun<'a>(&'a ScoreArgs);

pub fn run(args: &ScoreArgs) -> Result<()> {
    backend::run(args.backend.name, ScoreRun(args))
}

impl Program for ScoreRun<'_> {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let ScoreRun(args) = self;
        let device = &backend.device;
        let folder = trained_run(args.run.as_deref(), args.checkpoint)?;
        let (config, vocab) = (folder.config()?, folder.vocab()?);
        open_files::raise_limit();
        let how = TextConfig {
            min_count: if vocab.has_unknown() {
                1
            } else {
                config.min_count
            },
            ..config.text()
        };
        let corpus = Corpus::read(&args.data, &how)?.with_known(&vocab)?;
        let model = folder.load_model::<B::InnerBackend, AnyCell<_>>(&config, &vocab, device)?;
        let documents = config.documents.as_ref();
        let Score { nats, symbols } = score(&model, &vocab, &corpus, documents, device)?;
        let bits = bits_per_char(nats);
        let perplexity = nats.exp();
        let name = &corpus.name;
        let symbols = view::plural(symbols, "symbol");
        view::tell(&view::wrapped(&format!(
            "{name}: {nats:.4} nats, {bits:.4} bits per character, perplexity {perplexity:.3}, over {symbols}\n"
        )))
    }
}
