//! Sequences of unequal length against loops by hand, in both directions, and how wrong lengths are refused.

use burn::tensor::{Tensor, TensorData};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    AnyCell, Bidirectional, Cell, CellKind, CellOptions, Init, Lengths, RecurrentCell,
    RecurrentState, Stack, StackConfig,
};
use tests::{compare::assert_close, random::Random};

type B = NdArray<f64>;

const LENGTHS: [usize; 4] = [3, 7, 1, 4];
const TIME: usize = 7;

fn cell(kind: CellKind, seed: u64) -> AnyCell<B> {
    let options = CellOptions::new(2, 3);
    AnyCell::init(
        kind,
        &options,
        &mut Init::from_seed(seed, &Default::default()),
    )
}

/// A batch of `LENGTHS`, with NaN in the padding.
fn batch() -> Tensor<B, 3> {
    let x: Tensor<B, 3> = Random::new(1).tensor([LENGTHS.len(), TIME, 2]);
    let mut values: Vec<f64> = x.to_data().iter().collect();
    for (row, length) in LENGTHS.into_iter().enumerate() {
        values[(row * TIME + length) * 2..(row + 1) * TIME * 2].fill(f64::NAN);
    }
    Tensor::from_data(TensorData::new(values, x.shape()), &Default::default())
}

/// One sequence of the batch without its padding, `[1, length, 2]`.
fn alone(x: &Tensor<B, 3>, row: usize) -> Tensor<B, 3> {
    x.clone().slice([row..row + 1, 0..LENGTHS[row]])
}

/// Each row of a padded run equals the run of its sequence alone, and zeros follow it.
fn check<C: RecurrentCell<B>>(cell: &C) {
    let x = batch();
    let zeros = cell.initial_state(LENGTHS.len());
    let mut random = Random::new(2);
    let state = zeros.map(&mut |_, zeros| random.tensor(zeros.dims()));
    let (y, last) = cell.forward_padded(x.clone(), &Lengths::new(LENGTHS), Some(state.clone()));
    for (row, length) in LENGTHS.into_iter().enumerate() {
        let of_row = |state: C::State| state.map(&mut |_, s| s.narrow(0, row, 1));
        let (expected, expected_last) = cell.forward(alone(&x, row), Some(of_row(state.clone())));
        let ours = y.clone().slice([row..row + 1, 0..length]);
        assert_close("y", ours, expected, 1e-12);
        for (ours, expected) in of_row(last.clone())
            .tensors()
            .into_iter()
            .zip(expected_last.tensors())
        {
            assert_close("state", ours, expected, 1e-12);
        }
        if length < TIME {
            let padding = y.clone().slice([row..row + 1, length..TIME]);
            assert_eq!(padding.abs().max().into_scalar(), 0.0);
        }
    }
}

#[test]
fn every_cell() {
    for kind in CellKind::ALL {
        check(&cell(kind, 1));
    }
}

#[test]
fn every_cell_in_both_directions_and_in_stacks() {
    for kind in CellKind::ALL {
        check(&Bidirectional::new(cell(kind, 1), cell(kind, 2)));
        let config = StackConfig::new(2, 3).with_n_layers(2);
        let stack: Stack<B> = config.init_seeded(kind, 3, &Default::default());
        check(&stack);
    }
}

#[test]
fn the_backward_direction_is_a_forward_run_over_the_reversed_sequence() {
    for kind in CellKind::ALL {
        let (there, back) = (cell(kind, 1), cell(kind, 2));
        let both = Bidirectional::new(there.clone(), back.clone());
        let x: Tensor<B, 3> = Random::new(3).tensor([2, 5, 2]);
        let (y, state) = both.forward(x.clone(), None);
        let (y_there, _) = there.forward(x.clone(), None);
        let mut by_hand = Vec::new();
        let mut h = back.initial_state(2);
        for t in (0..5).rev() {
            let (y, next) = back.step(x.clone().narrow(1, t, 1).squeeze_dim(1), h);
            by_hand.insert(0, y);
            h = next;
        }
        let expected = Tensor::cat(vec![y_there, Tensor::stack(by_hand, 1)], 2);
        assert_close("y", y, expected, 1e-12);
        assert_close("state", state.backward.hidden(), h.hidden(), 1e-12);
    }
}

#[test]
fn nothing_in_the_padding_reaches_a_gradient() {
    type A = Autodiff<B>;
    for kind in CellKind::ALL {
        let options = CellOptions::new(2, 3);
        let cell: AnyCell<A> =
            Cell::init(kind, &options, &mut Init::from_seed(1, &Default::default()));
        let both = Bidirectional::new(cell.clone(), cell);
        let x = Tensor::<A, 3>::from_inner(batch()).require_grad();
        let (y, _) = both.forward_padded(x.clone(), &Lengths::new(LENGTHS), None);
        let d_x = x.grad(&y.sum().backward()).expect("a gradient");
        for (row, length) in LENGTHS.into_iter().enumerate() {
            let [inside, padding] =
                [0..length, length..TIME].map(|steps| d_x.clone().slice([row..row + 1, steps]));
            assert!(inside.abs().min().into_scalar() > 0.0);
            assert!(length == TIME || padding.abs().max().into_scalar() == 0.0);
        }
    }
}

#[test]
fn pooling_sees_each_sequence_alone() {
    let lengths = Lengths::new(LENGTHS);
    let x = batch();
    let rows = |pool: &dyn Fn(Tensor<B, 3>) -> Tensor<B, 2>| {
        let rows = (0..LENGTHS.len()).map(|row| pool(alone(&x, row)));
        Tensor::cat(rows.collect(), 0)
    };
    let last = rows(&|x| {
        let time = x.dims()[1];
        x.narrow(1, time - 1, 1).squeeze_dim(1)
    });
    assert_close("last", lengths.last(x.clone()), last, 0.0);
    let mean = rows(&|x| x.mean_dim(1).squeeze_dim(1));
    assert_close("mean", lengths.mean(x.clone()), mean, 1e-15);
    let max = rows(&|x| x.max_dim(1).squeeze_dim(1));
    assert_close("max", lengths.max(x.clone()), max, 0.0);
}

fn refused(lengths: impl Into<Vec<usize>>) {
    cell(CellKind::Lstm, 1).forward_padded(batch(), &Lengths::new(lengths), None);
}

#[test]
#[should_panic(expected = "lengths: sequence 1 has length 0; each needs at least one step")]
fn a_length_of_zero_is_refused() {
    refused([3, 0, 1, 4]);
}

#[test]
#[should_panic(expected = "lengths: sequence 2 has length 8, but the input has 7 steps")]
fn a_length_above_time_is_refused() {
    refused([3, 7, 8, 4]);
}

#[test]
#[should_panic(expected = "lengths: 3 of them with an input of batch 4")]
fn lengths_of_another_batch_are_refused() {
    refused([3, 7, 1]);
}
