//! Numbers that are no numbers, infinite, or very large: the kernels pass them on and saturate where
//! the equations in f64 do.

use kernels::Isa;

use crate::{
    compare::{Tensors, error},
    problem::{Layer, Problem, Recipe, Values},
    reference,
    run::{ALL, engine, run},
};

/// More than a vector of hidden units, and not a multiple.
fn problems(layer: Layer) -> [Problem; 2] {
    let recipe = Recipe::new(layer, [3, 4, 5, 19]);
    [recipe.problem(), recipe.with_tokens().problem()]
}

type Pick = fn(&mut Problem) -> Option<&mut Vec<f64>>;

const PARAMETERS: [(&str, Pick); 6] = [
    ("input", |problem| match &mut problem.input {
        Values::Vectors(x) => Some(x),
        Values::Tokens(_) => None,
    }),
    ("wx", |problem| Some(&mut problem.wx)),
    ("wh", |problem| match problem.layer.has_wh() {
        true => Some(&mut problem.wh),
        false => None,
    }),
    ("b", |problem| Some(&mut problem.b)),
    ("h0", |problem| Some(&mut problem.h0)),
    ("c0", |problem| match problem.layer.has_cell() {
        true => Some(&mut problem.c0),
        false => None,
    }),
];

/// Each problem with one number replaced, in each of its parameters.
fn for_each_replaced(values: &[f64], mut test: impl FnMut(&str, &Problem)) {
    for problem in Layer::ALL.into_iter().flat_map(problems) {
        for (name, pick) in PARAMETERS {
            for &value in values {
                // A Gru keeps z·h of whatever h it is given, and multiplies it; so do peepholes with c. In f32
                // gates are never exactly 0 or 1, so an infinity stays one where 0·∞ would make it NaN in
                // f64, and what is left of a slope is multiplied.
                let is_kept = matches!(
                    (problem.layer, name),
                    (Layer::Gru, "h0") | (Layer::PeepholeLstm, "c0")
                );
                if is_kept && !value.is_nan() {
                    continue;
                }
                // Two gates that are both exactly 0 have no quotient.
                if problem.layer == Layer::MinLstm && value.is_infinite() {
                    continue;
                }
                // What a rectifier passes on grows without bound, and beyond f32 long before f64.
                if problem.layer == Layer::ReluRnn && !value.is_nan() {
                    continue;
                }
                let mut replaced = problem.clone();
                let Some(parameter) = pick(&mut replaced) else {
                    continue;
                };
                let k = parameter.len() / 2;
                parameter[k] = value;
                let what = format!("{:?}, {value} in {name}", problem.layer);
                test(&what, &replaced);
            }
        }
    }
}

/// Non-finite in the same places; elsewhere the same values.
fn assert_same_places(what: &str, values: &Tensors<f32>, reference: &Tensors<f64>) {
    for (name, reference) in reference.iter() {
        let values = values.get(name);
        let of_values: Vec<bool> = values.iter().map(|x| x.is_finite()).collect();
        let of_reference: Vec<bool> = reference.iter().map(|x| x.is_finite()).collect();
        assert_eq!(of_values, of_reference, "{what}: {name}: which are finite");

        let pairs = values.iter().zip(reference);
        let finite = pairs.filter(|(value, _)| value.is_finite());
        let (values, reference): (Vec<f32>, Vec<f64>) = finite.unzip();
        let error = error(&values, &reference);
        assert!(error < 1e-5, "{what}: {name} is off by {error:.1e}");
    }
}

fn assert_same_places_with(numbers: &[f64]) {
    for_each_replaced(numbers, |what, problem| {
        let reference = reference::run(problem);
        for isa in Isa::available() {
            let values = run(problem, &engine(isa, 2), ALL);
            assert_same_places(&format!("{what}, {isa}"), &values, &reference);
        }
    });
}

#[test]
fn nan_and_infinities_stay_where_they_are() {
    assert_same_places_with(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
}

#[test]
fn large_numbers_saturate() {
    assert_same_places_with(&[1e30_f32, -1e30_f32].map(f64::from));
}
