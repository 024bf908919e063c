//! What a way back refuses, and what it takes at the edges: no sequences, no steps.

use kernels::{Backward, Engine, Gradients, Input, Isa, Lengths, Saved};

use crate::{
    compare::Tensors,
    contracts::assert_refuses,
    problem::{Layer, Problem, Recipe},
    reference,
    run::{ALL, Slices, engine, run},
};

const SIZES: [usize; 4] = [2, 4, 3, 5];

/// What a [`Backward`] borrows.
struct Case {
    problem: Problem,
    slices: Slices,
    output: Vec<f32>,
    saved: Saved,
}

impl Case {
    fn new(recipe: Recipe) -> Self {
        let problem = recipe.problem();
        let slices = Slices::new(&problem);
        let (shape, input) = (problem.shape, slices.input(&problem));
        let engine = &Engine::new();
        let [c0, _] = slices.of_cell(&problem);
        let layer = slices.pack(&problem, engine);
        let (output, saved) = layer.forward_padded(shape, Lengths::ALL, input, &slices.h0, c0);
        drop(layer);
        Case {
            problem,
            slices,
            output,
            saved,
        }
    }

    fn backward(&self) -> Backward<'_> {
        self.slices.backward(&self.problem, &self.output)
    }

    fn run(&self, backward: Backward, saved: Saved) -> Gradients {
        let engine = &Engine::new();
        let kernel = self.problem.layer.kernel();
        kernel.backward(engine, &backward, ALL, saved)
    }

    fn assert_refuses(&self, message: &str, backward: Backward) {
        let saved = self.saved.clone();
        assert_refuses(message, || self.run(backward, saved));
    }
}

#[test]
fn lengths_of_an_lstm_agree() {
    lengths_agree(Layer::Lstm);
}

#[test]
fn lengths_of_a_gru_agree() {
    lengths_agree(Layer::Gru);
}

#[test]
fn lengths_of_an_rnn_agree() {
    lengths_agree(Layer::Rnn);
}

fn lengths_agree(layer: Layer) {
    let recipe = Recipe::new(layer, SIZES);
    for recipe in [recipe.clone(), recipe.with_tokens()] {
        lengths_agree_in(&Case::new(recipe));
    }
}

fn lengths_agree_in(case: &Case) {
    let back = case.backward();
    let Backward {
        wx,
        wh,
        h0,
        output,
        d_output,
        d_cell,
        ..
    } = back;
    let width = case.problem.width();
    fn shorter(slice: &[f32]) -> &[f32] {
        &slice[1..]
    }
    // A row less.
    let (lower_wx, lower_wh) = (&wx[width..], &wh[width..]);
    let longer_h0 = [h0, &[0.0]].concat();
    #[rustfmt::skip]
    let refused = [
        ("output: ", Backward { output: shorter(output), ..back }),
        ("d_output: ", Backward { d_output: shorter(d_output), ..back }),
        ("", Backward { h0: shorter(h0), ..back }),
        ("h0: ", Backward { h0: &longer_h0, ..back }),
        ("", Backward { wh: shorter(wh), ..back }),
        ("wh: ", Backward { wh: lower_wh, ..back }),
        ("", Backward { wx: shorter(wx), ..back }),
        ("wx: ", Backward { wx: lower_wx, ..back }),
    ];
    for (message, back) in refused {
        case.assert_refuses(message, back);
    }
    let d_cell = match case.problem.layer.has_cell() {
        true => shorter(d_cell),
        false => &[0.0],
    };
    case.assert_refuses("d_cell: ", Backward { d_cell, ..back });
}

#[test]
fn input_agrees() {
    let recipe = Recipe::new(Layer::Lstm, SIZES);
    let case = Case::new(recipe.clone());
    let with = |x| Backward {
        input: Input::Vectors(x),
        ..case.backward()
    };
    case.assert_refuses("", with(&case.slices.x[1..]));
    // A number less for each step.
    case.assert_refuses("", with(&case.slices.x[8..]));
    let case = Case::new(recipe.with_tokens());
    let with = |tokens| Backward {
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
    for layer in Layer::ALL {
        let case = Case::new(Recipe::new(layer, SIZES));
        let refuses = |other: [usize; 4]| {
            let saved = Case::new(Recipe::new(layer, other)).saved;
            let run = || case.run(case.backward(), saved);
            assert_refuses("saved by the same forward pass", run);
        };
        refuses([2, 3, 3, 5]);
        refuses([2, 4, 3, 6]);
        // As many steps in all.
        refuses([4, 2, 3, 5]);
    }
    let case = Case::new(Recipe::new(Layer::Lstm, SIZES));
    let saved = Case::new(Recipe::new(Layer::Lstm, [1, 4, 3, 5])).saved;
    let run = || case.run(case.backward(), saved);
    assert_refuses("saved by the same forward pass", run);
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
