//! Weights of Keras.

use models::{
    AnyCell, Bidirectional, RecurrentCell, Stack,
    weights::{Form, KerasLayer, LayerWeights, WeightFile, keras_layers},
};

use crate::reference::{B, Reference, references};

type Layers = Vec<Vec<LayerWeights<f32>>>;

/// The layers of `numpy.savez(file, *model.get_weights())`: arrays without names, in order.
fn in_order(file: &WeightFile, reference: &Reference) -> Layers {
    let mut arrays = (0..).map(|i| format!("arr_{i}"));
    let mut next = || {
        file.read::<f32>(&arrays.next().expect("endless"))
            .expect("an array")
    };
    let n_layers = reference.number("n_layers");
    let mut direction = || {
        let (kernel, recurrent_kernel) = (next(), next());
        let bias = reference.is("bias").then(&mut next);
        let form = KerasLayer::form(&recurrent_kernel, bias.as_ref()).expect("a layer of Keras");
        let layer = KerasLayer {
            form,
            kernel,
            recurrent_kernel,
            bias,
        };
        layer.into_ours().expect("a layer of Keras")
    };
    let n_directions = if reference.is("bidirectional") { 2 } else { 1 };
    (0..n_layers)
        .map(|_| (0..n_directions).map(|_| direction()).collect())
        .collect()
}

fn check<C: RecurrentCell<B>>(reference: &Reference, layers: &Layers) {
    let stack: Stack<B, C> = Stack::from_layers(layers.clone(), &Default::default()).expect("ours");
    reference.assert_outputs(&stack);
}

/// Layers of ours give the outputs that Keras gives, and go back to the same bits.
#[test]
fn models_of_keras() {
    let references = references("keras");
    assert!(references.len() >= 3);
    for reference in &references {
        let file = reference.file();
        let paths = reference.texts("layers");
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut layers: Layers = match &paths[..] {
            [] => in_order(&file, reference),
            paths => keras_layers(&file, paths).unwrap_or_else(|e| panic!("{paths:?}: {e}")),
        };
        for layer in layers.iter_mut().flatten() {
            // A file says neither what the activation is, nor, without biases, where the reset gate acts.
            layer.form = match reference.text("cell") {
                "rnn_relu" => Form::ReluRnn,
                "gru_before" => Form::OriginalGru,
                _ => layer.form,
            };
            let theirs = layer.to_keras().expect("a layer of Keras");
            assert_eq!(theirs.clone().into_ours().expect("ours"), *layer);
        }
        match reference.is("bidirectional") {
            false => check::<AnyCell<B>>(reference, &layers),
            true => check::<Bidirectional<B, AnyCell<B>>>(reference, &layers),
        }
    }
    println!("{} models", references.len());
}
