//! Combinators against what they stand for, other forms of a sequence, and wrong uses.

use burn::{nn::DropoutConfig, tensor::Tensor};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    AnyCell, Bidirectional, Cell, CellKind, CellOptions, GruConfig, Init, LearnedState, LstmConfig,
    LstmState, ProjectedLstmConfig, RecurrentCell, RecurrentState, Residual, Stack, Stepper,
    VariationalDropoutConfig, WeightDropoutConfig, ZoneoutConfig, scan,
};
use tests::{compare::assert_close, random::Random, refused::panic_message};

type B = NdArray<f64>;

fn cell(kind: CellKind, d_input: usize, d_hidden: usize) -> AnyCell<B> {
    let options = CellOptions::new(d_input, d_hidden);
    AnyCell::init(kind, &options, &mut Init::from_seed(1, &Default::default()))
}

#[test]
fn the_parallel_form_equals_the_step_form() {
    for kind in [CellKind::MinGru, CellKind::MinLstm] {
        let cell = cell(kind, 3, 8);
        for time in [1, 2, 3, 7, 64, 1000] {
            let x: Tensor<B, 3> = Random::new(2).tensor([2, time, 3]);
            let state = cell
                .initial_state(2)
                .map(&mut |_, _| Random::new(3).tensor([2, 8]));
            let (y, last) = cell.forward(x.clone(), Some(state.clone()));
            let (by_steps, last_by_steps) = scan(x, state, |x, state| cell.step(x, state));
            assert_close("y", y, by_steps, 1e-12);
            assert_close("state", last.hidden(), last_by_steps.hidden(), 1e-12);
        }
    }
}

#[test]
fn chunks_are_one_forward_whose_gradients_stop_at_the_windows() {
    type A = Autodiff<B>;
    let lstm = LstmConfig::new(2, 3).init_seeded::<A>(1, &Default::default());
    let x: Tensor<A, 3> = Random::new(2).tensor([2, 10, 2]);
    let (whole, last) = lstm.forward(x.clone(), None);
    for window in [1, 3, 5, 10, 11] {
        let chunks: Vec<_> = lstm.forward_chunked(x.clone(), window, None).collect();
        assert_eq!(chunks.len(), 10_usize.div_ceil(window));
        let y = chunks.iter().map(|(y, _)| y.clone()).collect();
        assert_close("y", Tensor::cat(y, 1), whole.clone(), 1e-14);
        let (_, state) = chunks.last().expect("a window").clone();
        assert_close("cell", state.cell, last.cell.clone(), 1e-14);
    }

    // The second window alone, from the state that the first left, has the gradients of the second chunk.
    let (second, _) = lstm
        .forward_chunked(x.clone(), 5, None)
        .nth(1)
        .expect("two windows");
    let ours = lstm
        .wh
        .val()
        .grad(&second.sum().backward())
        .expect("a gradient");
    let (_, state) = lstm.forward(x.clone().narrow(1, 0, 5), None);
    let (alone, _) = lstm.forward(x.narrow(1, 5, 5), Some(state.detach()));
    let expected = lstm
        .wh
        .val()
        .grad(&alone.sum().backward())
        .expect("a gradient");
    assert_close("d_wh", ours, expected, 1e-14);
}

#[test]
fn time_major() {
    let gru = cell(CellKind::Gru, 2, 3);
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 5, 2]);
    let (y, _) = gru.forward(x.clone(), None);
    let (time_major, _) = gru.forward_time_major(x.swap_dims(0, 1), None);
    assert_close("y", time_major.swap_dims(0, 1), y, 0.0);
}

#[test]
fn a_stack_of_different_cells() {
    let kinds = [CellKind::Gru, CellKind::ProjectedLstm, CellKind::MinLstm];
    let layers: Vec<AnyCell<B>> = kinds.map(|kind| cell(kind, 3, 3)).into();
    let stack = Stack::new(layers.clone(), DropoutConfig::new(0.0).init());
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 5, 3]);
    let (y, _) = stack.forward(x.clone(), None);
    let by_hand = layers.iter().fold(x, |x, layer| layer.forward(x, None).0);
    assert_close("y", y, by_hand, 0.0);
}

#[test]
fn a_residual_connection_adds_the_input() {
    let (gru, x) = (cell(CellKind::Gru, 3, 3), Random::new(2).tensor([2, 5, 3]));
    let (y, state) = Residual::new(gru.clone()).forward(x.clone(), None);
    let (inner, inner_state) = gru.forward(x.clone(), None);
    assert_close("y", y, inner + x, 0.0);
    assert_close("state", state.hidden(), inner_state.hidden(), 0.0);
}

#[test]
fn a_learned_state_is_where_sequences_start() {
    let lstm = LstmConfig::new(2, 3).init_seeded::<B>(1, &Default::default());
    let mut cell = LearnedState::new(lstm.clone());
    cell.initial = cell
        .initial
        .into_iter()
        .map(|initial| initial.map(|zeros| zeros + 0.5))
        .collect();
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 5, 2]);
    let (y, _) = cell.forward(x.clone(), None);
    let halves = Tensor::full([2, 3], 0.5, &Default::default());
    let state = LstmState {
        hidden: halves.clone(),
        cell: halves,
    };
    let (expected, _) = lstm.forward(x.clone(), Some(state));
    assert_close("y", y, expected.clone(), 0.0);

    // The same one step at a time, and again after a reset.
    let mut stepper = Stepper::new(&cell, 2);
    for _ in 0..2 {
        let mut y = [0.0; 6];
        for t in 0..5 {
            let x_t = x
                .clone()
                .narrow(1, t, 1)
                .into_data()
                .iter()
                .collect::<Vec<f32>>();
            stepper.step(&x_t, &mut y);
        }
        let expected = expected.clone().narrow(1, 4, 1).into_data();
        let differences = expected.iter::<f32>().zip(y).map(|(a, b)| (a - b).abs());
        assert!(differences.fold(0.0, f32::max) < 1e-6);
        stepper.reset();
    }
}

#[test]
fn random_masks_do_not_act_without_autodiff() {
    let lstm = LstmConfig::new(3, 3).init_seeded::<B>(1, &Default::default());
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 5, 3]);
    let (expected, _) = lstm.forward(x.clone(), None);
    let weight = WeightDropoutConfig::new(0.5).init::<B, _>(lstm.clone());
    assert_close(
        "weight",
        weight.forward(x.clone(), None).0,
        expected.clone(),
        0.0,
    );
    let variational = VariationalDropoutConfig::new()
        .with_input(0.5)
        .with_hidden(0.5)
        .with_output(0.5);
    let variational = variational.init::<B, _>(lstm);
    assert_close("variational", variational.forward(x, None).0, expected, 0.0);
}

#[test]
fn every_cell_and_combinator_streams() {
    for kind in CellKind::ALL {
        let zoneout = ZoneoutConfig::new().with_hidden(0.1).with_cell(0.2);
        let layer = || Residual::new(zoneout.init::<B, _>(cell(kind, 3, 3)));
        let stack = Stack::new(vec![layer(), layer()], DropoutConfig::new(0.0).init());
        let x: Tensor<B, 3> = Random::new(2).tensor([1, 6, 3]);
        let (y, _) = stack.forward(x.clone(), None);
        let mut stepper = Stepper::new(&stack, 1);
        for t in 0..6 {
            let at = |s: &Tensor<B, 3>| s.clone().narrow(1, t, 1).into_data().iter().collect();
            let (x_t, expected): (Vec<f32>, Vec<f32>) = (at(&x), at(&y));
            let mut y = [0.0; 3];
            stepper.step(&x_t, &mut y);
            for (ours, expected) in y.into_iter().zip(expected) {
                assert!((ours - expected).abs() < 1e-5, "{kind}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "cannot run one step at a time")]
fn a_bidirectional_layer_does_not_stream() {
    let layer = Bidirectional::new(cell(CellKind::Lstm, 2, 3), cell(CellKind::Lstm, 2, 3));
    Stepper::new(&Stack::new(vec![layer], DropoutConfig::new(0.0).init()), 1);
}

#[test]
#[should_panic(expected = "cannot run one step at a time")]
fn a_bidirectional_layer_does_not_step() {
    let layer = Bidirectional::new(cell(CellKind::Lstm, 2, 3), cell(CellKind::Lstm, 2, 3));
    layer.step(
        Tensor::zeros([1, 2], &Default::default()),
        layer.initial_state(1),
    );
}

#[test]
#[should_panic(expected = "(d_hidden 5) must be smaller than the cell (d_cell 5)")]
fn a_projection_not_below_the_cell_is_refused() {
    ProjectedLstmConfig::new(2, 5, 5).init::<B>(&Default::default());
}

#[test]
#[should_panic(expected = "the state belongs to another kind of cell than the layer")]
fn a_state_of_another_cell_is_refused() {
    let (lstm, gru) = (cell(CellKind::Lstm, 2, 3), cell(CellKind::Gru, 2, 3));
    lstm.forward(Random::new(2).tensor([1, 5, 2]), Some(gru.initial_state(1)));
}

/// A state of one row or one column would be broadcast.
#[test]
fn a_state_of_another_shape_is_refused() {
    for kind in CellKind::ALL {
        let cell = cell(kind, 2, 3);
        let state = cell.initial_state(2);
        let shapes: Vec<_> = state.tensors().iter().map(|s| s.dims()).collect();
        for (i, &[batch, size]) in shapes.iter().enumerate() {
            for wrong in [[1, size], [batch, 1], [batch + 1, size]] {
                let mut tensors = state.tensors();
                tensors[i] = Tensor::zeros(wrong, &Default::default());
                let state = state.clone().with_tensors(tensors);
                let x = Random::new(2).tensor([2, 2]);
                let message = panic_message(|| cell.step(x, state));
                let expected = format!("is {wrong:?}, not {:?} for this", [batch, size]);
                assert!(message.contains(&expected), "{kind}: {message}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "hidden: [batch, d_hidden]")]
fn gates_of_a_hidden_state_of_one_row_are_refused() {
    let lstm = LstmConfig::new(2, 3).init::<B>(&Default::default());
    lstm.gates(Random::new(2).tensor([2, 2]), Random::new(2).tensor([1, 3]));
}

#[test]
fn a_layer_of_size_0_is_refused() {
    for kind in CellKind::ALL {
        for [d_input, d_hidden] in [[0, 3], [2, 0]] {
            let message = panic_message(|| cell(kind, d_input, d_hidden));
            assert!(message.ends_with(": at least 1, not 0"), "{message}");
        }
    }
}

#[test]
fn slices_of_another_length_are_refused() {
    let refused = |stepper: &mut Stepper, [x, y]: [usize; 2], expected: &str| {
        let (x, mut y) = (vec![0.0; x], vec![0.0; y]);
        let message = panic_message(|| stepper.step(&x, &mut y));
        assert!(message.contains(expected), "{message}");
    };
    // By kernels, and in tensor operations.
    for kind in [CellKind::Lstm, CellKind::PeepholeLstm] {
        let stepper = &mut Stepper::new(&cell(kind, 2, 3), 2);
        refused(stepper, [3, 6], "d_input]");
        refused(stepper, [4, 3], "y: [batch");
    }
}

#[test]
#[should_panic(expected = "residual: an output of 3 numbers cannot be added to an input of 2")]
fn a_residual_connection_between_different_widths_is_refused() {
    Residual::new(cell(CellKind::Lstm, 2, 3)).forward(Random::new(2).tensor([1, 5, 2]), None);
}

#[test]
#[should_panic(expected = "zoneout of the cell: a probability from 0 to below 1, not NaN")]
fn a_probability_that_is_no_number_is_refused() {
    let gru = GruConfig::new(2, 3).init_seeded::<B>(1, &Default::default());
    ZoneoutConfig::new().with_cell(f64::NAN).init::<B, _>(gru);
}

#[test]
#[should_panic(expected = "weight dropout: a probability from 0 to below 1, not 1")]
fn a_probability_of_one_is_refused() {
    let gru = GruConfig::new(2, 3).init_seeded::<B>(1, &Default::default());
    WeightDropoutConfig::new(1.0).init::<B, _>(gru);
}

#[test]
#[should_panic(expected = "forward_chunked: a window of at least one step")]
fn a_window_of_no_steps_is_refused() {
    let gru = cell(CellKind::Gru, 2, 3);
    let _ = gru.forward_chunked(Random::new(2).tensor([1, 5, 2]), 0, None);
}
