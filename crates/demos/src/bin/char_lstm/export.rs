//! `char_lstm export`: writes a trained model for another program, and a script that samples from it there.

use std::{
    ffi::OsString,
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
    if let Some(path) = &args.out
        && path
            .extension()
            .is_none_or(|end| end != args.to.extension())
    {
        let (path, instead) = (path.display(), path.with_extension(args.to.extension()));
        let problem = format!(
            "--out {path}: what is written is {}; name it {}",
            args.to.kind(),
            instead.display()
        );
        return Err(UsageError(problem).into());
    }
    backend::run(args.backend.name, Export(args))
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Format::Pytorch => "safetensors",
            Format::Onnx => "onnx",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Format::Pytorch => "a safetensors file, which PyTorch reads",
            Format::Onnx => "an ONNX model",
        }
    }

    /// What the script beside the file needs.
    fn packages(self) -> &'static str {
        match self {
            Format::Pytorch => "torch safetensors numpy",
            Format::Onnx => "onnxruntime numpy",
        }
    }

    /// Returns a script: the model, and how to sample from it.
    fn script(self) -> String {
        let model = match self {
            Format::Pytorch => include_str!("export/model_pytorch.py"),
            Format::Onnx => include_str!("export/model_onnx.py"),
        };
        model.to_owned() + include_str!("export/sample.py")
    }

    fn other(self) -> (Self, &'static str) {
        match self {
            Format::Pytorch => (Format::Onnx, "--to onnx"),
            Format::Onnx => (Format::Pytorch, "--to pytorch"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::Pytorch => "PyTorch",
            Format::Onnx => "ONNX",
        }
    }

    /// Returns the script for the file of this name: `sample_NAME_pytorch.py`.
    fn script_beside(self, file: &Path) -> PathBuf {
        let program = match self {
            Format::Pytorch => "pytorch",
            Format::Onnx => "onnx",
        };
        let mut name = OsString::from("sample_");
        name.push(file.file_stem().unwrap_or_default());
        name.push(format!("_{program}.py"));
        file.with_file_name(name)
    }
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
        let written = |format| match format {
            Format::Pytorch => model
                .to_pytorch()
                .map(|arrays| to_safetensors(&arrays, &about)),
            Format::Onnx => model.to_onnx(&about),
        };
        let Ok(bytes) = written(args.to) else {
            let title = config.model.description().title;
            let (other, flag) = args.to.other();
            let mut problem = format!("--to: {} has no cell like {title}", args.to.name());
            if written(other).is_ok() {
                problem += &format!("; {} has ({flag})", other.name());
            }
            return Err(UsageError(problem).into());
        };
        let in_folder = || {
            folder
                .path()
                .join("model")
                .with_extension(args.to.extension())
        };
        let file = args.out.clone().unwrap_or_else(in_folder);
        let script = args.to.script_beside(&file);
        write(&file, &bytes)?;
        write(&script, args.to.script().as_bytes())?;
        view::tell(&format!(
            "wrote {} and {}\n\npip install {}\npython {}\n",
            file.display(),
            script.display(),
            args.to.packages(),
            shell::quoted(&script),
        ))
    }
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
                // What stands for all unknown characters is written as that one.
                Units::Chars if vocab.has_unknown() && symbol == "\u{fffd}".as_bytes() => {
                    "\u{ffff}".to_owned()
                }
                _ => String::from_utf8_lossy(&symbol).into_owned(),
            }
        })
        .collect();
    vec![
        ("cell", config.model.description().name.to_owned()),
        ("units", config.units.name().to_owned()),
        (
            "documents",
            json(&config.documents.as_ref().map(|separator| &separator.0)),
        ),
        ("vocabulary", json(&symbols)),
    ]
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}
