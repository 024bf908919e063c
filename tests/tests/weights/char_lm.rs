//! Character models of PyTorch.

use burn::tensor::Tensor;
use models::{
    AnyCell, CellKind, CharLm, CharLmConfig,
    weights::{CharLmNames, WeightFile, to_safetensors},
};

use crate::reference::{B, assert_close, references};

/// They are found by their shapes, or by the names of their parts.
#[test]
fn character_models_of_pytorch() {
    let references = references("charlm");
    assert!(references.len() >= 2);
    for reference in references {
        let (name, file) = (reference.text("name"), reference.file());
        let named = CharLmNames {
            embedding: Some(reference.text("embedding").into()),
            rnn: Some(reference.text("recurrent").into()),
            head: Some(reference.text("linear").into()),
        };
        let guesses = match reference.is("tied") {
            true => vec![named],
            false => vec![named, CharLmNames::default()],
        };
        for names in guesses {
            let model: CharLm<B, AnyCell<B>> =
                CharLm::from_pytorch(&file, &names, &Default::default())
                    .unwrap_or_else(|e| panic!("{name}: {e}"));
            let tokens = reference.data("tokens").expect("tokens");
            let tokens = Tensor::from_data(tokens, &Default::default());
            let (logits, _) = model.forward(tokens, None);
            assert_close(name, "logits", logits, reference.tensor("logits"));
        }
    }
}

/// A model with one-hot vectors has no embedding, here and there.
#[test]
fn one_hot_vectors() {
    let config = CharLmConfig::new(7)
        .with_cell(CellKind::Gru)
        .with_d_embedding(0)
        .with_d_hidden(5);
    let model: CharLm<B> = config.init_seeded(1, &Default::default());
    let arrays = model.to_pytorch().expect("a GRU");
    assert!(!arrays.contains_key("embedding.weight"));
    let file = WeightFile::from_bytes("memory", to_safetensors(&arrays, &[])).expect("our own");
    let again: CharLm<B> =
        CharLm::from_pytorch(&file, &CharLmNames::default(), &Default::default()).expect("our own");
    assert!(again.embedding.is_none());
    assert_eq!(again.to_pytorch().expect("a GRU"), arrays);
}
