//! A network that goes step by step gives what its layers give over whole sequences, bit for bit, and
//! its head what the equation says.

use kernels::{Engine, LayerWeights, Shape, Stepper, Takes};

use crate::{
    compare::{bits, error},
    contracts::assert_refuses,
    problem::{Layer, Problem, Random, Recipe, Values},
    run::{Slices, f32s, infer},
};

const BATCH: usize = 3;
const TIME: usize = 6;
const D_INPUT: usize = 5;
/// From the input upwards.
const D_HIDDEN: [usize; 3] = [19, 7, 33];
const VOCABULARY: usize = 11;

/// Layers one on the other, from a state of zeros; the upper ones' input is still to come.
fn stack(layers: [Layer; 3], tokens: bool) -> Vec<Problem> {
    let mut d_input = D_INPUT;
    let layer = |(i, layer): (usize, Layer)| {
        let recipe = Recipe {
            tokens: tokens && i == 0,
            bias: i != 1,
            initial_state: false,
            seed: i as u64,
            ..Recipe::new(layer, [BATCH, TIME, d_input, D_HIDDEN[i]])
        };
        d_input = D_HIDDEN[i];
        recipe.problem()
    };
    layers.into_iter().enumerate().map(layer).collect()
}

fn stepper(stack: &[Problem], head: Option<(&[f32], &[f32])>) -> Stepper {
    let slices: Vec<Slices> = stack.iter().map(Slices::new).collect();
    let weights = stack
        .iter()
        .zip(&slices)
        .map(|(problem, slices)| LayerWeights {
            kernel: problem.layer.kernel(),
            d_hidden: problem.d_hidden,
            wx: &slices.wx,
            wh: &slices.wh,
            b: &slices.b,
        });
    let takes = match stack[0].input {
        Values::Vectors(_) => Takes::Vectors,
        Values::Tokens(_) => Takes::Tokens,
    };
    Stepper::new(
        stack[0].shape.batch,
        takes,
        &weights.collect::<Vec<_>>(),
        head,
    )
}

/// The top layer's output over the whole sequence, `[batch, time, d_hidden]`.
fn at_once(mut stack: Vec<Problem>) -> Vec<f32> {
    for i in 0..stack.len() {
        let output = infer(&stack[i], &Engine::new()).get("output").to_vec();
        let Some(above) = stack.get_mut(i + 1) else {
            return output;
        };
        above.input = Values::Vectors(output.into_iter().map(f64::from).collect());
    }
    unreachable!("a stack has layers")
}

/// `[batch, n]` of one time of `[batch, time, n]`.
fn at<T: Copy>(values: &[T], t: usize) -> Vec<T> {
    let sequences = values.chunks_exact(values.len() / BATCH);
    let steps = sequences.map(|sequence| {
        let n = sequence.len() / TIME;
        &sequence[t * n..][..n]
    });
    steps.flatten().copied().collect()
}

/// One step on the input of time `t`.
fn step(stepper: &mut Stepper, stack: &[Problem], t: usize) -> Vec<f32> {
    let mut y = vec![f32::NAN; stepper.output_len()];
    match &stack[0].input {
        Values::Vectors(x) => stepper.step(&f32s(&at(x, t)), &mut y),
        Values::Tokens(tokens) => stepper.step_tokens(&at(tokens, t), &mut y),
    }
    y
}

const STACKS: [[Layer; 3]; 6] = [
    [Layer::Lstm, Layer::Rnn, Layer::Lstm],
    [Layer::MinLstm, Layer::CoupledLstm, Layer::MinGru],
    [Layer::PeepholeLstm, Layer::PeepholeLstm, Layer::Lstm],
    [Layer::ReluRnn, Layer::MinGru, Layer::MinLstm],
    [Layer::Rnn, Layer::Lstm, Layer::Gru],
    [Layer::Gru, Layer::Gru, Layer::Rnn],
];

#[test]
fn step_by_step_as_at_once() {
    for (layers, tokens) in STACKS
        .into_iter()
        .zip([false, true, false])
        .chain(STACKS.into_iter().zip([true, false, true]))
    {
        let stack = stack(layers, tokens);
        let expected = at_once(stack.clone());
        let mut stepper = stepper(&stack, None);
        for run in ["first", "after a reset"] {
            for t in 0..TIME {
                let y = step(&mut stepper, &stack, t);
                let same = bits(&y) == bits(&at(&expected, t));
                assert!(same, "{layers:?}, tokens {tokens}, {run}: step {t}");
            }
            stepper.reset();
        }
    }
}

#[test]
fn a_state_put_back_goes_on_from_there() {
    let stack = stack(STACKS[0], false);
    let mut stepper = stepper(&stack, None);
    step(&mut stepper, &stack, 0);
    let kept: Vec<Vec<f32>> = stepper.state().map(<[f32]>::to_vec).collect();
    let sizes: Vec<usize> = kept.iter().map(Vec::len).collect();
    assert_eq!(
        sizes,
        [19, 19, 7, 33, 33].map(|n| BATCH * n),
        "h and c, h, h and c"
    );

    let expected = step(&mut stepper, &stack, 1);
    step(&mut stepper, &stack, 2);
    for (state, kept) in stepper.state_mut().zip(&kept) {
        state.copy_from_slice(kept);
    }
    assert_eq!(bits(&step(&mut stepper, &stack, 1)), bits(&expected));
}

/// `y = h·W + b`
#[test]
fn the_head_is_its_equation() {
    let stack = stack(STACKS[0], false);
    let top = D_HIDDEN[2];
    let mut random = Random::new(1);
    let (weight, bias) = (
        random.values(top * VOCABULARY, 0.5),
        random.values(VOCABULARY, 0.5),
    );
    let (narrow_weight, narrow_bias) = (f32s(&weight), f32s(&bias));
    let mut with = stepper(&stack, Some((&narrow_weight, &narrow_bias)));
    let mut without = stepper(&stack, None);
    assert_eq!(with.output_len(), BATCH * VOCABULARY);
    for t in 0..TIME {
        let (y, h) = (step(&mut with, &stack, t), step(&mut without, &stack, t));
        let score = |k: usize| {
            let (row, j) = (k / VOCABULARY, k % VOCABULARY);
            let h = h[row * top..][..top].iter().enumerate();
            let products = h.map(|(k, &h)| f64::from(h) * weight[k * VOCABULARY + j]);
            bias[j] + products.sum::<f64>()
        };
        let expected: Vec<f64> = (0..BATCH * VOCABULARY).map(score).collect();
        assert!(error(&y, &expected) < 1e-6, "step {t}");
    }
}

#[test]
fn lengths_agree() {
    let (vectors, tokens) = (stack(STACKS[0], false), stack(STACKS[0], true));
    let (mut of_vectors, mut of_tokens) = (stepper(&vectors, None), stepper(&tokens, None));
    let mut y = vec![0.0; of_vectors.output_len()];
    assert_refuses("this network takes tokens", || {
        of_tokens.step(&[0.0; 15], &mut y)
    });
    assert_refuses("this network takes vectors", || {
        of_vectors.step_tokens(&[0; 3], &mut y)
    });
    assert_refuses("input: ", || of_vectors.step(&[0.0; 14], &mut y));
    assert_refuses("tokens: ", || of_tokens.step_tokens(&[0; 4], &mut y));
    assert_refuses("token 5 ", || of_tokens.step_tokens(&[0, 5, 0], &mut y));
    assert_refuses("", || of_vectors.step(&[0.0; 15], &mut [0.0; 98]));
    assert_refuses("head: ", || {
        stepper(&vectors, Some((&[0.0; 34], &[0.0; 11])))
    });
    let no_sequences = vectors.iter().map(|problem| Problem {
        shape: Shape {
            batch: 0,
            time: TIME,
        },
        ..problem.clone()
    });
    let mut empty = stepper(&no_sequences.collect::<Vec<_>>(), None);
    empty.step(&[], &mut []);
}
#[test]
fn a_head_of_another_size_is_refused() {
    let vectors = stack(STACKS[0], false);
    // The top layer has 33.
    for d_hidden in [11, 66] {
        assert_refuses("head: ", || {
            let weight = vec![0.0; d_hidden * VOCABULARY];
            let mut stepper = stepper(&vectors, Some((&weight, &[0.0; VOCABULARY])));
            step(&mut stepper, &vectors, 0)
        });
    }
}
