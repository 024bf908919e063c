//! The modules of burn-nn.

use burn::{
    module::Module,
    nn::{self, activation::ActivationConfig},
    tensor::{Distribution, Tensor},
};
use models::{Gru, Lstm, RecurrentCell, Rnn, weights::LayerWeights};

use crate::reference::{B, assert_close};

fn x() -> Tensor<B, 3> {
    Tensor::random([2, 5, 3], Distribution::Default, &Default::default())
}

fn weights<C: RecurrentCell<B>>(cell: &C) -> Vec<LayerWeights<f32>> {
    cell.to_weights().expect("others have it")
}

/// They compute what ours compute with their weights, and ours come back from them to the bit.
#[test]
fn the_same_outputs_and_back() {
    let device = Default::default();
    for bias in [false, true] {
        let theirs: nn::Lstm<B> = nn::LstmConfig::new(3, 4, bias).init(&device);
        let ours = Lstm::try_from(&theirs).expect("an LSTM");
        let x = x();
        assert_close(
            "lstm",
            "y",
            ours.forward(x.clone(), None).0,
            theirs.forward(x.clone(), None).0,
        );
        let back = nn::Lstm::from(&ours);
        assert_close(
            "lstm",
            "back",
            back.forward(x.clone(), None).0,
            theirs.forward(x.clone(), None).0,
        );
        let again = Lstm::try_from(&back).expect("an LSTM");
        assert_eq!(weights(&again), weights(&ours));

        for reset_after in [false, true] {
            let config = nn::GruConfig::new(3, 4, bias).with_reset_after(reset_after);
            let theirs: nn::Gru<B> = config.init(&device);
            let ours = Gru::try_from(&theirs).expect("a GRU");
            let expected = theirs.forward(x.clone(), None);
            assert_close(
                "gru",
                "y",
                ours.forward(x.clone(), None).0,
                expected.clone(),
            );
            let back = nn::Gru::from(&ours);
            assert_close("gru", "back", back.forward(x.clone(), None), expected);
            assert_eq!(
                weights(&Gru::try_from(&back).expect("a GRU")),
                weights(&ours)
            );
        }

        for activation in [ActivationConfig::Tanh, ActivationConfig::Relu] {
            let config = nn::RnnConfig::new(3, 4, bias).with_hidden_activation(activation);
            let theirs: nn::Rnn<B> = config.init(&device);
            let ours = Rnn::try_from(&theirs).expect("an RNN");
            let expected = theirs.forward(x.clone(), None).0;
            assert_close(
                "rnn",
                "y",
                ours.forward(x.clone(), None).0,
                expected.clone(),
            );
            let back = nn::Rnn::from(&ours);
            assert_close("rnn", "back", back.forward(x.clone(), None).0, expected);
            assert_eq!(
                weights(&Rnn::try_from(&back).expect("an RNN")),
                weights(&ours)
            );
            assert_eq!(back.num_params(), theirs.num_params());
        }
    }
}

/// What burn-nn can do and our cells can't is refused.
#[test]
fn options_that_ours_have_not_are_refused() {
    let device = Default::default();
    let refused = |config: nn::LstmConfig, option: &str| {
        let lstm: nn::Lstm<B> = config.init(&device);
        let error = Lstm::try_from(&lstm)
            .map(|_| ())
            .expect_err("refused")
            .to_string();
        assert_eq!(
            error,
            format!("burn-nn's Lstm with {option}: no cell of ours has that")
        );
    };
    let config = || nn::LstmConfig::new(3, 4, true);
    refused(config().with_clip(Some(1.0)), "clip");
    refused(config().with_input_forget(true), "input_forget");
    refused(config().with_reverse(true), "reverse");
    refused(
        config().with_cell_activation(ActivationConfig::Relu),
        "other activations",
    );
}
