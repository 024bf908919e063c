//! What a way back refuses, and what it takes at the edges: no sequences, no steps.

use kernels::{Engine, Input, Isa, lstm, rnn};

use crate::{
    compare::Tensors,
    contracts::assert_refuses,
    problem::{Layer, Problem, Recipe},
    reference,
    run::{ALL, Slices, engine, infer, run},
};

const SIZES: [usize; 4] = [2, 4, 3, 5];

/// What an [`lstm::Backward`] borrows.
struct LstmCase {
    problem: Problem,
    slices: Slices,
    output: Vec<f32>,
    saved: lstm::Saved,
}

impl LstmCase {
    fn new(recipe: Recipe) -> Self {
        let problem = recipe.problem();
        let slices = Slices::new(&problem);
        let lstm = slices.lstm(&problem, &Engine::new());
        let (shape, input) = (problem.shape, slices.input(&problem));
        let (output, saved) = lstm.forward(shape, input, &slices.h0, &slices.c0);
        LstmCase {
            problem,
            slices,
            output,
            saved,
        }
    }

    fn backward(&self) -> lstm::Backward<'_> {
        let Slices {
            wx,
            wh,
            h0,
            d_output,
            d_cell,
            ..
        } = &self.slices;
        let (shape, input) = (self.problem.shape, self.slices.input(&self.problem));
        let output = &self.output;
        lstm::Backward {
            shape,
            wx,
            wh,
            input,
            h0,
            output,
            d_output,
            d_cell,
        }
    }

    fn assert_refuses(&self, message: &str, backward: lstm::Backward) {
        let saved = self.saved.clone();
        assert_refuses(message, || backward.run(&Engine::new(), ALL, saved));
    }
}

#[test]
fn lengths_of_an_lstm_agree() {
    let recipe = Recipe::new(Layer::Lstm, SIZES);
    for recipe in [recipe.clone(), recipe.with_tokens()] {
        let case = LstmCase::new(recipe);
        let back = case.backward();
        let lstm::Backward {
            wx,
            wh,
            h0,
            output,
            d_output,
            d_cell,
            ..
        } = back;
        let refuses = |message, back| case.assert_refuses(message, back);
        refuses(
            "d_output: ",
            lstm::Backward {
                d_output: &d_output[1..],
                ..back
            },
        );
        refuses(
            "d_cell: ",
            lstm::Backward {
                d_cell: &d_cell[1..],
                ..back
            },
        );
        refuses(
            "",
            lstm::Backward {
                h0: &h0[1..],
                ..back
            },
        );
        refuses(
            "",
            lstm::Backward {
                wh: &wh[1..],
                ..back
            },
        );
        refuses(
            "",
            lstm::Backward {
                wx: &wx[1..],
                ..back
            },
        );
        // A row less.
        let width = case.problem.width();
        refuses(
            "wh: ",
            lstm::Backward {
                wh: &wh[width..],
                ..back
            },
        );
        refuses(
            "wx: ",
            lstm::Backward {
                wx: &wx[width..],
                ..back
            },
        );
        refuses(
            "output: ",
            lstm::Backward {
                output: &output[1..],
                ..back
            },
        );
        let h0 = [h0, &[0.0]].concat();
        refuses("h0: ", lstm::Backward { h0: &h0, ..back });
    }
}

#[test]
fn lengths_of_an_rnn_agree() {
    let recipe = Recipe::new(Layer::Rnn, SIZES);
    for recipe in [recipe.clone(), recipe.with_tokens()] {
        let problem = recipe.problem();
        let slices = Slices::new(&problem);
        let (shape, input) = (problem.shape, slices.input(&problem));
        let tensors = infer(&problem, &Engine::new());
        let output = tensors.get("output");
        let Slices {
            wx,
            wh,
            h0,
            d_output,
            ..
        } = &slices;
        let back = rnn::Backward {
            shape,
            wx,
            wh,
            input,
            h0,
            output,
            d_output,
        };
        let refuses = |message, back: rnn::Backward| {
            assert_refuses(message, || back.run(&Engine::new(), ALL));
        };
        refuses(
            "output: ",
            rnn::Backward {
                output: &output[1..],
                ..back
            },
        );
        refuses(
            "d_output: ",
            rnn::Backward {
                d_output: &d_output[1..],
                ..back
            },
        );
        refuses(
            "",
            rnn::Backward {
                h0: &h0[1..],
                ..back
            },
        );
        refuses(
            "",
            rnn::Backward {
                wh: &wh[1..],
                ..back
            },
        );
        refuses(
            "",
            rnn::Backward {
                wx: &wx[1..],
                ..back
            },
        );
        // A row less.
        let width = problem.width();
        refuses(
            "wh: ",
            rnn::Backward {
                wh: &wh[width..],
                ..back
            },
        );
        refuses(
            "wx: ",
            rnn::Backward {
                wx: &wx[width..],
                ..back
            },
        );
        let h0 = [&h0[..], &[0.0]].concat();
        refuses("h0: ", rnn::Backward { h0: &h0, ..back });
    }
}

#[test]
fn input_agrees() {
    let recipe = Recipe::new(Layer::Lstm, SIZES);
    let case = LstmCase::new(recipe.clone());
    let with = |x| lstm::Backward {
        input: Input::Vectors(x),
        ..case.backward()
    };
    case.assert_refuses("", with(&case.slices.x[1..]));
    // A number less for each step.
    case.assert_refuses("", with(&case.slices.x[8..]));
    let case = LstmCase::new(recipe.with_tokens());
    let with = |tokens| lstm::Backward {
        input: Input::Tokens(tokens),
        ..case.backward()
    };
    case.assert_refuses("", with(&[0; 9]));
    case.assert_refuses("", with(&[3; 8]));
    case.assert_refuses("tokens: ", with(&[0; 7]));
    case.assert_refuses("token 3 ", with(&[3; 8]));
}

#[test]
fn what_another_sequence_saved_is_refused() {
    let case = LstmCase::new(Recipe::new(Layer::Lstm, SIZES));
    let refuses = |other: [usize; 4]| {
        let saved = LstmCase::new(Recipe::new(Layer::Lstm, other)).saved;
        let run = || case.backward().run(&Engine::new(), ALL, saved);
        assert_refuses("saved by the same forward pass", run);
    };
    refuses([2, 3, 3, 5]);
    refuses([1, 4, 3, 5]);
    refuses([2, 4, 3, 6]);
    // As many steps in all.
    refuses([4, 2, 3, 5]);
}

/// The values of the reference, which are exact where nothing is computed.
fn assert_equal(what: &str, values: &Tensors<f32>, reference: &Tensors<f64>) {
    for (name, reference) in reference.iter() {
        let values: Vec<f64> = values.get(name).iter().map(|&value| value.into()).collect();
        assert_eq!(values, reference, "{what}: {name}");
    }
}

#[test]
fn no_steps_give_the_gradients_of_nothing() {
    assert_reference([3, 0, 4, 5]);
}

#[test]
fn no_sequences_give_the_gradients_of_nothing() {
    assert_reference([0, 3, 4, 5]);
}

fn assert_reference(sizes: [usize; 4]) {
    for layer in Layer::ALL {
        let recipe = Recipe::new(layer, sizes);
        for recipe in [recipe.clone(), recipe.with_tokens()] {
            let problem = recipe.problem();
            for isa in Isa::available() {
                let values = run(&problem, &engine(isa, 2), ALL);
                assert_equal(
                    &format!("{layer:?}, {isa}"),
                    &values,
                    &reference::run(&problem),
                );
            }
        }
    }
}
