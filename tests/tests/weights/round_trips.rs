//! There and back again gives the same bits.

use models::{
    AnyCell, Bidirectional, CellKind, Gru, Lstm, ProjectedLstm, RecurrentCell, Rnn, Stack,
    StackConfig,
    weights::{NamedArrays, WeightFile, to_safetensors},
};

use crate::reference::{B, references};

fn there_and_back<C: RecurrentCell<B>>(
    stack: &Stack<B, C>,
) -> (NamedArrays<f32>, NamedArrays<f32>) {
    let arrays = stack.to_pytorch("a.b").expect("PyTorch has it");
    let file = WeightFile::from_bytes("memory", to_safetensors(&arrays, &[])).expect("our own");
    let again: Stack<B, C> =
        Stack::from_pytorch(&file, "b.", &Default::default()).expect("our own");
    (again.to_pytorch("a.b").expect("PyTorch has it"), arrays)
}

/// Ours → PyTorch's → ours.
#[test]
fn ours_to_pytorch_and_back() {
    for kind in CellKind::ALL {
        let config = StackConfig::new(3, 4).with_n_layers(2);
        let stack: Stack<B, AnyCell<B>> = config.init_seeded(kind, 1, &Default::default());
        match kind {
            CellKind::Lstm | CellKind::Rnn | CellKind::Gru | CellKind::ProjectedLstm => {
                let (again, arrays) = there_and_back(&stack);
                assert_eq!(again, arrays, "{kind}");
            }
            CellKind::Irnn => assert!(stack.to_pytorch("").is_ok()),
            _ => {
                let error = stack
                    .to_pytorch("rnn")
                    .expect_err("PyTorch lacks it")
                    .to_string();
                assert!(
                    error.contains("no such cell") || error.contains("cannot be written"),
                    "{error}"
                );
            }
        }
    }
}

/// PyTorch's → ours → PyTorch's: the same names, and the same bits of all weights. Of two biases the sum is
/// kept.
#[test]
fn pytorch_to_ours_and_back() {
    fn check<C: RecurrentCell<B>>(file: &WeightFile, prefix: &str, name: &str) {
        let stack: Stack<B, C> =
            Stack::from_pytorch(file, prefix, &Default::default()).expect("a stack");
        let arrays = stack.to_pytorch("").expect("PyTorch has it");
        for (tensor, ours) in &arrays {
            let full = file
                .find(&format!("{prefix}{tensor}"))
                .expect("the same names")
                .to_owned();
            let theirs = file.read::<f32>(&full).expect("there");
            if tensor.starts_with("weight") {
                assert_eq!(*ours, theirs, "{name}: {tensor}");
            } else if tensor.starts_with("bias_ih") {
                let other = file
                    .read::<f32>(&full.replace("bias_ih", "bias_hh"))
                    .expect("both");
                let hidden = &arrays[&tensor.replace("bias_ih", "bias_hh")];
                for i in 0..ours.values.len() {
                    let sum = theirs.values[i] + other.values[i];
                    let split =
                        (ours.values[i], hidden.values[i]) == (theirs.values[i], other.values[i]);
                    assert!(
                        split || ours.values[i] + hidden.values[i] == sum,
                        "{name}: {tensor}"
                    );
                }
            }
        }
        // From then on, all bits.
        assert_eq!(
            there_and_back(&stack).0,
            stack.to_pytorch("a.b").expect("as before")
        );
    }
    let mut checked = 0;
    for reference in references("pytorch") {
        let is_f32 = reference.text("dtype") == "f32";
        if !is_f32 || reference.text("form") != "stack" {
            continue;
        }
        let (file, prefix, name) = (
            reference.file(),
            reference.text("prefix"),
            reference.text("name"),
        );
        let projected = name.contains("projection");
        match (&reference.text("cell")[..3], reference.is("bidirectional")) {
            ("lst", false) if projected => check::<ProjectedLstm<B>>(&file, prefix, name),
            ("lst", true) if projected => {
                check::<Bidirectional<B, ProjectedLstm<B>>>(&file, prefix, name)
            }
            ("lst", false) => check::<Lstm<B>>(&file, prefix, name),
            ("lst", true) => check::<Bidirectional<B, Lstm<B>>>(&file, prefix, name),
            ("gru", false) => check::<Gru<B>>(&file, prefix, name),
            ("gru", true) => check::<Bidirectional<B, Gru<B>>>(&file, prefix, name),
            (_, false) => check::<Rnn<B>>(&file, prefix, name),
            (_, true) => check::<Bidirectional<B, Rnn<B>>>(&file, prefix, name),
        }
        checked += 1;
    }
    assert!(checked >= 2);
}
