//! Burn's own layers, on any of its backends.

use std::hint::black_box;

use burn::{
    nn::{LstmConfig, RnnConfig},
    tensor::{Distribution, Tensor, backend::AutodiffBackend},
};

use super::Run;
use crate::case::{Case, Kind};

/// Prepares to run `case`; work without gradients runs on the backend without autodiff.
pub fn prepare<B: AutodiffBackend>(case: Case) -> Option<Run> {
    let (d_input, d_hidden) = (case.d_input, case.d_hidden);
    let shape = [case.batch, case.time, d_input];
    let device = B::Device::default();
    match case.kind {
        Kind::LstmForward => {
            let lstm = LstmConfig::new(d_input, d_hidden, true).init::<B::InnerBackend>(&device);
            let x = Tensor::random(shape, Distribution::Default, &device);
            Some(Box::new(move || {
                black_box(lstm.forward(x.clone(), None).0);
                Ok(())
            }))
        }
        Kind::LstmTrain => {
            let lstm = LstmConfig::new(d_input, d_hidden, true).init::<B>(&device);
            let x = Tensor::random(shape, Distribution::Default, &device).require_grad();
            Some(Box::new(move || {
                let (y, _) = lstm.forward(x.clone(), None);
                black_box(y.backward());
                Ok(())
            }))
        }
        Kind::RnnTrain => {
            let rnn = RnnConfig::new(d_input, d_hidden, true).init::<B>(&device);
            let x = Tensor::random(shape, Distribution::Default, &device).require_grad();
            Some(Box::new(move || {
                let (y, _) = rnn.forward(x.clone(), None);
                black_box(y.backward());
                Ok(())
            }))
        }
        Kind::Update | Kind::Stream | Kind::Sgemm => None,
    }
}
