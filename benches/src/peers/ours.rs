//! Ours, as users call it: the modules of `models`, its stepper, the update of `train`, on NdArray.

use std::hint::black_box;

use burn::tensor::{Distribution, Tensor};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CharLmConfig, LstmConfig, RecurrentCell, RnnConfig};
use train::{Batch, RunConfig, Trainer};

use super::Run;
use crate::case::{Case, Kind, LAYERS, VOCABULARY};

type Plain = NdArray<f32>;
type Tracked = Autodiff<Plain>;

/// Makes ready to do the work of `case`.
pub fn prepare(case: Case) -> Option<Run> {
    match case.kind {
        Kind::LstmForward => Some(lstm_forward(case)),
        Kind::LstmTrain => Some(lstm_train(case)),
        Kind::RnnTrain => Some(rnn_train(case)),
        Kind::Update => Some(update(case)),
        Kind::Stream => Some(stream(case)),
        Kind::Sgemm => None,
    }
}

fn lstm_forward(case: Case) -> Run {
    let device = Default::default();
    let lstm = LstmConfig::new(case.d_input, case.d_hidden).init::<Plain>(&device);
    let shape = [case.batch, case.time, case.d_input];
    let x = Tensor::random(shape, Distribution::Default, &device);
    Box::new(move || {
        black_box(lstm.forward(x.clone(), None));
        Ok(())
    })
}

fn lstm_train(case: Case) -> Run {
    let device = Default::default();
    let lstm = LstmConfig::new(case.d_input, case.d_hidden).init::<Tracked>(&device);
    let shape = [case.batch, case.time, case.d_input];
    let x = Tensor::random(shape, Distribution::Default, &device).require_grad();
    Box::new(move || {
        let (y, _) = lstm.forward(x.clone(), None);
        black_box(y.backward());
        Ok(())
    })
}

fn rnn_train(case: Case) -> Run {
    let device = Default::default();
    let rnn = RnnConfig::new(case.d_input, case.d_hidden).init::<Tracked>(&device);
    let shape = [case.batch, case.time, case.d_input];
    let x = Tensor::random(shape, Distribution::Default, &device).require_grad();
    Box::new(move || {
        let (y, _) = rnn.forward(x.clone(), None);
        black_box(y.backward());
        Ok(())
    })
}

fn char_lm(case: Case) -> CharLmConfig {
    CharLmConfig::new(VOCABULARY)
        .with_d_embedding(case.d_input)
        .with_d_hidden(case.d_hidden)
        .with_n_layers(LAYERS)
}

/// What [`train::train()`] does for each batch.
fn update(case: Case) -> Run {
    let config = RunConfig {
        embedding_size: case.d_input,
        hidden_size: case.d_hidden,
        num_layers: LAYERS,
        seq_length: case.time,
        batch_size: case.batch,
        ..RunConfig::default()
    };
    let batches = batches(case);
    let device = Default::default();
    let model = config.char_lm(VOCABULARY).init_seeded(config.seed, &device);
    let mut trainer = Trainer::<Tracked>::new(config.trainer(), model, batches.len(), &device);
    let mut batches = batches.into_iter().cycle();
    Box::new(move || {
        let batch = batches.next().expect("a cycle");
        black_box(trainer.update(&batch)?);
        Ok(())
    })
}

/// One character, from the state that the last one left.
fn stream(case: Case) -> Run {
    let device = Default::default();
    let mut stepper = char_lm(case).init::<Plain>(&device).stepper(case.batch);
    let mut logits = vec![0.0; case.batch * VOCABULARY];
    let mut tokens = (0..VOCABULARY as u32).cycle();
    Box::new(move || {
        let token = tokens.next().unwrap_or_default();
        stepper.step_tokens(&vec![token; case.batch], &mut logits);
        black_box(&logits);
        Ok(())
    })
}

/// Several, so that none is learned by heart.
fn batches(case: Case) -> Vec<Batch> {
    let mut noise = 1_u32;
    let mut tokens = || {
        let mut token = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 16) % VOCABULARY as u32
        };
        (0..case.batch * case.time).map(|_| token()).collect()
    };
    let mut batch = || Batch {
        inputs: tokens(),
        targets: tokens(),
        shape: [case.batch, case.time],
        lengths: None,
        begins: false,
    };
    (0..16).map(|_| batch()).collect()
}
