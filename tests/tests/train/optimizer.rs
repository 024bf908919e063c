//! Two updates of each optimiser, driven through `train`, against the formulas of PyTorch's
//! documentation computed in f64; optimisers as words.

use burn::optim::GradientsParams;
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CharLm, Initializer};
use proptest::prelude::*;
use tests::tiny::{self, MODELS, Values, config, corpus, gradients, parameters, with_parameters};
use train::{Corpus, OptimizerConfig, RunConfig, batches::lanes::split, learn::tbptt::loss};

type B = Autodiff<NdArray<f32>>;

const TEXT: &str = "bad cab!!";
const LEARNING_RATE: f64 = 0.01;

/// How far the learned weights may be from the formula, as a share of the learning rate.
const TOLERANCE: f64 = 1e-4;

/// What an optimiser remembers of one weight's gradients.
#[derive(Clone, Copy, Default)]
struct Moments {
    first: f64,
    second: f64,
}

/// `torch.optim.Adam`: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
/// θ ← θ − γ·(m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
fn adam(t: i32, g: f64, moments: &mut Moments) -> f64 {
    moments.first = 0.9 * moments.first + 0.1 * g;
    moments.second = 0.999 * moments.second + 0.001 * g * g;
    let m = moments.first / (1.0 - 0.9_f64.powi(t));
    let v = moments.second / (1.0 - 0.999_f64.powi(t));
    m / (v.sqrt() + 1e-8)
}

/// `torch.optim.RMSprop`: v ← αv + (1 − α)g², θ ← θ − γ·g / (√v + ε)
fn rmsprop(alpha: f64) -> impl Fn(i32, f64, &mut Moments) -> f64 {
    move |_, g, moments| {
        moments.second = alpha * moments.second + (1.0 - alpha) * g * g;
        g / (moments.second.sqrt() + 1e-8)
    }
}

/// `torch.optim.SGD`: θ ← θ − γ·g
fn sgd(_: i32, g: f64, _: &mut Moments) -> f64 {
    g
}

/// `torch.optim.Adagrad`: s ← s + g², θ ← θ − γ·g / (√s + ε)
fn adagrad(_: i32, g: f64, moments: &mut Moments) -> f64 {
    moments.second += g * g;
    g / (moments.second.sqrt() + 1e-10)
}

#[test]
fn adam_is_that_of_pytorch() {
    check(OptimizerConfig::Adam, adam);
}

#[test]
fn rmsprop_is_that_of_pytorch() {
    for decay in [0.95, 0.5, 0.0] {
        check(OptimizerConfig::RmsProp { decay }, rmsprop(decay));
    }
}

#[test]
fn sgd_is_that_of_pytorch() {
    check(OptimizerConfig::Sgd, sgd);
}

#[test]
fn adagrad_is_that_of_pytorch() {
    check(OptimizerConfig::AdaGrad, adagrad);
}

#[test]
#[should_panic(expected = "gradient")]
fn another_epsilon_of_adam_is_noticed() {
    check(OptimizerConfig::Adam, |t, g, moments| {
        // Of a root that is r, ε of 1e-8 makes r + 1e-8.
        let step = adam(t, g, moments);
        let root = (moments.second / (1.0 - 0.999_f64.powi(t))).sqrt();
        step * (root + 1e-8) / (root + 2e-8)
    });
}

#[test]
#[should_panic(expected = "gradient")]
fn an_epsilon_within_the_root_of_rmsprop_is_noticed() {
    check(OptimizerConfig::RmsProp { decay: 0.95 }, |t, g, moments| {
        rmsprop(0.95)(t, g, moments);
        g / (moments.second + 1e-16).sqrt()
    });
}

#[test]
#[should_panic(expected = "gradient")]
fn another_epsilon_of_adagrad_is_noticed() {
    check(OptimizerConfig::AdaGrad, |t, g, moments| {
        adagrad(t, g, moments);
        g / (moments.second.sqrt() + 2e-10)
    });
}

/// Each epoch is one update. Weights near 0 make some gradients so small that ε decides.
fn check(optimizer: OptimizerConfig, formula: impl Fn(i32, f64, &mut Moments) -> f64) {
    for (cell, embedding) in MODELS {
        for bound in [0.5, 1e-3, 1e-5] {
            let config = RunConfig {
                optimizer,
                learning_rate: LEARNING_RATE,
                initializer: Initializer::Uniform { bound },
                ..config(cell, embedding)
            };
            two_updates(&config, &formula);
        }
    }
}

fn two_updates(config: &RunConfig, formula: impl Fn(i32, f64, &mut Moments) -> f64) {
    let corpus = corpus(TEXT);
    let mut weights = parameters(&tiny::fresh_model::<B>(&corpus, config));
    let mut moments: Vec<Vec<Moments>> = weights
        .iter()
        .map(|(_, values)| vec![Moments::default(); values.len()])
        .collect();

    for update in 1..=2 {
        // Gradients at the weights that the run itself had, so that only the update is compared.
        let gradients = gradients_at(&weights, &corpus, config);
        let folder = tempfile::tempdir().expect("a folder");
        let config = RunConfig {
            max_epochs: update,
            ..config.clone()
        };
        let (outcome, _) = tiny::train(&corpus, &config, folder.path()).expect("a run");
        let after = parameters(&outcome.model);

        for (i, (name, after)) in after.iter().enumerate() {
            for (j, after) in after.iter().enumerate() {
                let (before, g) = (weights[i].1[j], gradients[i].1[j]);
                let step = LEARNING_RATE * formula(update as i32, g, &mut moments[i][j]);
                let error = (after - (before - step)).abs();
                let rounding = 2.0 * f64::from(f32::EPSILON) * before.abs().max(after.abs());
                assert!(
                    error <= TOLERANCE * step.abs() + rounding + 1e-12,
                    "update {update} of {name}, gradient {g:e}: {} for {step}",
                    before - after,
                );
            }
        }
        weights = after;
    }
}

/// The gradient on the only window of the text.
fn gradients_at(weights: &Values, corpus: &Corpus, config: &RunConfig) -> Values {
    let model: CharLm<B> = tiny::fresh_model(corpus, config);
    let model = with_parameters(model, weights.clone());
    let (lanes, _) = split(corpus, &config.batches()).expect("long enough");
    assert_eq!(lanes.n_batches(config.seq_length), 1);
    let batch = lanes.batch(0, config.seq_length).expect("in memory");
    let (loss, _) = loss(&model, &batch, None, &Default::default());
    gradients(
        &model,
        &GradientsParams::from_grads(loss.backward(), &model),
    )
}

/// Every parameter of every model, under every optimiser: none is left out of the graph, the
/// gradients or the update.
#[test]
fn every_parameter_moves() {
    for optimizer in [
        OptimizerConfig::Adam,
        OptimizerConfig::RmsProp { decay: 0.95 },
        OptimizerConfig::Sgd,
        OptimizerConfig::AdaGrad,
    ] {
        for (cell, embedding) in MODELS {
            let config = RunConfig {
                optimizer,
                ..config(cell, embedding)
            };
            let corpus = corpus(TEXT);
            let before = parameters(&tiny::fresh_model::<B>(&corpus, &config));
            let folder = tempfile::tempdir().expect("a folder");
            let (outcome, _) = tiny::train(&corpus, &config, folder.path()).expect("a run");
            for ((name, before), (_, after)) in before.iter().zip(&parameters(&outcome.model)) {
                assert_ne!(
                    before, after,
                    "{optimizer} leaves {name} of {cell:?} as it was"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_optimizer_is_a_word(decay in 0.0..1.0_f64) {
        for optimizer in [
            OptimizerConfig::Adam,
            OptimizerConfig::RmsProp { decay },
            OptimizerConfig::Sgd,
            OptimizerConfig::AdaGrad,
        ] {
            let word = optimizer.to_string();
            prop_assert_eq!(word.parse(), Ok(optimizer), "{}", word);
        }
    }
}

#[test]
fn rmsprop_alone_has_the_decay_of_pytorch() {
    let rmsprop = OptimizerConfig::RmsProp { decay: 0.99 };
    assert_eq!("rmsprop".parse(), Ok(rmsprop));
}

#[test]
fn words_that_are_no_optimizer_are_refused() {
    for word in [
        "",
        "Adam",
        "adam ",
        "adamw",
        "adam:0.9",
        "sgd:0.9",
        "adagrad:1",
        "rmsprop:",
        "rmsprop:1",
        "rmsprop:1.5",
        "rmsprop:-0.1",
        "rmsprop:NaN",
        "rmsprop:inf",
        "rmsprop:0.9:0.1",
    ] {
        let parsed = word.parse::<OptimizerConfig>();
        assert!(parsed.is_err(), "{word:?} is {parsed:?}");
    }
}
