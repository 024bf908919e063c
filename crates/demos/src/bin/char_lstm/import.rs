//! `char_lstm import`: makes a run of a character model that PyTorch trained.

use std::path::Path;

use anyhow::{Context, Result};
use burn::{module::Module, tensor::backend::AutodiffBackend};
use demos::{
    backend::{self, OpenBackend, Program},
    exit::UsageError,
    shell, view,
};
use models::{
    AnyCell, CharLm, Stack,
    weights::{CharLmNames, Form, LayerWeights, WeightFile},
};
use train::{RunFolder, Vocab, run::imported_config};

use crate::{args::ImportArgs, runs::RUNS};

struct Import(ImportArgs);

pub fn run(args: ImportArgs) -> Result<()> {
    backend::run(args.backend.name, Import(args))
}

impl Program for Import {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let Import(args) = self;
        let device = &backend.device;
        let vocab = Vocab::load_foreign(&args.vocab)?;
        let file = WeightFile::open(&args.file)?;
        let names = CharLmNames {
            embedding: args.embedding.clone(),
            rnn: args.rnn.clone(),
            head: args.head.clone(),
        };
        let model = read::<B::InnerBackend>(&file, &names, args.relu, device)
            .map_err(|e| e.context(args.file.display().to_string()))?;
        let known = vocab.size();
        let [_, scores] = model.head.weight.dims();
        if known != scores {
            let problem = format!(
                "--vocab {}: {known} characters, but the model in {} has {scores}",
                args.vocab.display(),
                args.file.display()
            );
            return Err(UsageError(problem).into());
        }
        let config =
            imported_config(&model, &vocab).with_context(|| args.file.display().to_string())?;
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

/// Returns the model of a file, with all biases, as a run has them.
fn read<B: burn::tensor::backend::Backend>(
    file: &WeightFile,
    names: &CharLmNames,
    relu: bool,
    device: &B::Device,
) -> Result<CharLm<B, AnyCell<B>>> {
    let model: CharLm<B, AnyCell<B>> = CharLm::from_pytorch(file, names, device)?;
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
