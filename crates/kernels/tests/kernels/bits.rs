//! Bit for bit the same: whatever the threads, with or without a way back, in pieces of time or of the
//! batch.

use kernels::{Engine, Isa};

use crate::{
    compare::{Tensors, assert_same_bits},
    problem::{Layer, Problem, Recipe, Values},
    run::{ALL, engine, infer, run},
};

/// Batches that no number of threads divides, and sums of several panels and blocks.
fn problems() -> Vec<Problem> {
    let recipes = Layer::ALL.map(|layer| {
        let small = Recipe::new(layer, [7, 9, 17, 23]);
        let large = Recipe::new(layer, [13, 21, 33, 72]);
        [
            small.clone(),
            small.with_tokens(),
            large.clone(),
            large.with_tokens(),
        ]
    });
    // Weights large enough that several threads pack them.
    let wide = Layer::ALL.map(|layer| Recipe::new(layer, [9, 2, 5, 512]));
    let recipes = recipes.as_flattened().iter().chain(&wide);
    recipes.map(Recipe::problem).collect()
}

fn what(problem: &Problem, isa: Isa) -> String {
    let Problem {
        layer,
        shape,
        d_input,
        d_hidden,
        ..
    } = problem;
    let kind = match problem.input {
        Values::Vectors(_) => "vectors",
        Values::Tokens(_) => "tokens",
    };
    format!("{layer:?} of {kind}, {shape:?}, {d_input} to {d_hidden}, {isa}")
}

fn for_each_problem_and_isa(mut test: impl FnMut(&Problem, Isa, String)) {
    for problem in problems() {
        for isa in Isa::available() {
            test(&problem, isa, what(&problem, isa));
        }
    }
}

#[test]
fn whatever_the_threads() {
    for_each_problem_and_isa(|problem, isa, what| {
        let one = run(problem, &engine(isa, 1), ALL);
        for threads in [1, 2, 3, 4, 100] {
            let again = run(problem, &engine(isa, threads), ALL);
            assert_same_bits(&format!("{what}, {threads} threads"), &again, &one);
        }
    });
}

#[test]
fn whatever_the_pool() {
    for threads in 1..=4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.expect("a pool of threads");
        for_each_problem_and_isa(|problem, isa, what| {
            let one = run(problem, &engine(isa, 1), ALL);
            let inside = pool.install(|| run(problem, &Engine::new().with_isa(isa), ALL));
            assert_same_bits(&format!("{what}, a pool of {threads}"), &inside, &one);
        });
    }
}

/// Output and last cell alone.
fn values(tensors: &Tensors<f32>) -> Tensors<f32> {
    let mut values = Tensors::default();
    for (name, tensor) in tensors.iter() {
        if matches!(name, "output" | "cell") {
            values.push(name, tensor.to_vec());
        }
    }
    values
}

#[test]
fn with_or_without_a_way_back() {
    for_each_problem_and_isa(|problem, isa, what| {
        let engine = engine(isa, 2);
        let forward = values(&run(problem, &engine, ALL));
        assert_same_bits(&what, &infer(problem, &engine), &forward);
    });
}

/// `[batch, time, n]` of two parts of the time becomes that of the whole.
fn join(batch: usize, [a, b]: [&[f32]; 2]) -> Vec<f32> {
    let rows = a.chunks_exact(a.len() / batch);
    let rows = rows.zip(b.chunks_exact(b.len() / batch));
    rows.flat_map(|(a, b)| [a, b].concat()).collect()
}

#[test]
fn in_two_halves() {
    for_each_problem_and_isa(|problem, isa, what| {
        let (batch, time, n) = (problem.shape.batch, problem.shape.time, problem.d_hidden);
        let engine = engine(isa, 2);
        for cut in [1, time / 2, time - 1] {
            let first = infer(&problem.steps(0..cut), &engine);
            let mut rest = problem.steps(cut..time);
            let output = first.get("output").chunks_exact(cut * n);
            rest.h0 = wide(output.flat_map(|output| &output[(cut - 1) * n..]));
            if problem.layer.has_cell() {
                rest.c0 = wide(first.get("cell"));
            }
            let second = infer(&rest, &engine);

            let mut both = Tensors::default();
            let outputs = [&first, &second].map(|half| half.get("output"));
            both.push("output", join(batch, outputs));
            if problem.layer.has_cell() {
                both.push("cell", second.get("cell").to_vec());
            }
            let whole = infer(problem, &engine);
            assert_same_bits(&format!("{what}, cut at {cut}"), &both, &whole);
        }
    });
}

fn wide<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<f64> {
    values.into_iter().map(|&value| f64::from(value)).collect()
}

#[test]
fn each_sequence_alone() {
    for_each_problem_and_isa(|problem, isa, what| {
        let engine = engine(isa, 2);
        let together = run(problem, &engine, ALL);
        let batch = problem.shape.batch;
        for row in [0, 3, batch - 1] {
            let alone = run(&problem.sequences(row..row + 1), &engine, ALL);
            let mut expected = Tensors::default();
            for (name, tensor) in together.iter() {
                let each = tensor.len() / batch;
                expected.push(
                    name,
                    match name {
                        // Sums over the batch.
                        "d_wx" | "d_wh" | "d_b" => alone.get(name).to_vec(),
                        _ => tensor[row * each..][..each].to_vec(),
                    },
                );
            }
            assert_same_bits(&format!("{what}, sequence {row}"), &alone, &expected);
        }
    });
}

/// What an earlier sequence left in memory changes nothing.
#[test]
fn in_the_memory_of_another_sequence() {
    let engine = Engine::new();
    for layer in Layer::ALL {
        // More than a buffer that is left to the allocator, and each within twice the other.
        let sizes = [[13, 40, 17, 70], [30, 20, 33, 72]];
        let problems = sizes.map(|sizes| Recipe::new(layer, sizes).problem());
        for (problem, other) in [(&problems[0], &problems[1]), (&problems[1], &problems[0])] {
            kernels::release_memory();
            let fresh = run(problem, &engine, ALL);
            run(other, &engine, ALL);
            let again = run(problem, &engine, ALL);
            assert_same_bits(&format!("{layer:?}"), &again, &fresh);
        }
    }
}
