//! What a recurrence is: the loop over `step`, the equations in plain Rust, and how sequences
//! follow one another through the state.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{Lstm, RecurrentCell, RecurrentState, Rnn, scan};
use proptest::prelude::*;
use tests::{
    compare::{Worst, assert_close},
    network::{Network, by_steps},
    random::Random,
};

type B = NdArray<f64>;
type A = Autodiff<B>;

const TOLERANCE: f64 = 1e-12;

/// A network, a batch of sequences and a state to start from, all of them random.
#[derive(Clone, Copy, Debug)]
struct Problem {
    batch: usize,
    time: usize,
    d_input: usize,
    d_hidden: usize,
    bias: bool,
    seed: u64,
}

fn problems() -> impl Strategy<Value = Problem> {
    let sizes = (1..=4_usize, 1..=9_usize, 1..=5_usize, 1..=7_usize);
    (sizes, any::<bool>(), any::<u64>()).prop_map(|(sizes, bias, seed)| Problem {
        batch: sizes.0,
        time: sizes.1,
        d_input: sizes.2,
        d_hidden: sizes.3,
        bias,
        seed,
    })
}

impl Problem {
    fn draw<B: Backend, N: Network<B>>(self) -> (N, Tensor<B, 3>, N::State) {
        let network = N::init(self.d_input, self.d_hidden, self.bias, self.seed);
        let mut random = Random::new(self.seed);
        let x = random.tensor([self.batch, self.time, self.d_input]);
        let zeros = network.initial_state(self.batch);
        let state = zeros.map(&mut |_, zeros| random.tensor(zeros.dims()));
        (network, x, state)
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn scan_is_the_loop_over_step(problem in problems()) {
        scan_is_the_loop::<Rnn<B>>(problem);
        scan_is_the_loop::<Lstm<B>>(problem);
    }

    #[test]
    fn the_networks_are_their_equations(problem in problems()) {
        equals_plain_rust::<Rnn<B>>(problem, |a, state| {
            state[0] = a.iter().map(|a| a.tanh()).collect();
        });
        equals_plain_rust::<Lstm<B>>(problem, |a, state| {
            let [h, c] = state else { panic!("h and c") };
            let n = h.len();
            for j in 0..n {
                let (i, f) = (sigmoid(a[j]), sigmoid(a[n + j]));
                let (g, o) = (a[2 * n + j].tanh(), sigmoid(a[3 * n + j]));
                c[j] = f * c[j] + i * g;
                h[j] = o * c[j].tanh();
            }
        });
    }

    #[test]
    fn a_sequence_goes_on_from_the_state_that_its_beginning_left(
        (problem, cut) in problems()
            .prop_map(|problem| Problem { time: problem.time + 1, ..problem })
            .prop_flat_map(|problem| (Just(problem), 1..problem.time))
    ) {
        goes_on::<Rnn<A>>(problem, cut);
        goes_on::<Lstm<A>>(problem, cut);
    }

    #[test]
    fn rows_of_a_batch_know_nothing_of_one_another(
        (problem, row) in problems().prop_flat_map(|problem| (Just(problem), 0..problem.batch))
    ) {
        rows_are_apart::<Rnn<B>>(problem, row);
        rows_are_apart::<Lstm<B>>(problem, row);
    }
}

fn scan_is_the_loop<N: Network<B>>(problem: Problem) {
    let (network, x, state) = problem.draw::<B, N>();
    let (y, last) = scan(x.clone(), state.clone(), |x, state| network.step(x, state));
    let (y_loop, last_loop) = by_steps(&network, x, state);
    assert_eq!(y.into_data(), y_loop.into_data());
    assert_eq!(last.to_data(), last_loop.to_data());
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// `forward` equals scalar loops over `a = x[t]·Wx + h·Wh + b` and `next`, which turns `a` and
/// the state into the next state, `h` first.
fn equals_plain_rust<N: Network<B>>(problem: Problem, next: fn(&[f64], &mut [Vec<f64>])) {
    let (network, x, state) = problem.draw::<B, N>();
    let (y, last) = network.forward(x.clone(), Some(state.clone()));

    let (wx, wh, b) = network.weights();
    let (wx, wh) = (rows(wx), rows(wh));
    let columns = N::GATES * problem.d_hidden;
    let b = b.map_or(vec![0.0; columns], |b| rows(b.unsqueeze::<2>()).remove(0));
    let x = rows(x.flatten::<2>(0, 1));
    let initial: Vec<_> = state.tensors().into_iter().map(rows).collect();

    let (mut y_plain, mut last_plain) = (Vec::new(), vec![Vec::new(); initial.len()]);
    for row in 0..problem.batch {
        let mut state: Vec<Vec<f64>> = initial.iter().map(|s| s[row].clone()).collect();
        for t in 0..problem.time {
            let mut a = b.clone();
            for (j, a) in a.iter_mut().enumerate() {
                for (x, wx) in x[row * problem.time + t].iter().zip(&wx) {
                    *a += x * wx[j];
                }
                for (h, wh) in state[0].iter().zip(&wh) {
                    *a += h * wh[j];
                }
            }
            next(&a, &mut state);
            y_plain.extend_from_slice(&state[0]);
        }
        for (all, state) in last_plain.iter_mut().zip(state) {
            all.extend(state);
        }
    }

    let mut worst = Worst::default();
    let y_plain = TensorData::new(y_plain, y.shape());
    worst.see("y", &y.into_data(), &y_plain);
    for (last, plain) in last.tensors().into_iter().zip(last_plain) {
        let plain = TensorData::new(plain, last.shape());
        worst.see("state", &last.into_data(), &plain);
    }
    worst.assert_within(TOLERANCE);
}

fn rows(matrix: Tensor<B, 2>) -> Vec<Vec<f64>> {
    let [_, columns] = matrix.dims();
    let values = matrix.into_data().into_vec::<f64>().expect("f64");
    values.chunks(columns).map(<[f64]>::to_vec).collect()
}

/// `forward(a‖b)` is `forward(a)`, then `forward(b)` from the state it left: values and gradients.
fn goes_on<N: Network<A>>(problem: Problem, cut: usize) {
    let (network, x, state) = problem.draw::<A, N>();
    let x = x.require_grad();
    let state = state.map(&mut |_, tensor| tensor.require_grad());

    let (y, last) = network.forward(x.clone(), Some(state.clone()));
    let a = x.clone().narrow(1, 0, cut);
    let b = x.clone().narrow(1, cut, problem.time - cut);
    let (y_a, left) = network.forward(a, Some(state.clone()));
    let (y_b, last_b) = network.forward(b, Some(left));
    let y_ab = Tensor::cat(vec![y_a, y_b], 1);
    assert_close("y", y_ab.clone(), y.clone(), TOLERANCE);
    for (last_b, last) in last_b.tensors().into_iter().zip(last.tensors()) {
        assert_close("the last state", last_b, last, TOLERANCE);
    }

    let d_y = Random::new(problem.seed ^ 1).tensor(y.dims());
    let whole = (y * d_y.clone()).sum().backward();
    let parts = (y_ab * d_y).sum().backward();
    let d = |tensor: &Tensor<A, 2>, what| {
        let [parts, whole] = [&parts, &whole].map(|grads| tensor.grad(grads).expect("a gradient"));
        assert_close(what, parts, whole, TOLERANCE);
    };
    let d_x = |grads| x.grad(grads).expect("d_x");
    assert_close("d_x", d_x(&parts), d_x(&whole), TOLERANCE);
    let (wx, wh, _) = network.weights();
    d(&wx, "d_wx");
    d(&wh, "d_wh");
    for tensor in state.tensors() {
        d(&tensor, "d_state");
    }
}

/// A row alone gives what it gives in a batch, and another row in its place changes no other.
fn rows_are_apart<N: Network<B>>(problem: Problem, row: usize) {
    let (network, x, state) = problem.draw::<B, N>();
    let (y, _) = network.forward(x.clone(), Some(state.clone()));

    let alone = state.clone().map(&mut |_, tensor| tensor.narrow(0, row, 1));
    let (y_alone, _) = network.forward(x.clone().narrow(0, row, 1), Some(alone));
    assert_close(
        "the row alone",
        y_alone,
        y.clone().narrow(0, row, 1),
        TOLERANCE,
    );

    let other = Random::new(problem.seed ^ 1).tensor([1, problem.time, problem.d_input]);
    let here = [row..row + 1, 0..problem.time, 0..problem.d_input];
    let (y_other, _) = network.forward(x.slice_assign(here, other), Some(state));
    let here = [row..row + 1, 0..problem.time, 0..problem.d_hidden];
    let zeros = || Tensor::<B, 3>::zeros_like(&y.clone().narrow(0, row, 1));
    let others = |y: Tensor<B, 3>| y.slice_assign(here.clone(), zeros()).into_data();
    assert_ne!(y_other.to_data(), y.to_data());
    assert_eq!(others(y_other), others(y.clone()));
}

const EXAMPLE: Problem = Problem {
    batch: 2,
    time: 4,
    d_input: 3,
    d_hidden: 5,
    bias: true,
    seed: 7,
};

#[test]
fn without_a_state_a_sequence_starts_from_zeros() {
    fn check<N: Network<B>>() {
        let (network, x, state) = EXAMPLE.draw::<B, N>();
        let zeros = state.map(&mut |_, tensor| tensor.zeros_like());
        let (y, _) = network.forward(x.clone(), None);
        let (y_zeros, _) = network.forward(x, Some(zeros));
        assert_eq!(y.into_data(), y_zeros.into_data());
    }
    check::<Rnn<B>>();
    check::<Lstm<B>>();
}

#[test]
fn a_detached_state_stops_gradients_and_another_does_not() {
    fn check<N: Network<A>>() {
        let (network, x, _) = EXAMPLE.draw::<A, N>();
        let x = x.require_grad();
        let next: Tensor<A, 3> = Random::new(1).tensor(x.dims());
        let d_x = |boundary: fn(N::State) -> N::State| {
            let (_, state) = network.forward(x.clone(), None);
            let (y, _) = network.forward(next.clone(), Some(boundary(state)));
            x.grad(&y.sum().backward())
        };
        assert!(d_x(RecurrentState::detach).is_none());
        let d_x = d_x(|state| state).expect("a gradient").abs().min();
        assert!(d_x.into_scalar() > 0.0, "each input element has a say");
    }
    check::<Rnn<A>>();
    check::<Lstm<A>>();
}

#[test]
fn detached_values_are_the_same() {
    let (_, _, state) = EXAMPLE.draw::<A, Lstm<A>>();
    let values = state.to_data();
    assert_eq!(state.detach().to_data(), values);
}

#[test]
fn a_state_is_its_data() {
    let (lstm, _, state) = EXAMPLE.draw::<B, Lstm<B>>();
    let data = state.to_data();
    assert_eq!(data, [state.hidden.to_data(), state.cell.to_data()]);
    let back = lstm.initial_state(1).with_data(data.clone());
    assert_eq!(back.to_data(), data);
    assert_eq!(back.to_device(&Default::default()).to_data(), data);

    let layers = vec![state; 3];
    assert_eq!(layers.to_data().len(), 6);
    let zeros = vec![lstm.initial_state(1); 3];
    assert_eq!(
        zeros.with_data(layers.to_data()).to_data(),
        layers.to_data()
    );
}

#[test]
#[should_panic(expected = "too few tensors")]
fn a_state_needs_all_of_its_data() {
    let (_, _, state) = EXAMPLE.draw::<B, Lstm<B>>();
    let data = state.to_data();
    state.with_data(data[..1].to_vec());
}

#[test]
#[should_panic(expected = "too many tensors")]
fn a_state_takes_no_more_than_its_data() {
    let (_, _, state) = EXAMPLE.draw::<B, Rnn<B>>();
    let data = state.to_data();
    state.with_data([data.clone(), data].concat());
}

/// `v[t] = k·v[t-1] + (1 − k)·x[t]`, `k` in `[0, 1)` for each unit: a cell of a user's own.
struct LeakyIntegrator<B: Backend> {
    keep: Tensor<B, 1>,
}

#[derive(Clone)]
struct Level<B: Backend>(Tensor<B, 2>);

impl<B: Backend> RecurrentState<B> for Level<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        Level(f("level", self.0))
    }
}

impl<B: Backend> RecurrentCell<B> for LeakyIntegrator<B> {
    type State = Level<B>;

    fn initial_state(&self, batch: usize) -> Level<B> {
        let [units] = self.keep.dims();
        let options = (&self.keep.device(), self.keep.dtype());
        Level(Tensor::zeros([batch, units], options))
    }

    fn step(&self, x: Tensor<B, 2>, Level(v): Level<B>) -> (Tensor<B, 2>, Level<B>) {
        let keep = self.keep.clone().unsqueeze();
        let v = x.clone() + keep * (v - x);
        (v.clone(), Level(v))
    }
}

#[test]
fn scan_drives_a_cell_of_ones_own() {
    let keep = [0.0, 0.5, 0.9];
    let device = Default::default();
    let cell = LeakyIntegrator::<B> {
        keep: Tensor::from_data(TensorData::from(keep), (&device, burn::tensor::DType::F64)),
    };
    let ones = |shape: [usize; 3]| Tensor::<B, 3>::ones(shape, (&device, burn::tensor::DType::F64));

    let (v, Level(last)) = scan(ones([2, 6, 3]), cell.initial_state(2), |x, state| {
        cell.step(x, state)
    });
    // Under a constant 1 it is 1 − k^t after t steps.
    let expected = |t: i32| keep.map(|k: f64| 1.0 - k.powi(t));
    let row: Vec<f64> = (1..=6).flat_map(expected).collect();
    let expected_v = TensorData::new([row.clone(), row].concat(), [2, 6, 3]);
    let expected_last = TensorData::from([expected(6); 2]);
    let mut worst = Worst::default();
    worst.see("v", &v.into_data(), &expected_v);
    worst.see("the last v", &last.into_data(), &expected_last);
    worst.assert_within(TOLERANCE);
}

#[test]
#[should_panic(expected = "scan: the input [batch, time, d_input] has no time steps")]
fn a_sequence_has_a_step() {
    let (lstm, _, _) = EXAMPLE.draw::<B, Lstm<B>>();
    let x: Tensor<B, 3> = Random::new(0).tensor([2, 0, 3]);
    lstm.forward(x, None);
}

#[test]
#[should_panic]
fn an_input_of_another_size_is_refused() {
    let (rnn, _, _) = EXAMPLE.draw::<B, Rnn<B>>();
    rnn.forward(Random::new(0).tensor([2, 4, 2]), None);
}

#[test]
#[should_panic]
fn a_state_of_another_size_is_refused() {
    let (lstm, x, state) = EXAMPLE.draw::<B, Lstm<B>>();
    lstm.forward(x, Some(state.map(&mut |_, tensor| tensor.narrow(1, 0, 4))));
}

/// Burn would broadcast a batch of one.
#[test]
#[should_panic]
fn a_state_of_another_batch_is_refused() {
    let (lstm, x, _) = EXAMPLE.draw::<B, Lstm<B>>();
    lstm.forward(x, Some(lstm.initial_state(1)));
}
