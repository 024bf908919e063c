//! Truncated backpropagation through time: what the loss is, where gradients stop, and that
//! `train` carries the state.

use burn::{
    optim::GradientsParams,
    tensor::{Int, Tensor, TensorData, backend::Backend},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CharLm, Initializer, RecurrentState, stack::StackState};
use tests::tiny::{
    self, MODELS, Values, config, corpus, difference, gradients, parameters, random_text,
    with_parameters,
};
use train::{
    Batch, Batches, Corpus, OptimizerConfig, RunConfig,
    batches::lanes::{Lanes, split},
    learn::tbptt::{evaluate, loss},
};

type Inner = NdArray<f32>;
type B = Autodiff<Inner>;

/// Weights large enough that the past matters.
const INITIALIZER: Initializer = Initializer::Uniform { bound: 0.8 };

/// Every model, and a random text of six symbols.
fn problems() -> impl Iterator<Item = (RunConfig, Corpus)> {
    MODELS.into_iter().map(|(cell, embedding)| {
        let config = RunConfig {
            initializer: INITIALIZER,
            ..config(cell, embedding)
        };
        (config, corpus(&random_text(6, 60, 1)))
    })
}

/// Two lanes of `length` steps.
fn two_lanes(corpus: &Corpus, length: usize) -> Lanes<'_> {
    Lanes::new(corpus, vec![3, 30], length)
}

/// Lanes of `length` steps as windows of `seq_length`.
fn batches(corpus: &Corpus, length: usize, seq_length: usize) -> Vec<Batch> {
    let lanes = two_lanes(corpus, length);
    let batches: Result<_, _> = lanes.batches(seq_length).collect();
    batches.expect("in memory")
}

/// `−ln p(target)` of each target of the window in f64 on the host, from the model's logits.
fn cross_entropies<B: Backend>(
    model: &CharLm<B>,
    batch: &Batch,
    state: Option<StackState<B>>,
) -> Vec<f64> {
    let (logits, vocab_size) = logits(model, batch, state);
    let each = logits.chunks_exact(vocab_size).zip(&batch.targets);
    each.map(|(logits, &target)| {
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        sum.ln() - logits[target as usize]
    })
    .collect()
}

/// The scores of each place of the window, and how many there are for each.
fn logits<B: Backend>(
    model: &CharLm<B>,
    batch: &Batch,
    state: Option<StackState<B>>,
) -> (Vec<f64>, usize) {
    let inputs: Vec<i64> = batch.inputs.iter().map(|&token| token.into()).collect();
    let inputs = TensorData::new(inputs, batch.shape);
    let inputs = Tensor::<B, 2, Int>::from_data(inputs, &Default::default());
    let (logits, _) = model.forward(inputs, state);
    let vocab_size = logits.dims()[2];
    (logits.into_data().iter().collect(), vocab_size)
}

/// The head's bias is added to all logits, so its gradient is the mean of theirs:
/// `softmax(logits) − onehot(target)`. The window is long enough for NdArray to compute with vectors,
/// some of which approximate.
#[test]
fn gradient_of_the_loss_is_softmax_minus_onehot() {
    for (cell, embedding) in MODELS {
        let config = RunConfig {
            initializer: INITIALIZER,
            ..config(cell, embedding)
        };
        let corpus = corpus(&random_text(6, 200, 1));
        let batch = &batches(&corpus, 64, 64)[0];
        let model = tiny::fresh_model::<B>(&corpus, &config);

        let grads = loss(&model, batch, None, &Default::default()).0.backward();
        let bias = model.head.bias.as_ref().expect("a bias");
        let ours: Vec<f64> = bias
            .grad(&grads)
            .expect("a gradient")
            .into_data()
            .iter()
            .collect();

        let (logits, vocab_size) = logits(&model, batch, None);
        let mut expected = vec![0.0; vocab_size];
        for (logits, &target) in logits.chunks_exact(vocab_size).zip(&batch.targets) {
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            for (v, logit) in logits.iter().enumerate() {
                let onehot = if v == target as usize { 1.0 } else { 0.0 };
                expected[v] += (logit.exp() / sum - onehot) / batch.targets.len() as f64;
            }
        }
        for (ours, expected) in std::iter::zip(&ours, &expected) {
            assert!((ours - expected).abs() < 1e-6, "{ours} for {expected}");
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn loss_of(
    model: &CharLm<B>,
    batch: &Batch,
    state: Option<StackState<B>>,
) -> (Tensor<B, 1>, StackState<B>) {
    loss(model, batch, state, &Default::default())
}

fn backward(model: &CharLm<B>, loss: Tensor<B, 1>) -> Values {
    gradients(model, &GradientsParams::from_grads(loss.backward(), model))
}

#[test]
fn the_loss_is_the_mean_cross_entropy() {
    for (config, corpus) in problems() {
        let model = tiny::fresh_model::<Inner>(&corpus, &config);
        let mut state = None;
        for batch in batches(&corpus, 10, 5) {
            let expected = mean(&cross_entropies(&model, &batch, state.clone()));
            let (ours, next) = loss(&model, &batch, state, &Default::default());
            let ours = f64::from(ours.into_scalar());
            assert!((ours - expected).abs() < 1e-5, "{ours}, not {expected}");
            state = Some(next);
        }
    }
}

#[test]
fn no_gradient_crosses_the_boundary_of_a_window() {
    for (config, corpus) in problems() {
        let model = tiny::fresh_model::<B>(&corpus, &config);
        let batches = batches(&corpus, 8, 4);
        let (_, carried) = loss_of(&model, &batches[0], None);
        let second = |state| backward(&model, loss_of(&model, &batches[1], Some(state)).0);

        let constant = model.initial_state(2).with_data(carried.to_data());
        let truncated = second(carried.clone().detach());
        assert_eq!(
            truncated,
            second(constant),
            "the state is a number like any other"
        );
        let crossing = difference(&truncated, &second(carried));
        assert!(
            crossing > 1e-4,
            "undetached, the first window matters: {crossing:e}"
        );
        let forgetful = difference(&truncated, &second(model.initial_state(2)));
        assert!(forgetful > 1e-4, "what was carried matters: {forgetful:e}");
    }
}

#[test]
fn one_window_as_long_as_the_text_is_full_bptt() {
    for (config, corpus) in problems() {
        let model = tiny::fresh_model::<B>(&corpus, &config);
        let [whole] = &batches(&corpus, 11, 11)[..] else {
            panic!("one window")
        };
        let full = backward(&model, loss_of(&model, whole, None).0);

        // Windows of 4, 4 and 3 steps, weighted by their targets; the graph goes through.
        let mut state = None;
        let mut sum = Tensor::zeros([1], &Default::default());
        for batch in batches(&corpus, 11, 4) {
            let (loss, next) = loss_of(&model, &batch, state);
            sum = sum + loss * (batch.targets.len() as f64 / whole.targets.len() as f64);
            state = Some(next);
        }
        let error = difference(&full, &backward(&model, sum));
        assert!(error < 1e-6, "gradients differ by {error:e}");
    }
}

#[test]
fn evaluation_does_not_depend_on_the_window() {
    for (config, corpus) in problems() {
        let model = tiny::fresh_model::<Inner>(&corpus, &config);
        let lanes = two_lanes(&corpus, 11);
        let [whole] = &batches(&corpus, 11, 11)[..] else {
            panic!("one window")
        };
        let each = cross_entropies(&model, whole, None);
        let expected = mean(&each);
        for seq_length in 1..=13 {
            let batches = Batches::Lanes {
                lanes: lanes.clone(),
                seq_length,
            };
            let ours = evaluate(&model, &batches, &Default::default());
            let ours = ours.expect("in memory");
            let error = (ours - expected).abs();
            assert!(
                error < 1e-5,
                "windows of {seq_length}: {ours}, not {expected}"
            );
        }
        // The last window of 11 steps in fours counts, and by its length.
        let without: Vec<f64> = each
            .chunks_exact(11)
            .flat_map(|lane| lane[..8].to_vec())
            .collect();
        assert!((mean(&without) - expected).abs() > 1e-3);
    }
}

/// Gradient descent by hand: each epoch starts from zeros, each window from the numbers that the
/// one before it left.
#[test]
fn training_carries_numbers_from_window_to_window() {
    for (config, corpus) in problems() {
        let config = RunConfig {
            optimizer: OptimizerConfig::Sgd,
            learning_rate: 0.5,
            max_epochs: 2,
            ..config
        };
        let by_hand = |carry: bool| {
            let (lanes, _) = split(&corpus, &config.batches()).expect("long enough");
            let mut model = tiny::fresh_model::<B>(&corpus, &config);
            for _ in 0..config.max_epochs {
                let mut state = None;
                for batch in lanes.batches(config.seq_length) {
                    let batch = batch.expect("in memory");
                    let (loss, next) = loss_of(&model, &batch, state);
                    let gradients = backward(&model, loss);
                    let mut weights = parameters(&model);
                    for ((_, weights), (_, gradients)) in weights.iter_mut().zip(&gradients) {
                        for (weight, gradient) in weights.iter_mut().zip(gradients) {
                            *weight -= config.learning_rate * gradient;
                        }
                    }
                    model = with_parameters(model, weights);
                    state = carry.then(|| model.initial_state(2).with_data(next.to_data()));
                }
            }
            parameters(&model)
        };

        let folder = tempfile::tempdir().expect("a folder");
        let (outcome, _) = tiny::train(&corpus, &config, folder.path()).expect("a run");
        let trained = parameters(&outcome.model);
        let error = difference(&trained, &by_hand(true));
        assert!(error < 1e-5, "weights differ by {error:e}");
        let forgetful = difference(&trained, &by_hand(false));
        assert!(
            forgetful > 1e-3,
            "without the state, weights differ by {forgetful:e} only"
        );
    }
}
