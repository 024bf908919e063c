//! `Lstm` and `Rnn` inside a user's own module, generic over the backend: what Burn does to
//! modules, it does to them.

use burn::{
    module::{AutodiffModule, Module},
    nn::{Linear, LinearConfig},
    optim::{GradientsParams, Optimizer, SgdConfig},
    record::{BinBytesRecorder, FullPrecisionSettings, Recorder},
    tensor::{Tensor, backend::Backend},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{Lstm, LstmConfig, RecurrentCell, Rnn, RnnConfig};
use tests::random::Random;

type B = Autodiff<NdArray<f32>>;

const D_INPUT: usize = 3;
const D_LSTM: usize = 5;
const D_RNN: usize = 4;
const CLASSES: usize = 2;

/// Tells sequences apart by the state that they end in.
#[derive(Module, Debug)]
struct Reader<B: Backend> {
    lstm: Lstm<B>,
    rnns: Vec<Rnn<B>>,
    head: Linear<B>,
}

impl<B: Backend> Reader<B> {
    fn new(seed: u64) -> Self {
        let device = Default::default();
        let lstm = LstmConfig::new(D_INPUT, D_LSTM);
        let lower = RnnConfig::new(D_LSTM, D_RNN);
        let upper = RnnConfig::new(D_RNN, D_RNN).with_bias(false);
        Reader {
            lstm: lstm.init_seeded(seed, &device),
            rnns: vec![
                lower.init_seeded(seed + 1, &device),
                upper.init_seeded(seed + 2, &device),
            ],
            head: LinearConfig::new(D_RNN, CLASSES).init(&device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let (mut y, _) = self.lstm.forward(x, None);
        let mut hidden = None;
        for rnn in &self.rnns {
            let (above, state) = rnn.forward(y, None);
            y = above;
            hidden = Some(state.hidden);
        }
        self.head.forward(hidden.expect("a layer"))
    }

    /// The values of all parameters.
    fn parameters(&self) -> Vec<Vec<f32>> {
        let mut parameters = Vec::new();
        self.visit(&mut Values(&mut parameters));
        parameters
    }
}

struct Values<'a>(&'a mut Vec<Vec<f32>>);

impl<B: Backend> burn::module::ModuleVisitor<B> for Values<'_> {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<B, D>>) {
        self.0.push(param.val().into_data().iter().collect());
    }
}

fn input<B: Backend>() -> Tensor<B, 3> {
    Random::new(0).tensor([2, 6, D_INPUT])
}

fn trained_one_step(reader: Reader<B>) -> Reader<B> {
    let loss = reader.forward(input()).powi_scalar(2).sum();
    let grads = GradientsParams::from_grads(loss.backward(), &reader);
    SgdConfig::new().init().step(0.1, reader, grads)
}

#[test]
fn all_weights_are_counted() {
    let lstm = 4 * D_LSTM * (D_INPUT + D_LSTM + 1);
    let lower = D_RNN * (D_LSTM + D_RNN + 1);
    let upper = D_RNN * (D_RNN + D_RNN);
    let head = CLASSES * (D_RNN + 1);
    let reader = Reader::<B>::new(1);
    assert_eq!(reader.num_params(), lstm + lower + upper + head);
    assert_eq!(reader.parameters().len(), 3 + 3 + 2 + 2);
}

#[test]
fn a_saved_record_loads_into_another_instance() {
    let (saved, other) = (Reader::<B>::new(1), Reader::<B>::new(10));
    assert_ne!(other.parameters(), saved.parameters());

    let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
    let bytes = recorder
        .record(saved.clone().into_record(), ())
        .expect("saved");
    let record = recorder.load(bytes, &Default::default()).expect("loaded");
    let loaded = other.load_record(record);
    assert_eq!(loaded.parameters(), saved.parameters());
    let y = |reader: Reader<B>| reader.forward(input()).into_data();
    assert_eq!(y(loaded), y(saved));
}

#[test]
fn the_valid_module_gives_the_same_output() {
    let reader = Reader::<B>::new(1);
    let y = reader.forward(input()).into_data();
    assert_eq!(reader.valid().forward(input()).into_data(), y);
}

#[test]
fn a_moved_or_forked_module_gives_the_same_output() {
    let (reader, device) = (Reader::<B>::new(1), Default::default());
    let y = reader.forward(input()).into_data();
    let moved = reader.clone().to_device(&device);
    assert_eq!(moved.devices(), [device]);
    assert_eq!(moved.forward(input()).into_data(), y);
    assert_eq!(reader.fork(&device).forward(input()).into_data(), y);
}

#[test]
fn one_optimiser_step_moves_every_parameter_of_the_clone_only() {
    let reader = Reader::<B>::new(1);
    let before = reader.parameters();
    let trained = trained_one_step(reader.clone());
    for (i, (after, before)) in trained.parameters().iter().zip(&before).enumerate() {
        assert_ne!(after, before, "parameter {i}");
    }
    assert_eq!(reader.parameters(), before);
}

#[test]
fn frozen_weights_stay() {
    let mut reader = Reader::<B>::new(1);
    reader.lstm = reader.lstm.no_grad();
    let (before, after) = (reader.parameters(), trained_one_step(reader).parameters());
    assert_eq!(after[..3], before[..3]);
    assert_ne!(after[3..], before[3..]);
}
