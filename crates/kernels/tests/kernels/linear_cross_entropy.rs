//! The head: its loss and gradients against the equations in f64, the same bits whatever the threads,
//! and its edges.

use kernels::{Engine, Isa, LinearCrossEntropy};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::{
    compare::{Tensors, assert_close, assert_same_bits},
    contracts::assert_refuses,
    problem::Random,
    run::{engine, f32s},
};

#[derive(Clone, Debug)]
struct Problem {
    /// `[n, d_hidden]`
    hidden: Vec<f64>,
    /// `[d_hidden, vocabulary]`
    weight: Vec<f64>,
    /// `[vocabulary]`
    bias: Vec<f64>,
    /// `[n]`
    targets: Vec<u32>,
    d_hidden: usize,
}

impl Problem {
    fn new([n, d_hidden, vocabulary]: [usize; 3], scale: f64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let weight_scale = scale / (d_hidden as f64).sqrt();
        Problem {
            hidden: random.values(n * d_hidden, scale),
            weight: random.values(d_hidden * vocabulary, weight_scale),
            bias: random.values(vocabulary, weight_scale),
            targets: random.tokens(n, vocabulary),
            d_hidden,
        }
    }

    /// ```text
    /// logits = h·W + b      loss = −(1/n) Σ ln softmax(logits)[target]
    /// ```
    fn reference(&self) -> Tensors<f64> {
        let (h, vocabulary) = (self.d_hidden, self.bias.len());
        let scale = 1.0 / self.targets.len() as f64;
        let mut loss = 0.0;
        let mut d_logits = Vec::new();
        let mut d_hidden = vec![0.0; self.hidden.len()];
        let mut d_weight = vec![0.0; self.weight.len()];
        let mut d_bias = vec![0.0; vocabulary];
        for (row, &target) in self.targets.iter().enumerate() {
            let hidden = &self.hidden[row * h..][..h];
            let logit = |j: usize| {
                let products = hidden
                    .iter()
                    .enumerate()
                    .map(|(k, x)| x * self.weight[k * vocabulary + j]);
                self.bias[j] + products.sum::<f64>()
            };
            let logits: Vec<f64> = (0..vocabulary).map(logit).collect();
            let largest = logits.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let total: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            loss += scale * (total.ln() + largest - logits[target as usize]);
            for (j, logit) in logits.iter().enumerate() {
                let p = (logit - largest).exp() / total;
                let is_target = if j == target as usize { 1.0 } else { 0.0 };
                let d = scale * (p - is_target);
                d_logits.push(d);
                d_bias[j] += d;
                for k in 0..h {
                    d_weight[k * vocabulary + j] += hidden[k] * d;
                    d_hidden[row * h + k] += self.weight[k * vocabulary + j] * d;
                }
            }
        }
        let mut tensors = Tensors::default();
        tensors.push("loss", vec![loss]);
        tensors.push("d_logits", d_logits);
        tensors.push("d_hidden", d_hidden);
        tensors.push("d_weight", d_weight);
        tensors.push("d_bias", d_bias);
        tensors
    }

    fn run(&self, engine: &Engine) -> Tensors<f32> {
        let head = LinearCrossEntropy {
            hidden: &f32s(&self.hidden),
            weight: &f32s(&self.weight),
            bias: &f32s(&self.bias),
            targets: &self.targets,
        };
        let (loss, d_logits) = head.loss(engine);
        let gradients = head.backward(engine, &d_logits);
        let mut tensors = Tensors::default();
        tensors.push("loss", vec![loss]);
        tensors.push("d_logits", d_logits);
        tensors.push("d_hidden", gradients.hidden);
        tensors.push("d_weight", gradients.weight);
        tensors.push("d_bias", gradients.bias);
        tensors
    }

    fn assert_equations(&self, what: &str) {
        let reference = self.reference();
        for isa in Isa::available() {
            for threads in [1, 2, 4] {
                let what = format!("{what}, {isa}, {threads} threads");
                assert_close(&what, &self.run(&engine(isa, threads)), &reference, 1e-5);
            }
        }
    }
}

#[test]
fn the_reference_has_the_gradients_of_its_loss() {
    const STEP: f64 = 1e-5;
    let problem = Problem::new([3, 4, 5], 1.0, 1);
    let gradients = problem.reference();
    type Pick = fn(&mut Problem) -> &mut Vec<f64>;
    let parameters: [(&str, Pick); 3] = [
        ("d_hidden", |problem| &mut problem.hidden),
        ("d_weight", |problem| &mut problem.weight),
        ("d_bias", |problem| &mut problem.bias),
    ];
    for (name, pick) in parameters {
        for (k, expected) in gradients.get(name).iter().enumerate() {
            let loss_at = |difference: f64| {
                let mut moved = problem.clone();
                pick(&mut moved)[k] += difference;
                moved.reference().get("loss")[0]
            };
            let difference = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
            assert!(
                (difference - expected).abs() < 1e-8,
                "{name}[{k}]: {expected} but moves by {difference}"
            );
        }
    }
}

#[test]
fn equations() {
    let config = Config {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..Config::default()
    };
    let sizes = (1..=70_usize, 1..=40_usize, 1..=70_usize);
    let cases = (sizes, 0.5..4.0, any::<u64>());
    let result = TestRunner::new(config).run(&cases, |((n, h, vocabulary), scale, seed)| {
        let problem = Problem::new([n, h, vocabulary], scale, seed);
        problem.assert_equations(&format!(
            "{n}, {h} to {vocabulary}, scale {scale}, seed {seed}"
        ));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Several blocks of rows, forward and back, and several panels.
#[test]
fn large() {
    for [n, h, vocabulary] in [[520, 70, 65], [300, 128, 300]] {
        Problem::new([n, h, vocabulary], 1.0, 1)
            .assert_equations(&format!("{n}, {h} to {vocabulary}"));
    }
}

#[test]
fn whatever_the_threads() {
    let problem = Problem::new([301, 33, 150], 1.0, 1);
    for isa in Isa::available() {
        let one = problem.run(&engine(isa, 1));
        for threads in [1, 2, 3, 4, 1000] {
            let again = problem.run(&engine(isa, threads));
            assert_same_bits(&format!("{isa}, {threads} threads"), &again, &one);
        }
    }
}

/// Logits far apart: certainty, and a loss as large as the distance.
#[test]
fn far_logits() {
    for distance in [50.0, 100.0, 1e4, 1e30] {
        let problem = Problem {
            hidden: vec![0.0],
            weight: vec![0.0; 20],
            bias: (0..20)
                .map(|j| if j == 3 { distance } else { 0.0 })
                .collect(),
            targets: vec![3],
            d_hidden: 1,
        };
        problem.assert_equations(&format!("right by {distance}"));
        let wrong = Problem {
            targets: vec![4],
            ..problem
        };
        wrong.assert_equations(&format!("wrong by {distance}"));
    }
}

/// A row of the batch with a number that is none has no loss, and spoils no other row's gradient.
#[test]
fn nan_stays_in_its_row() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        // Far from 0 and 1 in a row, so that the largest logit is not the last.
        for at in [0, 4, 8] {
            let mut problem = Problem::new([3, 3, 40], 1.0, 1);
            problem.hidden[at] = value;
            let reference = problem.reference();
            for isa in Isa::available() {
                let values = problem.run(&engine(isa, 2));
                for (name, reference) in reference.iter() {
                    let finite = reference.iter().map(|value| value.is_finite());
                    let values = values.get(name).iter().map(|value| value.is_finite());
                    assert!(values.eq(finite), "{isa}, {value} at {at}: {name}");
                }
            }
        }
    }
}

#[test]
fn lengths_agree() {
    let problem = Problem::new([4, 3, 5], 1.0, 1);
    let [hidden, weight, bias] = [&problem.hidden, &problem.weight, &problem.bias].map(|v| f32s(v));
    let (hidden, weight, bias) = (&hidden[..], &weight[..], &bias[..]);
    let targets = &problem.targets[..];
    let head = LinearCrossEntropy {
        hidden,
        weight,
        bias,
        targets,
    };
    let engine = Engine::new();
    let (_, d_logits) = head.loss(&engine);
    let refused = [
        (
            "hidden: ",
            LinearCrossEntropy {
                hidden: &hidden[1..],
                ..head
            },
        ),
        (
            "weight: ",
            LinearCrossEntropy {
                weight: &weight[1..],
                ..head
            },
        ),
        (
            "hidden: ",
            LinearCrossEntropy {
                targets: &targets[1..],
                ..head
            },
        ),
        (
            "target 5 of 5",
            LinearCrossEntropy {
                targets: &[0, 5, 0, 0],
                ..head
            },
        ),
        (
            "target 4294967295 of 5",
            LinearCrossEntropy {
                targets: &[u32::MAX; 4],
                ..head
            },
        ),
    ];
    for (message, head) in refused {
        assert_refuses(message, || head.loss(&engine));
    }
    assert_refuses("d_logits: ", || head.backward(&engine, &d_logits[1..]));
    let refused = [
        (
            "hidden: ",
            LinearCrossEntropy {
                hidden: &hidden[1..],
                ..head
            },
        ),
        (
            "weight: ",
            LinearCrossEntropy {
                weight: &weight[1..],
                ..head
            },
        ),
        (
            "weight: ",
            LinearCrossEntropy {
                weight: &weight[5..],
                ..head
            },
        ),
    ];
    for (message, head) in refused {
        assert_refuses(message, || head.backward(&engine, &d_logits));
    }
}

#[test]
fn no_rows() {
    let problem = Problem::new([0, 3, 5], 1.0, 1);
    for isa in Isa::available() {
        let tensors = problem.run(&engine(isa, 2));
        assert!(tensors.get("loss")[0].is_nan(), "the mean of nothing");
        assert_eq!(tensors.get("d_weight"), [0.0; 15]);
        assert_eq!(tensors.get("d_bias"), [0.0; 5]);
        assert_eq!(tensors.get("d_hidden"), []);
    }
}
