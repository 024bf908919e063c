//! `char_lstm import`: makes a run of a character model that PyTorch trained.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use burn::{module::Module, tensor::backend::AutodiffBackend};
use demos::{
    backend::{self, OpenBackend, Program},
    exit::UsageError,
    shell, view,
};
use models::{
    AnyCell, CharLm, Stack,
    weights::{CharLmNames, Form, LayerWeights, WeightFile, WeightsError},
};
use train::{RunFolder, Separator, Vocab, run::imported_config};

use crate::{args::ImportArgs, runs::RUNS};

struct Import(ImportArgs);

pub fn run(args: ImportArgs) -> Result<()> {
    backend::run(args.backend.name, Import(args))
}

impl Program for Import {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let Import(args) = self;
        let device = &backend.device;
        let file = WeightFile::open(&args.file)?;
        let names = CharLmNames {
            embedding: args.embedding.clone(),
            rnn: args.rnn.clone(),
            head: args.head.clone(),
        };
        let name = args.file.display();
        let relu = args.relu || file.about("cell") == Some("irnn");
        let model = read::<B::InnerBackend>(&file, &names, relu, device)
            .with_context(|| name.to_string())?;
        let [_, scores] = model.head.weight.dims();
        let vocab = vocab(&args, &file, scores)?;
        if vocab.size() != scores {
            let (known, list) = (vocab.size(), args.vocab.unwrap_or_default());
            let list = list.display();
            let problem =
                format!("--vocab {list}: {known} characters, but the model in {name} has {scores}");
            return Err(UsageError(problem).into());
        }
        let mut config = imported_config(&model, &vocab).with_context(|| name.to_string())?;
        config.documents = documents(&file);
        let folder = match &args.out {
            Some(path) => RunFolder::create(path)?,
            None => {
                let name = args.file.file_stem().unwrap_or_default().to_string_lossy();
                RunFolder::create_numbered(Path::new(RUNS), &name)?
            }
        };
        folder.save_imported(&config, &model, &vocab)?;
        let path = shell::quoted(folder.path());
        view::tell(&format!(
            "{}: {} × {} {}, {}\n{} sample {path}\n",
            folder.path().display(),
            config.num_layers,
            config.hidden_size,
            config.model.description().title,
            view::plural(model.num_params(), "parameter"),
            shell::program("char_lstm"),
        ))
    }
}

/// Returns the characters of the model in the file, which scores so many.
fn vocab(args: &ImportArgs, file: &WeightFile, scores: usize) -> Result<Vocab> {
    let Some(path) = &args.vocab else {
        let known = file.about("vocabulary").and_then(|list| {
            let json = match file.about("units")? {
                "bytes" => r#"{"units": "bytes"}"#.to_owned(),
                units => format!(r#"{{"units": "{units}", "symbols": {list}}}"#),
            };
            Vocab::from_json(&json).ok()
        });
        return known.ok_or_else(|| {
            let name = args.file.display();
            UsageError(format!(
                "{name}: it does not say which characters the model knows (--vocab)"
            ))
            .into()
        });
    };
    let vocab = Vocab::load_foreign(path)?;
    Ok(match vocab {
        // An editor ends a file with a line feed.
        Vocab::Chars(mut known) if known.len() == scores + 1 && known.last() == Some(&'\n') => {
            known.pop();
            Vocab::Chars(known)
        }
        vocab => vocab,
    })
}

/// Returns what ended the documents that a model of `export` was trained on.
fn documents(file: &WeightFile) -> Option<Separator> {
    let separator: Option<String> = serde_json::from_str(file.about("documents")?).ok()?;
    separator.map(Separator)
}

/// Returns the model of a file, with all biases, as a run has them.
fn read<B: burn::tensor::backend::Backend>(
    file: &WeightFile,
    names: &CharLmNames,
    relu: bool,
    device: &B::Device,
) -> Result<CharLm<B, AnyCell<B>>> {
    let model: CharLm<B, AnyCell<B>> =
        CharLm::from_pytorch(file, names, device).map_err(|error| match error {
            WeightsError::Missing { .. } | WeightsError::Ambiguous { .. } => {
                anyhow!("{error} (--embedding, --rnn, --head)")
            }
            other => other.into(),
        })?;
    let is_plain = |layer: &AnyCell<B>| matches!(layer, AnyCell::Rnn(_));
    if relu && !model.stack.layers.iter().all(is_plain) {
        let problem = "--relu: only an nn.RNN can have it, which this model has not";
        return Err(UsageError(problem.into()).into());
    }
    let of_run = |layer: LayerWeights<B::FloatElem>| LayerWeights {
        form: match layer.form {
            Form::TanhRnn if relu => Form::ReluRnn,
            form => form,
        },
        ..layer.with_biases()
    };
    let layers = model.stack.to_layers()?.into_iter();
    let layers: Vec<Vec<_>> = layers
        .map(|layer| layer.into_iter().map(of_run).collect())
        .collect();
    Ok(CharLm {
        stack: Stack::from_layers(layers, device)?,
        ..model
    })
}
