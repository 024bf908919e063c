//! ONNX models that other programs wrote.

use models::{AnyCell, Bidirectional, RecurrentCell, Stack, weights::OnnxFile};

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
                continue; // a test of its own
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
