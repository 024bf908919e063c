//! Burn's own layers, on any of its backends.

use std::hint::black_box;

use burn::{
    nn::{BiLstmConfig, GruConfig, LstmConfig, RnnConfig},
    tensor::{
        Distribution, Tensor,
        backend::{AutodiffBackend, Backend},
    },
};

use super::Run;
use crate::case::{Case, Kind, LAYERS};

/// Prepares to run `case`; work without gradients runs on the backend without autodiff.
pub fn prepare<B: AutodiffBackend>(case: Case) -> Option<Run> {
    let (d_input, d_hidden) = (case.d_input, case.d_hidden);
    let device = B::Device::default();
    match case.kind {
        Kind::LstmForward => {
            let lstm = LstmConfig::new(d_input, d_hidden, true).init::<B::InnerBackend>(&device);
            let x = input(case);
            Some(Box::new(move || {
                black_box(lstm.forward(x.clone(), None).0);
                Ok(())
            }))
        }
        Kind::LstmTrain => {
            let lstm = LstmConfig::new(d_input, d_hidden, true).init::<B>(&device);
            Some(layer_train(case, move |x| lstm.forward(x, None).0))
        }
        Kind::RnnTrain => {
            let rnn = RnnConfig::new(d_input, d_hidden, true).init::<B>(&device);
            Some(layer_train(case, move |x| rnn.forward(x, None).0))
        }
        Kind::GruTrain => {
            let gru = GruConfig::new(d_input, d_hidden, true).init::<B>(&device);
            Some(layer_train(case, move |x| gru.forward(x, None)))
        }
        Kind::BidirectionalTrain => {
            let layer = |i| {
                let d_input = if i == 0 { d_input } else { 2 * d_hidden };
                BiLstmConfig::new(d_input, d_hidden, true).init::<B>(&device)
            };
            let layers: Vec<_> = (0..LAYERS).map(layer).collect();
            let stack = move |x| layers.iter().fold(x, |x, layer| layer.forward(x, None).0);
            Some(layer_train(case, stack))
        }
        Kind::PaddedTrain
        | Kind::MinLstmTrain
        | Kind::Update
        | Kind::Stream
        | Kind::GruStream
        | Kind::Sgemm => None,
    }
}

/// Runs layers forward and backward.
fn layer_train<B: AutodiffBackend>(
    case: Case,
    forward: impl Fn(Tensor<B, 3>) -> Tensor<B, 3> + 'static,
) -> Run {
    let x = input(case).require_grad();
    Box::new(move || {
        black_box(forward(x.clone()).backward());
        Ok(())
    })
}

fn input<B: Backend>(case: Case) -> Tensor<B, 3> {
    let shape = [case.batch, case.time, case.d_input];
    Tensor::random(shape, Distribution::Default, &Default::default())
}
