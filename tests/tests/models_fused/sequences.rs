//! `Rnn`, `Lstm` and `Gru` over a sequence: kernels against the reference path.

use burn::{
    module::Module,
    tensor::{Tensor, TensorData, backend::AutodiffBackend},
};
use burn_autodiff::{
    Autodiff,
    checkpoint::strategy::{BalancedCheckpointing, NoCheckpointing},
};
use burn_flex::Flex;
use burn_ndarray::NdArray;
use models::{
    Gru, Lstm, RecurrentCell, RecurrentState, Rnn,
    fused::{kernels, without_kernels},
};
use proptest::{prelude::*, test_runner::Config};
use tests::{
    compare::{Worst, relative_error},
    network::Network,
    random::Random,
};

/// A sequence, and which of its outputs the loss is made of.
#[derive(Clone, Debug)]
struct Problem {
    batch: usize,
    time: usize,
    d_input: usize,
    d_hidden: usize,
    bias: bool,
    given_state: bool,
    of_output: bool,
    of_state: bool,
    seed: u64,
}

fn problems() -> impl Strategy<Value = Problem> {
    let sizes = (1..7_usize, 1..7_usize, 1..20_usize, 1..40_usize);
    let choices = (any::<bool>(), any::<bool>(), 0..3, any::<u64>());
    (sizes, choices).prop_map(
        |((batch, time, d_input, d_hidden), (bias, given, of, seed))| Problem {
            batch,
            time,
            d_input,
            d_hidden,
            bias,
            given_state: given,
            of_output: of != 1,
            of_state: of != 0,
            seed,
        },
    )
}

/// Outputs, the last state, and the gradient of everything that went in, each with its name.
fn run<B: AutodiffBackend, N: Network<B>>(problem: &Problem) -> Vec<(String, TensorData)> {
    let Problem {
        batch,
        time,
        d_input,
        d_hidden,
        bias,
        ..
    } = *problem;
    let mut random = Random::new(problem.seed);
    let b = random.tensor::<B, 1>([N::BIASES * d_hidden]).require_grad();
    // With larger ones a network is chaotic or saturated, and every rounding error grows.
    let bound = (d_hidden.max(d_input) as f64).sqrt().recip();
    let mut leaf = |shape: [usize; 2]| {
        (random.tensor::<B, 2>(shape) * bound)
            .detach()
            .require_grad()
    };
    let wx = leaf([d_input, N::GATES * d_hidden]);
    let wh = leaf([d_hidden, N::GATES * d_hidden]);
    let network = N::with_weights(wx.clone(), wh.clone(), bias.then(|| b.clone()));
    let states: Vec<_> = N::STATE.iter().map(|_| leaf([batch, d_hidden])).collect();
    let x = random.tensor::<B, 3>([batch, time, d_input]).require_grad();
    let given = network.initial_state(batch).with_tensors(states.clone());

    let (y, last) = network.forward(x.clone(), problem.given_state.then_some(given));
    let mut results = vec![("y".to_owned(), y.to_data())];
    let mut loss = Tensor::<B, 1>::zeros([1], &Default::default());
    if problem.of_output {
        loss = loss + (y.clone() * random.tensor(y.dims())).sum();
    }
    for (name, last) in N::STATE.iter().zip(last.tensors()) {
        results.push((format!("last {name}"), last.to_data()));
        if problem.of_state {
            loss = loss + (last.clone() * random.tensor(last.dims())).sum();
        }
    }
    let grads = loss.backward();
    let mut gradient = |name: &str, gradient: Option<TensorData>| {
        results.extend(gradient.map(|gradient| (format!("gradient of {name}"), gradient)));
    };
    gradient("x", x.grad(&grads).map(|g| g.to_data()));
    gradient("wx", wx.grad(&grads).map(|g| g.to_data()));
    gradient("wh", wh.grad(&grads).map(|g| g.to_data()));
    gradient("b", b.grad(&grads).map(|g| g.to_data()));
    for (name, state) in N::STATE.iter().zip(&states) {
        gradient(name, state.grad(&grads).map(|g| g.to_data()));
    }
    results
}

fn kernels_equal_reference<B: AutodiffBackend, N: Network<B>>(problem: &Problem) {
    assert!(kernels::<B>().is_some(), "kernels for the backend");
    assert!(
        without_kernels(|| kernels::<B>().is_none()),
        "none on the reference path"
    );
    let ours = run::<B, N>(problem);
    let expected = without_kernels(|| run::<B, N>(problem));
    let names = |results: &[(String, TensorData)]| -> Vec<String> {
        results.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(
        names(&ours),
        names(&expected),
        "the same gradients are there"
    );
    // A gradient is a sum over steps and sequences. Where its terms cancel, 32-bit floats leave an
    // error of the size of the terms: it is measured against a tenth of the largest gradient at least;
    // and a state, which lies within ±1, against a tenth.
    let largest = |data: &TensorData| data.iter::<f64>().map(f64::abs).fold(0.0, f64::max);
    let gradients = expected
        .iter()
        .filter(|(name, _)| name.starts_with("gradient"));
    let floor = 0.1 * gradients.map(|(_, data)| largest(data)).fold(0.0, f64::max);
    for ((name, ours), (_, expected)) in ours.iter().zip(&expected) {
        let least = if name.starts_with("gradient") {
            floor
        } else {
            0.1
        };
        let scale = largest(expected).max(least);
        let error = relative_error(ours, expected) * largest(expected) / scale;
        assert!(error <= 1e-5, "relative error {error:e} in {name}");
    }
}

macro_rules! on_backends {
    ($($name:ident: $backend:ty;)*) => {$(
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(Config { cases: 48, ..Config::default() })]

                #[test]
                fn rnn(problem in problems()) {
                    kernels_equal_reference::<$backend, Rnn<$backend>>(&problem);
                }

                #[test]
                fn gru(problem in problems()) {
                    kernels_equal_reference::<$backend, Gru<$backend>>(&problem);
                }

                #[test]
                fn lstm(problem in problems()) {
                    kernels_equal_reference::<$backend, Lstm<$backend>>(&problem);
                }
            }
        }
    )*};
}

on_backends! {
    ndarray: Autodiff<NdArray, NoCheckpointing>;
    ndarray_balanced: Autodiff<NdArray, BalancedCheckpointing>;
    flex: Autodiff<Flex, NoCheckpointing>;
}

/// Without autodiff the layer runs another kernel, which keeps nothing for a backward pass.
#[test]
fn without_autodiff_the_values_are_the_same() {
    fn check<B: burn::tensor::backend::Backend, N: Network<B>>() {
        assert!(kernels::<B>().is_some(), "kernels for the backend");
        let network = N::init(5, 19, true, 1);
        let x = Random::new(2).tensor::<B, 3>([3, 6, 5]);
        let (y, last) = network.forward(x.clone(), None);
        let (expected, expected_last) = without_kernels(|| network.forward(x, None));
        let mut worst = Worst::default();
        worst.see("y", &y.to_data(), &expected.to_data());
        for (ours, expected) in last.tensors().iter().zip(expected_last.tensors()) {
            worst.see("state", &ours.to_data(), &expected.to_data());
        }
        worst.assert_within(1e-5);
    }
    check::<NdArray, Rnn<NdArray>>();
    check::<NdArray, Lstm<NdArray>>();
    check::<NdArray, Gru<NdArray>>();
    check::<Flex, Rnn<Flex>>();
    check::<Flex, Lstm<Flex>>();
    check::<Flex, Gru<Flex>>();
}

/// Tensors that do not lie row by row are read right.
#[test]
fn transposed_tensors_are_read_as_what_they_are() {
    fn check<B: burn::tensor::backend::Backend>() {
        let mut random = Random::new(3);
        let (wx, wh) = (
            random.tensor::<B, 2>([16, 3]),
            random.tensor::<B, 2>([16, 4]),
        );
        let lstm = Lstm::with_weights(wx.transpose(), wh.transpose(), None);
        let x = random.tensor::<B, 3>([5, 2, 3]).swap_dims(0, 1);
        let (y, _) = lstm.forward(x.clone(), None);
        let (expected, _) = without_kernels(|| lstm.forward(x, None));
        let mut worst = Worst::default();
        worst.see("y", &y.to_data(), &expected.to_data());
        worst.assert_within(1e-5);
    }
    check::<NdArray>();
    check::<Flex>();
}

/// A weight that nobody tracks gets no gradient; the others get theirs.
#[test]
fn parents_that_are_not_tracked_get_no_gradient() {
    type B = Autodiff<NdArray>;
    let mut random = Random::new(4);
    let (wx, wh) = (
        random.tensor::<B, 2>([3, 16]),
        random.tensor::<B, 2>([4, 16]),
    );
    let x = random.tensor::<B, 3>([2, 5, 3]).require_grad();
    let lstm = Lstm {
        wx: burn::module::Param::from_tensor(wx).no_grad(),
        wh: burn::module::Param::from_tensor(wh).no_grad(),
        b: None,
    };
    let gradient = |x: &Tensor<B, 3>| {
        let (y, _) = lstm.forward(x.clone(), None);
        let grads = y.sum().backward();
        assert!(lstm.wx.val().grad(&grads).is_none());
        assert!(lstm.wh.val().grad(&grads).is_none());
        x.grad(&grads).expect("tracked").to_data()
    };
    let mut worst = Worst::default();
    worst.see("x", &gradient(&x), &without_kernels(|| gradient(&x)));
    worst.assert_within(1e-5);
}

/// NaN and infinities go where the reference path lets them go.
#[test]
fn what_is_not_finite_goes_the_same_way() {
    type B = NdArray;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        let network = Lstm::<B>::init(2, 9, true, 5);
        let mut values = vec![0.5_f32; 2 * 4 * 2];
        values[3] = bad;
        let x = Tensor::<B, 3>::from_data(TensorData::new(values, [2, 4, 2]), &Default::default());
        let pattern = |y: Tensor<B, 3>| -> Vec<Option<i32>> {
            let y = y.into_data();
            y.iter::<f32>()
                .map(|y| y.is_finite().then_some((y * 1e4).round() as i32))
                .collect()
        };
        let ours = pattern(network.forward(x.clone(), None).0);
        assert_eq!(
            ours,
            pattern(without_kernels(|| network.forward(x, None).0)),
            "with {bad}"
        );
    }
}

/// What the gradients are, NaN, infinite or finite, is the same too, except which of NaN and infinite.
#[test]
fn gradients_are_finite_in_the_same_places() {
    fn check<B: AutodiffBackend, N: Network<B>>() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
            let mut random = Random::new(8);
            let mut leaf = |shape: [usize; 2]| random.tensor::<B, 2>(shape).require_grad();
            let (wx, wh) = (leaf([2, N::GATES * 9]), leaf([9, N::GATES * 9]));
            let network = N::with_weights(wx.clone(), wh.clone(), None);
            let mut values = vec![0.5_f32; 2 * 4 * 2];
            values[3] = bad;
            let x = TensorData::new(values, [2, 4, 2]);
            let x = Tensor::<B, 3>::from_data(x, &Default::default()).require_grad();
            let finite = || {
                let (y, _) = network.forward(x.clone(), None);
                let grads = y.sum().backward();
                let of_x = x.grad(&grads).expect("tracked").into_data();
                let of_wx = wx.grad(&grads).expect("tracked").into_data();
                let of_wh = wh.grad(&grads).expect("tracked").into_data();
                [of_x, of_wx, of_wh]
                    .map(|g| -> Vec<bool> { g.iter::<f32>().map(f32::is_finite).collect() })
            };
            let (ours, expected) = (finite(), without_kernels(finite));
            assert_eq!(ours, expected, "with {bad}");
        }
    }
    check::<Autodiff<NdArray>, Rnn<Autodiff<NdArray>>>();
    check::<Autodiff<NdArray>, Lstm<Autodiff<NdArray>>>();
    check::<Autodiff<NdArray>, Gru<Autodiff<NdArray>>>();
    check::<Autodiff<Flex>, Lstm<Autodiff<Flex>>>();
}

/// Truncated BPTT over two windows, the state carried on: as the reference path does it.
#[test]
fn a_carried_state_is_the_same() {
    fn check<B: AutodiffBackend, N: Network<B>>() {
        let network = N::init(3, 7, true, 6);
        let x = Random::new(7).tensor::<B, 3>([2, 8, 3]);
        let at_once = network.forward(x.clone(), None).0;
        let (first, state) = network.forward(x.clone().narrow(1, 0, 5), None);
        let (second, _) = network.forward(x.narrow(1, 5, 3), Some(state));
        let mut worst = Worst::default();
        let in_two = Tensor::cat(vec![first, second], 1);
        worst.see("y", &in_two.to_data(), &at_once.to_data());
        worst.assert_within(0.0);
    }
    check::<Autodiff<NdArray>, Rnn<Autodiff<NdArray>>>();
    check::<Autodiff<NdArray>, Lstm<Autodiff<NdArray>>>();
    check::<Autodiff<NdArray>, Gru<Autodiff<NdArray>>>();
    check::<Autodiff<Flex>, Lstm<Autodiff<Flex>>>();
}
