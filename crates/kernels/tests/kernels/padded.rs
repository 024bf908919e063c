//! Sequences of unequal length give what each gives alone, whatever their padding holds.

use kernels::{Isa, Lengths};

use crate::{
    compare::{Tensors, assert_close, assert_same_bits},
    contracts::assert_refuses,
    problem::{Layer, Problem, Recipe, Values},
    reference,
    run::{ALL, engine, infer, run},
};

const LENGTHS: [usize; 7] = [9, 9, 6, 5, 2, 1, 1];

/// With NaN for padding, and more steps than any sequence has.
fn padded(recipe: &Recipe) -> Problem {
    let mut problem = recipe.problem();
    let time = problem.shape.time;
    let is_padding = |step: usize| step % time >= LENGTHS[step / time];
    let steps = LENGTHS.len() * time;
    for step in (0..steps).filter(|&step| is_padding(step)) {
        let n = problem.d_hidden;
        problem.d_output[step * n..][..n].fill(f64::NAN);
        if let Values::Vectors(x) = &mut problem.input {
            let d = problem.d_input;
            x[step * d..][..d].fill(f64::NAN);
        }
    }
    problem.lengths = Some(LENGTHS.to_vec());
    problem
}

/// Each sequence alone, without its padding, put together: zeros for padding, sums for the weights.
fn reference(problem: &Problem) -> Tensors<f64> {
    let mut together: Vec<(String, Vec<f64>)> = Vec::new();
    for (row, length) in LENGTHS.into_iter().enumerate() {
        let mut alone = problem.sequences(row..row + 1).steps(0..length);
        alone.lengths = None;
        for (i, (name, values)) in reference::run(&alone).iter().enumerate() {
            let mut values = values.to_vec();
            if matches!(name, "output" | "d_input") {
                values.resize(values.len() / length * problem.shape.time, 0.0);
            }
            if row == 0 {
                together.push((name.to_owned(), Vec::new()));
            }
            let so_far = &mut together[i].1;
            match name {
                "d_wx" | "d_wh" | "d_b" if row > 0 => {
                    so_far
                        .iter_mut()
                        .zip(&values)
                        .for_each(|(sum, x)| *sum += x);
                }
                _ => so_far.extend(values),
            }
        }
    }
    let mut tensors = Tensors::default();
    for (name, values) in together {
        let name: &'static str = Box::leak(name.into_boxed_str());
        tensors.push(name, values);
    }
    tensors
}

#[test]
fn each_sequence_is_as_alone() {
    for layer in Layer::ALL {
        let recipe = Recipe::new(layer, [LENGTHS.len(), 11, 6, 23]);
        for recipe in [recipe.clone(), recipe.with_tokens()] {
            let problem = padded(&recipe);
            let expected = reference(&problem);
            for isa in Isa::available() {
                let first = run(&problem, &engine(isa, 1), ALL);
                let what = format!("{layer:?}, {isa}");
                assert_close(&what, &first, &expected, 1e-5);
                for threads in [2, 4, 16] {
                    let again = run(&problem, &engine(isa, threads), ALL);
                    let what = format!("{what}, {threads} threads");
                    assert_same_bits(&what, &again, &first);
                }

                let inferred = infer(&problem, &engine(isa, 2));
                for (name, values) in inferred.iter() {
                    let kept = first.get(name);
                    assert_eq!(values.len(), kept.len());
                    for (value, kept) in values.iter().zip(kept) {
                        // What is inferred leaves padding as it was.
                        assert!(value == kept || value.is_nan() && *kept == 0.0, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn lengths_fit_the_batch() {
    assert_refuses("lengths: the longest first", || {
        Lengths::descending(&[1, 2]);
    });
    for layer in Layer::ALL {
        let problem = padded(&Recipe::new(layer, [LENGTHS.len(), 11, 6, 23]));
        for (message, lengths) in [
            ("lengths: [batch]", vec![9; 6]),
            ("lengths: [batch]", vec![9; 8]),
            ("lengths: 12 of 11 steps", vec![12; 7]),
        ] {
            let mut problem = problem.clone();
            problem.lengths = Some(lengths);
            let engine = engine(Isa::Portable, 2);
            assert_refuses(message, || infer(&problem, &engine));
            assert_refuses(message, || run(&problem, &engine, ALL));
        }
    }
}
