//! What we write for others. Here it is read back; whether PyTorch and onnxruntime compute the same with it is
//! seen with
//!
//!     EXPORTS=FOLDER cargo test -p tests --test weights exports
//!     python tests/golden/weights.py load_pytorch FOLDER/pytorch
//!     python tests/golden/weights.py run_onnx FOLDER/onnx

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use burn::tensor::{Distribution, Int, Tensor, TensorData};
use models::{
    Activation, AnyCell, Bidirectional, CellKind, CharLm, CharLmConfig, Gru, GruConfig, Lstm,
    LstmConfig, PeepholeLstm, ProjectedLstm, ProjectedLstmConfig, RecurrentCell, RecurrentState,
    Rnn, RnnConfig, Stack, StackConfig,
    weights::{Array, NamedArrays, OnnxFile, WeightFile, to_safetensors},
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

use crate::reference::B;

const D_INPUT: usize = 3;
const H: usize = 4;

/// Models, and the folder that they go to if there is one.
struct Exports {
    folder: Option<PathBuf>,
    cases: Vec<Value>,
}

impl Exports {
    fn new(kind: &str) -> Self {
        let folder = env::var_os("EXPORTS").map(|folder| Path::new(&folder).join(kind));
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).expect("a folder");
        }
        Exports {
            folder,
            cases: Vec::new(),
        }
    }

    fn add(&mut self, case: Value, file: &[u8], io: &BTreeMap<String, TensorData>) {
        if let Some(folder) = &self.folder {
            let name = |key: &str| folder.join(case[key].as_str().expect("a name"));
            fs::write(name("file"), file).expect("written");
            let views = io.iter().map(|(name, data)| {
                let dtype = if data.dtype.is_float() {
                    Dtype::F32
                } else {
                    Dtype::I64
                };
                let shape = data.shape.iter().copied().collect();
                (
                    name,
                    TensorView::new(dtype, shape, data.as_bytes()).expect("a tensor"),
                )
            });
            fs::write(
                name("io"),
                safetensors::serialize(views, None).expect("tensors"),
            )
            .expect("written");
        }
        self.cases.push(case);
    }

    fn finish(self, name: &str) {
        if let Some(folder) = self.folder {
            let text = serde_json::to_vec_pretty(&self.cases).expect("JSON");
            fs::write(folder.join(format!("manifest.{name}.json")), text).expect("written");
        }
    }
}

fn data<const D: usize>(tensor: &Tensor<B, D>) -> TensorData {
    tensor.to_data()
}

/// What goes in and comes out, under the names of an ONNX model: the state starts from random numbers.
fn run<C: RecurrentCell<B>>(stack: &Stack<B, C>, per_state: usize) -> BTreeMap<String, TensorData> {
    let device = Default::default();
    let x = Tensor::<B, 3>::random([2, 5, D_INPUT], Distribution::Default, &device);
    let random = |t: Tensor<B, 2>| t.random_like(Distribution::Uniform(-0.5, 0.5));
    let initial = stack.initial_state(2).map(&mut |_, t| random(t));
    let (y, last) = stack.forward(x.clone(), Some(initial.clone()));
    let mut io = BTreeMap::from([("x".to_owned(), data(&x)), ("y".to_owned(), data(&y))]);
    for (prefix, state) in [("", initial), ("next_", last)] {
        let tensors = state.tensors();
        let n = tensors.len() / stack.layers.len();
        for (layer, tensors) in tensors.chunks(n).enumerate() {
            for (i, what) in ["hidden", "cell"].into_iter().enumerate().take(per_state) {
                let of_directions: Vec<_> =
                    tensors.iter().skip(i).step_by(per_state).cloned().collect();
                let stacked: Tensor<B, 3> = Tensor::stack(of_directions, 0);
                io.insert(format!("{prefix}{what}_{layer}"), data(&stacked));
            }
        }
    }
    io
}

fn onnx<C: RecurrentCell<B>>(
    exports: &mut Exports,
    name: &str,
    stack: &Stack<B, C>,
    per_state: usize,
) {
    let bytes = stack.to_onnx().expect("ONNX has it");
    let file = OnnxFile::from_bytes("memory", bytes.clone()).expect("our own");
    let again: Stack<B, C> = Stack::from_onnx(&file, "", &Default::default()).expect("our own");
    assert_eq!(
        again.to_layers().expect("ours"),
        stack.to_layers().expect("ours"),
        "{name}"
    );
    let case = json!({"name": name, "file": format!("{name}.onnx"), "io": format!("{name}.io.safetensors")});
    exports.add(case, &bytes, &run(stack, per_state));
}

fn both<C: RecurrentCell<B>>(
    layers: usize,
    cell: impl Fn(usize) -> C,
) -> Stack<B, Bidirectional<B, C>> {
    let layer = |i| {
        let d = if i == 0 { D_INPUT } else { 2 * H };
        Bidirectional::new(cell(d), cell(d))
    };
    let dropout = StackConfig::new(1, 1)
        .init::<B, Lstm<B>>((), &Default::default())
        .dropout;
    Stack::new((0..layers).map(layer).collect(), dropout)
}

/// ONNX models come back to the bit.
#[test]
fn onnx_models() {
    let device = Default::default();
    let mut exports = Exports::new("onnx");
    for bias in [false, true] {
        for layers in 1..=2 {
            let config = StackConfig::new(D_INPUT, H)
                .with_n_layers(layers)
                .with_bias(bias);
            for kind in CellKind::ALL {
                let stack: Stack<B, AnyCell<B>> = config.init(kind, &device);
                let per_state = if kind.description().name.contains("lstm") {
                    2
                } else {
                    1
                };
                match kind {
                    CellKind::Rnn
                    | CellKind::Irnn
                    | CellKind::Lstm
                    | CellKind::Gru
                    | CellKind::OriginalGru
                    | CellKind::PeepholeLstm => {
                        onnx(
                            &mut exports,
                            &format!("{kind}_{layers}_{bias}"),
                            &stack,
                            per_state,
                        );
                    }
                    _ => assert!(stack.to_onnx().is_err(), "{kind}"),
                }
            }
            let lstm = |d| LstmConfig::new(d, H).with_bias(bias).init::<B>(&device);
            onnx(
                &mut exports,
                &format!("both_lstm_{layers}_{bias}"),
                &both(layers, lstm),
                2,
            );
            let gru = |d| GruConfig::new(d, H).with_bias(bias).init::<B>(&device);
            onnx(
                &mut exports,
                &format!("both_gru_{layers}_{bias}"),
                &both(layers, gru),
                1,
            );
            let rnn = |d| RnnConfig::new(d, H).with_bias(bias).init::<B>(&device);
            onnx(
                &mut exports,
                &format!("both_rnn_{layers}_{bias}"),
                &both(layers, rnn),
                1,
            );
        }
    }
    let error =
        Stack::<B, AnyCell<B>>::to_onnx(&StackConfig::new(3, 4).init(CellKind::MinGru, &device));
    assert_eq!(
        error.expect_err("no such").to_string(),
        "layer 0: its cell cannot be written for other programs"
    );
    let error = Stack::<B, AnyCell<B>>::to_onnx(
        &StackConfig::new(3, 4).init(CellKind::ProjectedLstm, &device),
    );
    assert_eq!(
        error.expect_err("no such").to_string(),
        "layer 0: ONNX has no operator for ProjectedLstm"
    );
    exports.finish("ours");
}

/// Directions that differ keep what they have: biases in one only, tanh and ReLU.
#[test]
fn directions_that_differ() {
    let device = Default::default();
    let mut exports = Exports::new("onnx");
    let rnn = |bias, activation| {
        let config = RnnConfig::new(D_INPUT, H)
            .with_bias(bias)
            .with_activation(activation);
        config.init::<B>(&device)
    };
    let layer = Bidirectional::new(rnn(true, Activation::Relu), rnn(false, Activation::Tanh));
    let dropout = both(1, |d| LstmConfig::new(d, H).init::<B>(&device)).dropout;
    let stack = Stack::new(vec![layer], dropout);
    let bytes = stack.to_onnx().expect("ONNX has it");
    let file = OnnxFile::from_bytes("memory", bytes.clone()).expect("our own");
    let again: Stack<B, Bidirectional<B, Rnn<B>>> =
        Stack::from_onnx(&file, "", &device).expect("our own");
    let io = run(&stack, 1);
    let x = Tensor::<B, 3>::from_data(io["x"].clone(), &device);
    let (expected, _) = stack.forward(x.clone(), None);
    let (y, _) = again.forward(x, None);
    assert_eq!(y.into_data(), expected.into_data());
    let name = "directions_that_differ";
    let case = json!({"name": name, "file": format!("{name}.onnx"), "io": format!("{name}.io.safetensors")});
    exports.add(case, &bytes, &io);
    exports.finish("differ");
    assert!(
        stack
            .to_pytorch("")
            .expect("PyTorch has it")
            .contains_key("bias_ih_l0_reverse")
    );
}

/// Character models, with an embedding and with one-hot vectors.
#[test]
fn character_models() {
    let device = Default::default();
    let mut exports = Exports::new("onnx");
    for (name, kind, d_embedding) in [
        ("char_lstm", CellKind::Lstm, 5),
        ("char_gru", CellKind::Gru, 0),
        ("char_peepholes", CellKind::PeepholeLstm, 0),
    ] {
        let config = CharLmConfig::new(7)
            .with_cell(kind)
            .with_d_embedding(d_embedding)
            .with_d_hidden(H);
        let model: CharLm<B> = config.init(&device);
        let bytes = model
            .to_onnx(&[("vocabulary", "abcdefg")])
            .expect("ONNX has it");
        let tokens = Tensor::<B, 2, Int>::from_ints([[0, 6, 1, 2], [3, 3, 4, 5]], &device);
        let (logits, last) = model.forward(tokens.clone(), None);
        let mut io = BTreeMap::from([
            ("tokens".into(), tokens.to_data()),
            ("logits".into(), data(&logits)),
        ]);
        for (prefix, state) in [("", model.initial_state(2)), ("next_", last)] {
            state.map(&mut |name, tensor| {
                let (layer, what) = name.split_once('.').expect("a layer");
                io.insert(
                    format!("{prefix}{what}_{layer}"),
                    data(&tensor.clone().unsqueeze::<3>()),
                );
                tensor
            });
        }
        let case = json!({"name": name, "file": format!("{name}.onnx"), "io": format!("{name}.io.safetensors")});
        exports.add(case, &bytes, &io);

        let file = OnnxFile::from_bytes("memory", bytes).expect("our own");
        let stack: Stack<B, AnyCell<B>> = Stack::from_onnx(&file, "", &device).expect("our own");
        assert_eq!(
            stack.to_layers().expect("ours"),
            model.stack.to_layers().expect("ours")
        );
    }
    exports.finish("char");
}

fn state_dict<C: RecurrentCell<B>>(
    exports: &mut Exports,
    cell: &str,
    [layers, d_cell]: [usize; 2],
    is_both: bool,
    stack: &Stack<B, C>,
) {
    let x = Tensor::<B, 3>::random([2, 5, D_INPUT], Distribution::Default, &Default::default());
    let (y, _) = stack.forward(x.clone(), None);
    let io = BTreeMap::from([("x".to_owned(), data(&x)), ("y".to_owned(), data(&y))]);
    let arrays = stack.to_pytorch("rnn").expect("PyTorch has it");
    let bias = arrays.contains_key("rnn.bias_ih_l0");
    let name = format!("{cell}_{layers}_{d_cell}_{is_both}_{bias}");
    let case = json!({
        "name": name, "file": format!("{name}.safetensors"), "io": format!("{name}.io.safetensors"),
        "prefix": "rnn.", "cell": cell, "form": "stack", "n_layers": layers, "bidirectional": is_both,
        "bias": bias, "d_input": D_INPUT, "d_hidden": H, "d_cell": d_cell,
    });
    exports.add(case, &to_safetensors(&arrays, &[]), &io);
}

/// State dicts, for `load_state_dict(strict=True)`.
#[test]
fn state_dicts() {
    let device = Default::default();
    let mut exports = Exports::new("pytorch");
    for bias in [false, true] {
        for layers in 1..=2 {
            let config = StackConfig::new(D_INPUT, H)
                .with_n_layers(layers)
                .with_bias(bias);
            let sizes = [layers, H];
            let lstm: Stack<B, Lstm<B>> = config.init((), &device);
            state_dict(&mut exports, "lstm", sizes, false, &lstm);
            let gru: Stack<B, Gru<B>> = config.init(Default::default(), &device);
            state_dict(&mut exports, "gru", sizes, false, &gru);
            for (name, activation) in [
                ("rnn_tanh", models::Activation::Tanh),
                ("rnn_relu", models::Activation::Relu),
            ] {
                let rnn: Stack<B, Rnn<B>> = config.init(activation, &device);
                state_dict(&mut exports, name, sizes, false, &rnn);
            }
            let projected: Stack<B, ProjectedLstm<B>> = config.init((), &device);
            state_dict(&mut exports, "lstm", [layers, 2 * H], false, &projected);
            let gru = |d| GruConfig::new(d, H).with_bias(bias).init::<B>(&device);
            state_dict(&mut exports, "gru", sizes, true, &both(layers, gru));
            let projected = |d| {
                ProjectedLstmConfig::new(d, 6, H)
                    .with_bias(bias)
                    .init::<B>(&device)
            };
            state_dict(
                &mut exports,
                "lstm",
                [layers, 6],
                true,
                &both(layers, projected),
            );
        }
    }
    exports.finish("ours");
}

/// A file in f64 keeps all digits.
#[test]
fn double_precision() {
    type D = burn_ndarray::NdArray<f64>;
    let stack: Stack<D, PeepholeLstm<D>> = StackConfig::new(3, 4).init((), &Default::default());
    let file =
        OnnxFile::from_bytes("memory", stack.to_onnx().expect("ONNX has it")).expect("our own");
    let again: Stack<D, PeepholeLstm<D>> =
        Stack::from_onnx(&file, "", &Default::default()).expect("ours");
    assert_eq!(
        again.to_layers().expect("ours"),
        stack.to_layers().expect("ours")
    );

    let third = Array::new([1], vec![1.0f64 / 3.0]);
    let arrays = NamedArrays::from([("third".to_owned(), third.clone())]);
    let file = WeightFile::from_bytes("memory", to_safetensors(&arrays, &[])).expect("our own");
    assert_eq!(file.read::<f64>("third").expect("there"), third);
    assert_eq!(
        file.read::<f32>("third").expect("there").values,
        [1.0f32 / 3.0]
    );
}
