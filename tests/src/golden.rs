//! The golden values that the scripts in `tests/golden` computed.

use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::{Element, Tensor, TensorData, backend::Backend};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// One case of a golden file: its tensors by name.
pub struct Case(BTreeMap<String, TensorData>);

impl Case {
    /// The tensor of this name, in the precision of `B`.
    pub fn get<B: Backend, const D: usize>(&self, name: &str) -> Option<Tensor<B, D>> {
        let options = (&B::Device::default(), B::FloatElem::dtype());
        let data = self.0.get(name)?.clone();
        Some(Tensor::from_data(data, options))
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// All gradients.
    pub fn gradients(&self) -> impl Iterator<Item = &TensorData> {
        let gradients = self.0.iter().filter(|(name, _)| name.starts_with("d_"));
        gradients.map(|(_, values)| values)
    }

    /// The values of the tensor of this name, as PyTorch computed them.
    ///
    /// # Panics
    ///
    /// Panics if the case has no tensor of this name.
    pub fn data(&self, name: &str) -> &TensorData {
        self.0.get(name).unwrap_or_else(|| panic!("no {name}"))
    }
}

/// All cases of `tests/golden/<name>.safetensors`, by name.
///
/// # Panics
///
/// Panics if the file does not have the form that `golden.py` writes.
pub fn cases(name: &str) -> BTreeMap<String, Case> {
    cases_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden"), name)
}

/// All cases of `<folder>/<name>.safetensors`, by name.
///
/// # Panics
///
/// Panics if the file does not have the form that the scripts in `tests/golden` write.
pub fn cases_in(folder: &Path, name: &str) -> BTreeMap<String, Case> {
    let bytes = fs::read(folder.join(name).with_extension("safetensors")).expect("a golden file");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");

    let mut cases = BTreeMap::new();
    for (path, view) in file.iter() {
        let (case, tensor) = path.split_once('/').expect("<case>/<tensor>");
        let case = cases.entry(case.to_owned());
        let Case(tensors) = case.or_insert_with(|| Case(BTreeMap::new()));
        tensors.insert(tensor.to_owned(), values(&view));
    }
    cases
}

/// The values in f64, which represents f32 exactly.
fn values(view: &TensorView) -> TensorData {
    let bytes = view.data();
    let values: Vec<f64> = match view.dtype() {
        Dtype::F32 => numbers(bytes, |b| f32::from_le_bytes(b).into()),
        Dtype::F64 => numbers(bytes, f64::from_le_bytes),
        Dtype::I64 => numbers(bytes, |b| i64::from_le_bytes(b) as f64),
        other => panic!("a golden file in {other:?}"),
    };
    TensorData::new(values, view.shape().to_vec())
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (numbers, []) = bytes.as_chunks::<N>() else {
        panic!("cut off within a number");
    };
    numbers.iter().copied().map(number).collect()
}
