//! `char_lstm export`: writes a trained model for another program, and a script that samples from it there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    exit::UsageError,
    shell, view,
};
use models::{AnyCell, weights::to_safetensors};
use train::{RunConfig, Units, Vocab};

use crate::{
    args::{ExportArgs, Format},
    runs::trained_run,
};

struct Export<'a>(&'a ExportArgs);

pub fn run(args: &ExportArgs) -> Result<()> {
    let is_pickle = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "pt" || end == "pth")
    };
    if let Some(path) = args.out.as_ref().filter(|path| is_pickle(path))
        && args.to == Format::Pytorch
    {
        let (path, instead) = (path.display(), path.with_extension("safetensors"));
        let problem = format!(
            "--out {path}: what is written is safetensors, which PyTorch reads too; name it {}",
            instead.display()
        );
        return Err(UsageError(problem).into());
    }
    backend::run(args.backend.name, Export(args))
}

impl Program for Export<'_> {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let Export(args) = self;
        let folder = trained_run(args.run.as_deref(), args.checkpoint)?;
        let (config, vocab) = (folder.config()?, folder.vocab()?);
        let device = &backend.device;
        let model = folder.load_model::<B::InnerBackend, AnyCell<_>>(&config, &vocab, device)?;
        let about = about(&config, &vocab);
        let about: Vec<(&str, &str)> = about
            .iter()
            .map(|(key, text)| (*key, text.as_str()))
            .collect();
        let (bytes, name, script, packages) = match args.to {
            Format::Pytorch => {
                let bytes = to_safetensors(&model.to_pytorch()?, &about);
                let script = include_str!("export/sample_pytorch.py");
                (
                    bytes,
                    "model.safetensors",
                    script,
                    "torch safetensors numpy",
                )
            }
            Format::Onnx => {
                let script = include_str!("export/sample_onnx.py");
                (
                    model.to_onnx(&about)?,
                    "model.onnx",
                    script,
                    "onnxruntime numpy",
                )
            }
        };
        let file = args.out.clone().unwrap_or_else(|| folder.path().join(name));
        let script_file = script_of(&file);
        write(&file, &bytes)?;
        write(&script_file, script.as_bytes())?;
        view::tell(&format!(
            "wrote {} and {}\n\npip install {packages}\npython {}\n",
            file.display(),
            script_file.display(),
            shell::quoted(&script_file),
        ))
    }
}

/// The script beside a file finds it by its own name.
fn script_of(file: &Path) -> PathBuf {
    file.with_extension("py")
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).with_context(|| file.display().to_string())
}

/// What the scripts need to know, for the header of the file.
fn about(config: &RunConfig, vocab: &Vocab) -> Vec<(&'static str, String)> {
    let symbols: Vec<String> = (0..vocab.size() as u32)
        .map(|token| {
            let mut symbol = Vec::new();
            vocab.decode(token, &mut symbol);
            match vocab.units() {
                // One character for each byte.
                Units::Bytes => symbol.iter().map(|&byte| char::from(byte)).collect(),
                _ => String::from_utf8_lossy(&symbol).into_owned(),
            }
        })
        .collect();
    vec![
        ("cell", config.model.description().name.to_owned()),
        ("units", config.units.name().to_owned()),
        (
            "vocabulary",
            serde_json::to_string(&symbols).expect("a list of texts"),
        ),
    ]
}
