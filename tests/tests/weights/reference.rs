//! The models that `tests/golden/weights.py` made in other frameworks, with inputs and their outputs. A few are
//! committed; the rest is read too if `WEIGHTS` names a folder of them:
//!
//!     python tests/golden/weights.py pytorch FOLDER
//!     WEIGHTS=FOLDER cargo test -p tests --test weights

use std::{env, fs, path::PathBuf};

use burn::tensor::{Tensor, TensorData};
use burn_ndarray::NdArray;
use models::{RecurrentCell, RecurrentState, Stack, weights::WeightFile};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

pub type B = NdArray<f32>;

/// A model and its outputs.
pub struct Reference {
    folder: PathBuf,
    case: Value,
}

/// Returns the models of the manifests of this name, `manifest.NAME.json`.
pub fn references(manifest: &str) -> Vec<Reference> {
    let committed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/weights"));
    let mut references = Vec::new();
    for folder in [committed]
        .into_iter()
        .chain(env::var_os("WEIGHTS").map(PathBuf::from))
    {
        let Ok(text) = fs::read(folder.join(format!("manifest.{manifest}.json"))) else {
            continue;
        };
        let cases: Vec<Value> = serde_json::from_slice(&text).expect("a list of cases");
        references.extend(cases.into_iter().map(|case| Reference {
            folder: folder.clone(),
            case,
        }));
    }
    references
}

impl Reference {
    pub fn text(&self, key: &str) -> &str {
        self.case[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key} in {}", self.case))
    }

    pub fn is(&self, key: &str) -> bool {
        self.case[key].as_bool().unwrap_or(false)
    }

    pub fn number(&self, key: &str) -> usize {
        let number = self.case[key]
            .as_u64()
            .unwrap_or_else(|| panic!("no {key}"));
        usize::try_from(number).expect("a small number")
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let list = self.case[key].as_array().into_iter().flatten();
        list.map(|text| text.as_str().expect("texts").to_owned())
            .collect()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join(self.text("file"))
    }

    pub fn file(&self) -> WeightFile {
        WeightFile::open(self.path()).unwrap_or_else(|e| panic!("{}: {e}", self.text("name")))
    }

    /// The inputs and outputs.
    pub fn data(&self, name: &str) -> Option<TensorData> {
        let bytes = fs::read(self.folder.join(self.text("io"))).expect("inputs and outputs");
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let tensor = file.tensor(name).ok()?;
        let shape = tensor.shape().to_vec();
        let data = tensor.data();
        Some(match tensor.dtype() {
            Dtype::F32 => {
                let (numbers, _) = data.as_chunks();
                let values: Vec<f32> = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
                TensorData::new(values, shape)
            }
            Dtype::I64 => {
                let (numbers, _) = data.as_chunks();
                let values: Vec<i64> = numbers.iter().map(|&b| i64::from_le_bytes(b)).collect();
                TensorData::new(values, shape)
            }
            other => panic!("{other:?}"),
        })
    }

    pub fn tensor<const D: usize>(&self, name: &str) -> Tensor<B, D> {
        let data = self.data(name).unwrap_or_else(|| panic!("no {name}"));
        Tensor::from_data(data, &Default::default())
    }

    /// Asserts that a stack gives the outputs and final states of the reference.
    pub fn assert_outputs<C: RecurrentCell<B>>(&self, stack: &Stack<B, C>) {
        let name = self.text("name");
        let (y, state) = stack.forward(self.tensor("x"), None);
        assert_close(name, "y", y, self.tensor("y"));
        let states = state.tensors();
        // h, or h and c, of each direction of each layer.
        let per = if self.text("cell") == "lstm" { 2 } else { 1 };
        for (i, what) in ["h", "c"].into_iter().enumerate().take(per) {
            let Some(expected) = self.data(what) else {
                continue;
            };
            let ours: Vec<Tensor<B, 2>> = states.iter().skip(i).step_by(per).cloned().collect();
            let ours: Tensor<B, 3> = Tensor::stack(ours, 0);
            assert_close(
                name,
                what,
                ours,
                Tensor::from_data(expected, &Default::default()),
            );
        }
    }
}

/// Asserts that two tensors differ by at most 1e-5.
pub fn assert_close<const D: usize>(name: &str, what: &str, a: Tensor<B, D>, b: Tensor<B, D>) {
    assert_eq!(a.dims(), b.dims(), "{name}: {what}");
    let worst = (a - b).abs().max().into_scalar();
    assert!(worst <= 1e-5, "{name}: {what} differs by {worst:e}");
}
