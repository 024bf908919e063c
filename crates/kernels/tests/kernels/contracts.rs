//! What a forward pass refuses, and by what name, and what it takes at the edges: no sequences, no
//! steps.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kernels::{Engine, Input, Isa, Lengths, PackedLayer};

use crate::{
    problem::{Layer, Problem, Recipe, Values},
    run::{ALL, Slices, engine, f32s, infer, run},
};

/// Asserts that `f` panics, and says `message`.
pub fn assert_refuses<T>(message: &str, f: impl FnOnce() -> T) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(f()))) else {
        panic!("did not refuse: {message}");
    };
    let said = match panic.downcast::<String>() {
        Ok(said) => *said,
        Err(panic) => panic
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or_default()
            .to_owned(),
    };
    assert!(said.contains(message), "said {said:?}, not {message:?}");
}

const SIZES: [usize; 4] = [2, 4, 3, 5];

fn vectors(layer: Layer) -> Problem {
    Recipe::new(layer, SIZES).problem()
}

fn tokens(layer: Layer) -> Problem {
    Recipe::new(layer, SIZES).with_tokens().problem()
}

fn changed(mut problem: Problem, change: impl FnOnce(&mut Problem)) -> Problem {
    change(&mut problem);
    problem
}

fn x(problem: &mut Problem) -> &mut Vec<f64> {
    match &mut problem.input {
        Values::Vectors(x) => x,
        Values::Tokens(_) => panic!("a problem of vectors"),
    }
}

#[test]
fn lengths_of_weights_agree() {
    type Change = fn(&mut Problem);
    let changes: [(&str, Change); 7] = [
        ("wx: ", |problem| problem.wx.truncate(4)),
        ("wx: ", |problem| problem.wx.push(0.0)),
        ("wh: ", |problem| problem.wh.truncate(problem.width())),
        ("wh: ", |problem| problem.wh.push(0.0)),
        ("wh: ", |problem| problem.wh.clear()),
        ("b: ", |problem| problem.b.truncate(1)),
        ("b: ", |problem| problem.b.push(0.0)),
    ];
    for layer in Layer::ALL {
        for (message, change) in changes {
            if message == "wh: " && !layer.has_wh() {
                continue;
            }
            let problem = changed(vectors(layer), change);
            assert_refuses(message, || infer(&problem, &Engine::new()));
            let problem = changed(tokens(layer), change);
            let message = message.replace("wx", "table");
            assert_refuses(&message, || infer(&problem, &Engine::new()));
        }
    }
}

#[test]
fn lengths_of_a_batch_agree() {
    type Change = fn(&mut Problem);
    let changes: [(&str, Change); 7] = [
        ("input: ", |problem| _ = x(problem).pop()),
        ("input: ", |problem| x(problem).push(0.0)),
        ("input: ", |problem| x(problem).clear()),
        ("h0: ", |problem| problem.h0.truncate(5)),
        ("h0: ", |problem| problem.h0.push(0.0)),
        // `infer` makes its output as long as this.
        ("output: ", |problem| _ = problem.d_output.pop()),
        ("output: ", |problem| problem.d_output.push(0.0)),
    ];
    for layer in Layer::ALL {
        for (message, change) in changes {
            let problem = changed(vectors(layer), change);
            assert_refuses(message, || infer(&problem, &Engine::new()));
        }
    }
    for change in [
        |c0: &mut Vec<f64>| _ = c0.pop(),
        |c0: &mut Vec<f64>| c0.push(0.0),
    ] {
        let problem = changed(vectors(Layer::Lstm), |problem| change(&mut problem.c0));
        assert_refuses("cell: ", || infer(&problem, &Engine::new()));
        assert_refuses("c0: ", || run(&problem, &Engine::new(), ALL));
    }
}

#[test]
fn tokens_are_in_the_table() {
    for layer in Layer::ALL {
        let with = |tokens: Vec<u32>| Problem {
            input: Values::Tokens(tokens),
            ..self::tokens(layer)
        };
        let engine = Engine::new();
        infer(&with(vec![2; 8]), &engine);
        assert_refuses("token 3 ", || {
            infer(&with(vec![0, 0, 0, 3, 0, 0, 0, 0]), &engine)
        });
        assert_refuses("token 4294967295 ", || {
            infer(&with(vec![u32::MAX; 8]), &engine)
        });
        assert_refuses("tokens: ", || infer(&with(vec![0; 7]), &engine));
        assert_refuses("tokens: ", || infer(&with(vec![0; 9]), &engine));
    }
}

#[test]
fn vectors_and_tokens_are_not_mixed() {
    let engine = Engine::new();
    let (vectors, tokens) = (vectors(Layer::Lstm), tokens(Layer::Lstm));
    let (of_vectors, of_tokens) = (Slices::new(&vectors), Slices::new(&tokens));
    let shape = vectors.shape;
    let forward = |lstm: &dyn PackedLayer, input: Input| {
        let (h0, c0) = (&of_vectors.h0, &of_vectors.c0);
        lstm.forward_padded(shape, Lengths::ALL, input, h0, c0)
    };
    let message = "vectors go with Wx, tokens with a table";
    assert_refuses(message, || {
        forward(
            &*of_vectors.pack(&vectors, &engine),
            of_tokens.input(&tokens),
        )
    });
    assert_refuses(message, || {
        forward(
            &*of_tokens.pack(&tokens, &engine),
            of_vectors.input(&vectors),
        )
    });
}

#[test]
fn absent_instructions_are_refused() {
    for isa in [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable] {
        assert_eq!(isa.is_available(), Isa::available().contains(&isa));
        if !isa.is_available() {
            assert_refuses("this processor has no ", || Engine::new().with_isa(isa));
        }
    }
    assert_eq!(Isa::available().last(), Some(&Isa::Portable));
}

#[test]
fn no_steps_leave_the_cell_as_it_is() {
    for layer in Layer::ALL {
        let recipe = Recipe::new(layer, [3, 0, 4, 5]);
        for problem in [recipe.problem(), recipe.with_tokens().problem()] {
            for isa in Isa::available() {
                let values = infer(&problem, &engine(isa, 2));
                assert_eq!(values.get("output"), []);
                if layer.has_cell() {
                    assert_eq!(values.get("cell"), f32s(&problem.c0));
                }
            }
        }
    }
}

#[test]
fn no_sequences_give_nothing() {
    for layer in Layer::ALL {
        let recipe = Recipe::new(layer, [0, 3, 4, 5]);
        for problem in [recipe.problem(), recipe.with_tokens().problem()] {
            for isa in Isa::available() {
                let values = infer(&problem, &engine(isa, 2));
                assert!(values.iter().all(|(_, tensor)| tensor.is_empty()));
            }
        }
    }
}
