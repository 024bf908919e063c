//! Every cell that has kernels, padded or not, in one direction or both: kernels against a loop over
//! steps.

use std::marker::PhantomData;

use burn::{
    module::Module,
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_ndarray::NdArray;
use models::{
    AnyCell, Bidirectional, Cell, CellKind, CellOptions, Init, Lengths, Merge, RecurrentCell,
    RecurrentState,
    fused::{paths, without_kernels},
};
use tests::{
    compare::{Worst, largest_of},
    gradcheck::gradients,
    random::Random,
};

const BATCH: usize = 5;
const TIME: usize = 9;
const D_INPUT: usize = 6;
const D_HIDDEN: usize = 21;

/// None, sorted, unsorted, with ones, and all of them shorter than the batch.
fn lengths() -> [Option<Lengths>; 5] {
    let some = |lengths: [usize; BATCH]| Some(Lengths::new(lengths));
    [
        None,
        some([9, 7, 4, 4, 2]),
        some([3, 9, 1, 8, 3]),
        some([1, 1, 9, 1, 1]),
        some([5, 6, 6, 2, 1]),
    ]
}

fn cell<B: AutodiffBackend>(kind: CellKind, seed: u64) -> AnyCell<B> {
    let device = Default::default();
    let options = CellOptions::new(D_INPUT, D_HIDDEN);
    AnyCell::init(kind, &options, &mut Init::from_seed(seed, &device))
}

fn both_ways<B: AutodiffBackend>(what: &str, kinds: [CellKind; 2], merge: Merge) {
    let cells = || (cell::<B>(kinds[0], 1), cell::<B>(kinds[1], 2));
    let ours = Bidirectional::new(cells().0, cells().1).with_merge(merge);
    let loops = Bidirectional::new(by_step(cells().0), by_step(cells().1)).with_merge(merge);
    same::<B, _, _>(what, &ours, &loops);
}

type Named = Vec<(String, TensorData)>;

/// Output and last state, and all gradients of a loss of both.
fn run<B: AutodiffBackend, C>(cell: &C, lengths: Option<&Lengths>) -> [Named; 2]
where
    C: RecurrentCell<B> + Module<B>,
{
    let mut random = Random::new(3);
    let mut x = random.tensor::<B, 3>([BATCH, TIME, D_INPUT]);
    if let Some(lengths) = lengths {
        // Zeros times NaN are NaN: padding that has an influence shows.
        let padding = lengths.blank(x.ones_like()).equal_elem(0);
        x = x.mask_fill(padding, f32::NAN);
    }
    let x = x.require_grad();
    let state = cell.initial_state(BATCH).tensors();
    let state: Vec<Tensor<B, 2>> = state
        .iter()
        .map(|s| random.tensor(s.dims()).require_grad())
        .collect();
    let given = cell.initial_state(BATCH).with_tensors(state.clone());

    let (y, last) = match lengths {
        Some(lengths) => cell.forward_padded(x.clone(), lengths, Some(given)),
        None => cell.forward(x.clone(), Some(given)),
    };
    let mut values = vec![("y".to_owned(), y.to_data())];
    let mut loss = (y.clone() * random.tensor(y.dims())).sum();
    for (i, last) in last.tensors().into_iter().enumerate() {
        values.push((format!("last state {i}"), last.to_data()));
        loss = loss + (last.clone() * random.tensor(last.dims())).sum();
    }
    let grads = loss.backward();
    let mut found = Vec::new();
    let of_x = x.grad(&grads).expect("tracked").into_data();
    found.push(("x".to_owned(), of_x));
    for (i, state) in state.iter().enumerate() {
        let of_state = state.grad(&grads).expect("tracked").into_data();
        found.push((format!("state {i}"), of_state));
    }
    found.extend(gradients(cell, grads));
    [values, found]
}

/// `by_step` is the same cell as a loop over its steps, without kernels or a parallel form.
fn same<B, C, ByStep>(what: &str, cell: &C, by_step: &ByStep)
where
    B: AutodiffBackend,
    C: RecurrentCell<B> + Module<B>,
    ByStep: RecurrentCell<B> + Module<B>,
{
    for lengths in lengths() {
        let lengths = lengths.as_ref();
        let ours = run::<B, C>(cell, lengths);
        let expected = run::<B, ByStep>(by_step, lengths);
        let mut worst = Worst::default();
        for (ours, expected) in ours.iter().zip(&expected) {
            // A sum whose terms cancel is as exact as its terms.
            let beside = 0.1 * largest_of(expected.iter().map(|(_, data)| data));
            assert_eq!(ours.len(), expected.len());
            for ((name, ours), (_, expected)) in ours.iter().zip(expected) {
                let what = format!("{name} of {what}, {lengths:?}");
                worst.see_beside(beside, &what, ours, expected);
            }
        }
        worst.assert_within(1e-5);
    }
}

/// A cell that can do nothing but step.
#[derive(Module, Debug)]
struct ByStep<B: Backend, C> {
    cell: C,
    backend: PhantomData<B>,
}

fn by_step<B: Backend, C>(cell: C) -> ByStep<B, C> {
    ByStep {
        cell,
        backend: PhantomData,
    }
}

impl<B: Backend, C: RecurrentCell<B>> RecurrentCell<B> for ByStep<B, C> {
    type State = C::State;

    fn initial_state(&self, batch: usize) -> C::State {
        self.cell.initial_state(batch)
    }

    fn step(&self, x: Tensor<B, 2>, state: C::State) -> (Tensor<B, 2>, C::State) {
        without_kernels(|| self.cell.step(x, state))
    }
}

fn every_cell<B: AutodiffBackend>() {
    let mut with_kernels = Vec::new();
    for kind in CellKind::ALL {
        let forward = cell::<B>(kind, 1);
        if forward.kernel_layers().is_none() {
            continue;
        }
        let name = kind.description().name;
        with_kernels.push(name);
        same::<B, _, _>(name, &forward, &by_step(forward.clone()));
        for merge in [Merge::Concatenate, Merge::Sum] {
            let what = format!("bidirectional {name}, {merge:?}");
            both_ways::<B>(&what, [kind, kind], merge);
        }
    }
    assert_eq!(
        with_kernels,
        [
            "lstm",
            "rnn",
            "gru",
            "min_gru",
            "min_lstm",
            "coupled_lstm",
            "peephole_lstm",
            "irnn"
        ]
    );
}

#[test]
fn on_ndarray() {
    every_cell::<Autodiff<NdArray>>();
}

#[test]
fn on_flex() {
    every_cell::<Autodiff<Flex>>();
}

/// Steps by kernels and in tensor operations, with all gradients.
#[test]
fn steps() {
    type B = Autodiff<NdArray>;
    for kind in CellKind::ALL {
        let cell = cell::<B>(kind, 1);
        let x = Random::new(2)
            .tensor::<B, 3>([BATCH, 3, D_INPUT])
            .require_grad();
        let run = || {
            let state = cell.initial_state(BATCH);
            let (y, last) = models::scan(x.clone(), state, |x, state| cell.step(x, state));
            let mut found = vec![("y".to_owned(), y.to_data())];
            let last = last.tensors().into_iter();
            let grads = last
                .fold(y.sum(), |sum, s| sum + s.powi_scalar(2).sum())
                .backward();
            let of_x = x.grad(&grads).expect("tracked").into_data();
            found.push(("gradient of x".to_owned(), of_x));
            found.extend(gradients(&cell, grads));
            found
        };
        let (ours, paths) = paths(run);
        let with_kernels = cell.kernel_layers().is_some();
        assert_eq!(paths.kernels, if with_kernels { 3 } else { 0 }, "{kind}");
        let expected = without_kernels(run);
        let mut worst = Worst::default();
        for ((name, ours), (_, expected)) in ours.iter().zip(&expected) {
            worst.see(&format!("{name} of {kind}"), ours, expected);
        }
        worst.assert_within(1e-5);
    }
}

/// Two directions of different cells have no kernel in common, and run all the same.
#[test]
fn directions_of_different_cells() {
    let kinds = [CellKind::Lstm, CellKind::CoupledLstm];
    both_ways::<Autodiff<NdArray>>("lstm and coupled_lstm", kinds, Merge::Concatenate);
}

/// A long sequence at once and step by step, by kernels and on the reference path.
#[test]
fn parallel_forms_equal_their_steps() {
    type B = NdArray;
    let device = Default::default();
    let steps = |cell: &AnyCell<B>, x: Tensor<B, 3>| {
        let state = cell.initial_state(2);
        without_kernels(|| models::scan(x, state, |x, state| cell.step(x, state)).0)
    };
    let x = Random::new(4).tensor::<B, 3>([2, 1000, D_INPUT]);
    let mut worst = Worst::default();
    for kind in [CellKind::MinGru, CellKind::MinLstm] {
        let options = CellOptions::new(D_INPUT, D_HIDDEN);
        let cell = AnyCell::<B>::init(kind, &options, &mut Init::from_seed(5, &device));
        let expected = steps(&cell, x.clone()).to_data();
        let by_kernel = cell.forward(x.clone(), None).0;
        worst.see("by kernel", &by_kernel.to_data(), &expected);
        let by_scan = without_kernels(|| cell.forward(x.clone(), None).0);
        worst.see("by scan", &by_scan.to_data(), &expected);
    }
    worst.assert_within(1e-5);
}

/// Burn's `NdArray` estimates reciprocals to 12 bits, and with them the gradient of a division.
#[test]
fn the_gradient_of_a_mean_is_exact() {
    type B = Autodiff<NdArray>;
    let lengths = Lengths::new([3, 7, 1, 9, 6]);
    let x = Random::new(6)
        .tensor::<B, 3>([BATCH, TIME, 16])
        .require_grad();
    let grads = lengths.mean(x.clone()).sum().backward();
    let gradient = x.grad(&grads).expect("tracked").into_data();
    let expected = lengths.as_slice().iter().flat_map(|&length| {
        let step = move |t| if t < length { 1.0 / length as f64 } else { 0.0 };
        (0..TIME).flat_map(move |t| [step(t); 16])
    });
    let expected = TensorData::new(expected.collect::<Vec<f64>>(), [BATCH, TIME, 16]);
    let mut worst = Worst::default();
    worst.see("x", &gradient, &expected);
    worst.assert_within(1e-7);
}
