//! `char_lstm score`: how well a trained model predicts a text.

use anyhow::{Result, bail};
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    open_files, view,
};
use models::AnyCell;
use train::{Corpus, TextConfig, Units, bits_per_char, run::Score, score};

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
            encoding: args.encoding,
            known: Some(vocab.clone()),
            ..config.text()
        };
        let corpus = Corpus::read(&args.data, &how)?;
        let model = folder.load_model::<B::InnerBackend, AnyCell<_>>(&config, &vocab, device)?;
        let documents = config.documents.as_ref();
        let score = score(&model, &vocab, &corpus, documents, device)?;
        let Score {
            nats,
            chars_per_symbol,
            symbols,
        } = score;
        if !nats.is_finite() {
            bail!(
                "{}: the model gives no finite scores for it: its state grows without end",
                corpus.name
            );
        }
        let symbol = view::symbol(vocab.units());
        let character = match vocab.units() {
            Units::Bytes => "byte",
            _ => "character",
        };
        let bits = bits_per_char(nats / chars_per_symbol);
        let (name, perplexity) = (&corpus.name, nats.exp());
        let symbols = view::plural(symbols, symbol);
        view::tell(&view::wrapped(&format!(
            "{name}: {nats:.4} nats per {symbol} ({bits:.3} bits per {character}), perplexity {perplexity:.2}, {symbols}\n"
        )))
    }
}
