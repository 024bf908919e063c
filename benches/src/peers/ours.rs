//! Ours, as users call it: the modules of `models`, its stepper, the update of `train`, on NdArray.

use std::hint::black_box;

use burn::{
    nn::DropoutConfig,
    tensor::{Distribution, Tensor, backend::Backend},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    Bidirectional, CellKind, CharLmConfig, GruConfig, Lengths, LstmConfig, MinLstmConfig,
    RecurrentCell, RnnConfig, Stack,
};
use train::{Batch, RunConfig, Trainer};

use super::Run;
use crate::case::{Case, Kind, LAYERS, VOCABULARY};

type Plain = NdArray<f32>;
type Tracked = Autodiff<Plain>;

/// Makes ready to do the work of `case`.
pub fn prepare(case: Case) -> Option<Run> {
    let device = Default::default();
    let (d_input, d_hidden) = (case.d_input, case.d_hidden);
    let lstm = |d_input| LstmConfig::new(d_input, d_hidden).init::<Tracked>(&device);
    match case.kind {
        Kind::LstmForward => Some(lstm_forward(case)),
        Kind::LstmTrain => Some(layer_train(lstm(d_input), case)),
        Kind::RnnTrain => {
            let rnn = RnnConfig::new(d_input, d_hidden);
            Some(layer_train(rnn.init(&device), case))
        }
        Kind::GruTrain => {
            let gru = GruConfig::new(d_input, d_hidden);
            Some(layer_train(gru.init(&device), case))
        }
        Kind::BidirectionalTrain => {
            let layer = |i| {
                let d_input = if i == 0 { d_input } else { 2 * d_hidden };
                Bidirectional::new(lstm(d_input), lstm(d_input))
            };
            let layers = (0..LAYERS).map(layer).collect();
            let no_dropout = DropoutConfig::new(0.0).init();
            Some(layer_train(Stack::new(layers, no_dropout), case))
        }
        Kind::PaddedTrain => Some(padded_train(lstm(d_input), case)),
        Kind::MinLstmTrain => {
            let min_lstm = MinLstmConfig::new(d_input, d_hidden);
            Some(layer_train(min_lstm.init(&device), case))
        }
        Kind::Update => Some(update(case)),
        Kind::Stream => Some(stream(CellKind::Lstm, case)),
        Kind::GruStream => Some(stream(CellKind::Gru, case)),
        Kind::Sgemm => None,
    }
}

fn lstm_forward(case: Case) -> Run {
    let lstm = LstmConfig::new(case.d_input, case.d_hidden).init::<Plain>(&Default::default());
    let x = input(case);
    Box::new(move || {
        black_box(lstm.forward(x.clone(), None));
        Ok(())
    })
}

/// Runs a layer forward and backward.
fn layer_train(layer: impl RecurrentCell<Tracked> + 'static, case: Case) -> Run {
    let x = input(case).require_grad();
    Box::new(move || {
        let (y, _) = layer.forward(x.clone(), None);
        black_box(y.backward());
        Ok(())
    })
}

fn padded_train(layer: impl RecurrentCell<Tracked> + 'static, case: Case) -> Run {
    let x = input(case).require_grad();
    let lengths = Lengths::new(case.lengths());
    Box::new(move || {
        let (y, _) = layer.forward_padded(x.clone(), &lengths, None);
        black_box(y.backward());
        Ok(())
    })
}

fn input<B: Backend>(case: Case) -> Tensor<B, 3> {
    let shape = [case.batch, case.time, case.d_input];
    Tensor::random(shape, Distribution::Default, &Default::default())
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
fn stream(cell: CellKind, case: Case) -> Run {
    let device = Default::default();
    let model = CharLmConfig::new(VOCABULARY)
        .with_cell(cell)
        .with_d_embedding(case.d_input)
        .with_d_hidden(case.d_hidden)
        .with_n_layers(LAYERS);
    let mut stepper = model.init::<Plain>(&device).stepper(case.batch);
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
        part_of: None,
    };
    (0..16).map(|_| batch()).collect()
}
