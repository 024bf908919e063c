//! The reference's own gradients are those of its own values: central differences of the loss
//! `Σ d_output·output + Σ d_cell·cell`, for every number that goes in.

use crate::{
    compare::Tensors,
    problem::{Layer, Problem, Recipe, Values},
    reference,
};

fn loss(problem: &Problem) -> f64 {
    let tensors = reference::run(problem);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cell = match problem.layer.has_cell() {
        true => dot(tensors.get("cell"), &problem.d_cell),
        false => 0.0,
    };
    dot(tensors.get("output"), &problem.d_output) + cell
}

type Pick = fn(&mut Problem) -> &mut Vec<f64>;

const PARAMETERS: [(&str, Pick); 6] = [
    ("d_wx", |problem| &mut problem.wx),
    ("d_wh", |problem| &mut problem.wh),
    ("d_b", |problem| &mut problem.b),
    ("d_h0", |problem| &mut problem.h0),
    ("d_c0", |problem| &mut problem.c0),
    ("d_input", |problem| match &mut problem.input {
        Values::Vectors(x) => x,
        Values::Tokens(_) => unreachable!("tokens have no gradient"),
    }),
];

fn assert_gradients(problem: &Problem, gradients: &Tensors<f64>) {
    const STEP: f64 = 1e-5;
    for (name, pick) in PARAMETERS {
        let absent = match name {
            "d_c0" => !problem.layer.has_cell(),
            "d_input" => matches!(problem.input, Values::Tokens(_)),
            _ => false,
        };
        if absent {
            continue;
        }
        let gradient = gradients.get(name);
        let mut moved = problem.clone();
        assert_eq!(gradient.len(), pick(&mut moved).len(), "{name}");
        for (k, &expected) in gradient.iter().enumerate() {
            let mut loss_at = |difference: f64| {
                let before = pick(&mut moved)[k];
                pick(&mut moved)[k] += difference;
                let loss = loss(&moved);
                pick(&mut moved)[k] = before;
                loss
            };
            let difference = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
            let error = (difference - expected).abs();
            assert!(
                error < 1e-8,
                "{name}[{k}]: {expected} but moves by {difference}"
            );
        }
    }
}

#[test]
fn of_vectors() {
    for layer in Layer::ALL {
        let problem = Recipe::new(layer, [2, 4, 3, 5]).problem();
        assert_gradients(&problem, &reference::run(&problem));
    }
}

#[test]
fn of_tokens() {
    for layer in Layer::ALL {
        let problem = Recipe::new(layer, [2, 4, 6, 5]).with_tokens().problem();
        assert_gradients(&problem, &reference::run(&problem));
    }
}
