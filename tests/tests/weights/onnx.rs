//! ONNX models that other programs wrote.

use burn::nn::DropoutConfig;
use models::{
    AnyCell, Bidirectional, CellKind, LstmConfig, RecurrentCell, Stack, StackConfig,
    weights::OnnxFile,
};

use crate::reference::{B, Reference, references};

fn check<C: RecurrentCell<B>>(reference: &Reference) {
    let name = reference.text("name");
    let file = OnnxFile::open(reference.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let stack: Stack<B, C> =
        Stack::from_onnx(&file, "", &Default::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    reference.assert_outputs(&stack);
}

/// Layers of ours give the outputs that onnxruntime gives.
#[test]
fn models_that_others_wrote() {
    let mut checked = 0;
    for manifest in ["onnx", "tf2onnx_keras2", "tf2onnx_keras3"] {
        for reference in references(manifest) {
            if reference.text("name").contains("reverse") {
                continue; // no layer of ours reads backwards only
            }
            match reference.is("bidirectional") {
                false => check::<AnyCell<B>>(&reference),
                true => check::<Bidirectional<B, AnyCell<B>>>(&reference),
            }
            checked += 1;
        }
    }
    assert!(checked >= 4);
    println!("{checked} models");
}

/// A layer that reads backwards only is refused, with its name.
#[test]
fn a_layer_that_reads_backwards() {
    let references = references("onnx");
    let backwards = references
        .iter()
        .filter(|one| one.text("name").contains("reverse"));
    for reference in backwards {
        let file = OnnxFile::open(reference.path()).expect("a model");
        let error = file.layers::<f32>("").expect_err("refused").to_string();
        assert!(
            error.contains("direction \"reverse\": a layer of ours reads"),
            "{error}"
        );
    }
}

/// Operators are taken by name, in the order of their names, if their sizes fit.
#[test]
fn operators_by_name() {
    let device = Default::default();
    let config = StackConfig::new(3, 4).with_n_layers(2);
    let stack: Stack<B, AnyCell<B>> = config.init(CellKind::Gru, &device);
    let file = OnnxFile::from_bytes("memory", stack.to_onnx().expect("ONNX has it")).expect("ours");
    let names = file.operators();
    assert_eq!(names, ["GRU_all_0", "GRU_all_1"]);
    let one = |names: &[&str]| file.layers_named::<f32>(names).map_err(|e| e.to_string());
    assert_eq!(
        one(&["GRU_all_1"]).expect("there")[0],
        stack.to_layers().expect("ours")[1]
    );
    assert_eq!(one(&["GRU_all_0", "GRU_all_1"]).expect("there").len(), 2);
    let upside_down = one(&["GRU_all_1", "GRU_all_0"]).expect_err("sizes");
    assert_eq!(upside_down, "layer 0 gives 4 numbers, but layer 1 takes 3");
    assert!(
        one(&["LSTM"])
            .expect_err("none")
            .starts_with("there is no recurrent operator LSTM; it has GRU")
    );
    assert!(file.layers::<f32>("GRU_all_").expect("both").len() == 2);
    assert_eq!(file.layers::<f32>("GRU_all_1").expect("one").len(), 1);

    // A stack of two directions is none of one.
    let lstm = || LstmConfig::new(3, 4).init::<B>(&device);
    let both = Stack::new(
        vec![Bidirectional::new(lstm(), lstm())],
        DropoutConfig::new(0.0).init(),
    );
    let file = OnnxFile::from_bytes("memory", both.to_onnx().expect("ONNX has it")).expect("ours");
    let stack: Result<Stack<B, AnyCell<B>>, _> = Stack::from_onnx(&file, "", &device);
    let error = stack.map(|_| ()).expect_err("two directions").to_string();
    assert_eq!(
        error,
        "the weights are those of a bidirectional layer: Lstm"
    );
}
