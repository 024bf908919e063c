//! Models of PyTorch: `nn.RNN`, `nn.LSTM`, `nn.GRU` and their cells, in every kind of file that `torch.save`
//! and safetensors write.

use models::{
    Activation, AnyCell, Bidirectional, Gru, Lstm, ProjectedLstm, RecurrentCell, Rnn, Stack,
    StackConfig,
    weights::{NamedArrays, WeightFile, WeightsError, to_safetensors},
};

use crate::reference::{B, Reference, references};

fn load<C: RecurrentCell<B>>(reference: &Reference) -> Stack<B, C> {
    let stack = Stack::from_pytorch(
        &reference.file(),
        reference.text("prefix"),
        &Default::default(),
    );
    stack.unwrap_or_else(|e| panic!("{}: {e}", reference.text("name")))
}

/// Files do not say which activation an `nn.RNN` had.
fn with_relu(rnn: Rnn<B>) -> Rnn<B> {
    Rnn {
        activation: Activation::Relu,
        ..rnn
    }
}

fn check(reference: &Reference) {
    let is_both = reference.is("bidirectional");
    match (reference.text("cell"), is_both) {
        ("lstm", false) if reference.text("name").contains("projection") => {
            reference.assert_outputs(&load::<ProjectedLstm<B>>(reference));
        }
        ("lstm", true) if reference.text("name").contains("projection") => {
            reference.assert_outputs(&load::<Bidirectional<B, ProjectedLstm<B>>>(reference));
        }
        ("lstm", false) => {
            reference.assert_outputs(&load::<Lstm<B>>(reference));
            reference.assert_outputs(&load::<AnyCell<B>>(reference));
        }
        ("lstm", true) => reference.assert_outputs(&load::<Bidirectional<B, Lstm<B>>>(reference)),
        ("gru", false) => reference.assert_outputs(&load::<Gru<B>>(reference)),
        ("gru", true) => reference.assert_outputs(&load::<Bidirectional<B, AnyCell<B>>>(reference)),
        ("rnn_tanh", false) => reference.assert_outputs(&load::<Rnn<B>>(reference)),
        ("rnn_tanh", true) => {
            reference.assert_outputs(&load::<Bidirectional<B, Rnn<B>>>(reference));
        }
        ("rnn_relu", false) => {
            let stack = load::<Rnn<B>>(reference);
            let layers = stack.layers.into_iter().map(with_relu).collect();
            reference.assert_outputs(&Stack::new(layers, stack.dropout));
        }
        ("rnn_relu", true) => {
            let stack = load::<Bidirectional<B, Rnn<B>>>(reference);
            let both = |layer: Bidirectional<B, Rnn<B>>| {
                Bidirectional::new(with_relu(layer.forward), with_relu(layer.backward))
            };
            let layers = stack.layers.into_iter().map(both).collect();
            reference.assert_outputs(&Stack::new(layers, stack.dropout));
        }
        other => panic!("{other:?}"),
    }
}

/// Their outputs and final states are PyTorch's.
#[test]
fn models_of_pytorch() {
    let references = references("pytorch");
    assert!(references.len() >= 6, "{}", references.len());
    references.iter().for_each(check);
    println!("{} models", references.len());
}

/// What was asked for is not there, is there twice, or is another cell: the message says what there is.
#[test]
fn wrong_wishes_are_answered() {
    let references = references("pytorch");
    let lstm = references
        .iter()
        .find(|one| one.text("name").contains("lstm_layers2_directions2"));
    let file = lstm.expect("committed").file();
    let error = |prefix: &str| {
        let stack: Result<Stack<B, Lstm<B>>, _> =
            Stack::from_pytorch(&file, prefix, &Default::default());
        stack.map(|_| ()).expect_err("a wrong wish").to_string()
    };
    assert!(error("decoder.rnn").starts_with(
        "there is no tensor decoder.rnn.weight_ih_l0; it has bias_hh_l0, bias_hh_l0_reverse,"
    ));
    assert_eq!(
        error(""),
        "the weights are those of a bidirectional layer: Lstm"
    );
    let gru: Result<Stack<B, Bidirectional<B, Gru<B>>>, _> =
        Stack::from_pytorch(&file, "", &Default::default());
    let error = gru.map(|_| ()).expect_err("another cell").to_string();
    assert_eq!(error, "the weights are those of another cell: Lstm");

    let missing = WeightFile::open("nowhere/model.pt")
        .map(|_| ())
        .expect_err("no file");
    assert!(matches!(missing, WeightsError::Io { .. }));
    assert!(missing.to_string().starts_with("nowhere/model.pt: "));
}

/// Parts that are missing are not taken from elsewhere, and a stack does not end where a layer was left out.
#[test]
fn layers_with_parts_missing() {
    let stack: Stack<B, Lstm<B>> = StackConfig::new(3, 4)
        .with_n_layers(3)
        .init((), &Default::default());
    let whole = stack.to_pytorch("rnn").expect("an LSTM");
    let error = |change: &dyn Fn(&mut NamedArrays<f32>)| {
        let mut arrays = whole.clone();
        change(&mut arrays);
        let file = WeightFile::from_bytes("file", to_safetensors(&arrays, &[])).expect("ours");
        let stack: Result<Stack<B, Lstm<B>>, _> =
            Stack::from_pytorch(&file, "", &Default::default());
        stack
            .map(|_| ())
            .expect_err("a part is missing")
            .to_string()
    };
    let moved = |arrays: &mut NamedArrays<f32>| {
        let weight = arrays.remove("rnn.weight_hh_l0").expect("there");
        arrays.insert("ema.rnn.weight_hh_l0".into(), weight);
    };
    assert_eq!(error(&moved), "there is no tensor rnn.weight_hh_l0");
    let without = |layer: &'static str| {
        move |arrays: &mut NamedArrays<f32>| arrays.retain(|name, _| !name.ends_with(layer))
    };
    assert_eq!(
        error(&without("_l1")),
        "there is no tensor rnn.weight_ih_l1"
    );
    let other = |arrays: &mut NamedArrays<f32>| {
        arrays.insert("cell.weight_ih".into(), whole["rnn.weight_ih_l0"].clone());
    };
    assert_eq!(
        error(&other),
        "several fit the recurrent layers: rnn., cell.; give a longer name"
    );
}
