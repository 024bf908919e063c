//! The kernels give what the equations say: values and every gradient, against the reference in f64,
//! for every instruction set and several numbers of threads.

use kernels::{Isa, NeedsGrad};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::{
    compare::{Tensors, assert_close},
    problem::{Layer, Recipe},
    reference,
    run::{ALL, engine, run},
};

/// Relative to a tensor's largest magnitude, for weights within ±2/√n of n terms in a sum.
const TOLERANCE: f64 = 1e-5;

/// For weights up to ±2, whatever the size. Such a network is chaotic: each step multiplies what the
/// one before has rounded. A plain loop in f32 is off by up to 7e-6 (LSTM) and 2e-4 (RNN) itself.
const TOLERANCE_OF_WIDE: [f64; 2] = [1e-4, 1e-3];

fn recipe(layer: Layer, wide: bool) -> impl Strategy<Value = Recipe> {
    let sizes = (1..=9_usize, 1..=7_usize, 1..=20_usize, 1..=40_usize);
    let choices = any::<[bool; 5]>();
    let scales = (0.5..2.0, 0.5..2.0);
    let numbers = (sizes, choices, scales, any::<u64>());
    numbers.prop_map(move |(sizes, choices, (input_scale, scale), seed)| {
        let (batch, time, d_input, d_hidden) = sizes;
        let [tokens, bias, initial_state, d_output, d_cell] = choices;
        let terms = d_input.max(d_hidden) as f64;
        let weight_scale = if wide { scale } else { scale / terms.sqrt() };
        Recipe {
            layer,
            batch,
            time,
            d_input,
            d_hidden,
            tokens,
            bias,
            initial_state,
            d_output,
            d_cell,
            input_scale,
            weight_scale,
            seed,
        }
    })
}

/// The reference's tensors, with those empty that are not needed.
fn only(tensors: Tensors<f64>, needs: NeedsGrad) -> Tensors<f64> {
    let mut only = Tensors::default();
    for (name, values) in tensors.iter() {
        let is_needed = match name {
            "d_input" => needs.input,
            "d_wx" | "d_wh" | "d_b" => needs.weights,
            _ => true,
        };
        let values = if is_needed { values } else { &[] };
        only.push(name, values.to_vec());
    }
    only
}

fn assert_equations(recipe: &Recipe, needs: NeedsGrad, tolerance: f64) {
    let problem = recipe.problem();
    let reference = only(reference::run(&problem), needs);
    for isa in Isa::available() {
        for threads in [1, 2, 4] {
            let values = run(&problem, &engine(isa, threads), needs);
            let what = format!("{isa}, {threads} threads, {recipe:?}");
            assert_close(&what, &values, &reference, tolerance);
        }
    }
}

fn assert_equations_of_many(layer: Layer, wide: bool, tolerance: f64) {
    let config = Config {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..Config::default()
    };
    let needs = any::<[bool; 2]>().prop_map(|[input, weights]| NeedsGrad { input, weights });
    let cases = (recipe(layer, wide), needs);
    let result = TestRunner::new(config).run(&cases, |(recipe, needs)| {
        assert_equations(&recipe, needs, tolerance);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn of_many_sizes() {
    for layer in Layer::ALL {
        assert_equations_of_many(layer, false, TOLERANCE);
    }
}

#[test]
fn of_wide_weights() {
    for layer in Layer::ALL {
        let tolerance = match layer {
            Layer::Rnn => TOLERANCE_OF_WIDE[1],
            // It grows without bound: a sum of large numbers of both signs.
            Layer::ReluRnn => continue,
            _ => TOLERANCE_OF_WIDE[0],
        };
        assert_equations_of_many(layer, true, tolerance);
    }
}

/// More rows than a block of the weights' gradient has, several panels, several tiles.
#[test]
fn large() {
    for layer in Layer::ALL {
        for d_hidden in [72, 128] {
            assert_equations(&Recipe::new(layer, [13, 40, 70, d_hidden]), ALL, TOLERANCE);
        }
        let tokens = Recipe::new(layer, [13, 40, 70, 72]).with_tokens();
        assert_equations(&tokens, ALL, TOLERANCE);
    }
}
