//! One module, used by many threads at once: no thread waits for good, and the numbers are those of one
//! thread.

use std::thread;

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
use models::{Lstm, LstmConfig, RecurrentCell};
use rayon::{ThreadPoolBuilder, prelude::*};
use tests::random::Random;

/// As many as share the module.
const WORKERS: usize = 8;
const RUNS: u64 = 160;

fn lstm<B: Backend>() -> Lstm<B> {
    LstmConfig::new(24, 64).init_seeded(1, &Default::default())
}

fn input<B: Backend>(run: u64) -> Tensor<B, 3> {
    Random::new(run).tensor([16, 40, 24])
}

/// The gradient of a weight, by kernels and elementwise operations.
fn gradient<B: AutodiffBackend>(lstm: &Lstm<B>, run: u64) -> TensorData {
    let (y, _) = lstm.forward(input(run), None);
    let grads = (y.clone() * y).sum().backward();
    lstm.wx.val().grad(&grads).expect("tracked").into_data()
}

fn output<B: Backend>(lstm: &Lstm<B>, run: u64) -> TensorData {
    lstm.forward(input(run), None).0.into_data()
}

/// What `job` returns for each run: one after the other, and by the workers of a pool.
fn in_a_pool<R: PartialEq + Send>(job: impl Fn(u64) -> R + Sync) {
    let alone: Vec<R> = (0..RUNS).map(&job).collect();
    let pool = ThreadPoolBuilder::new().num_threads(WORKERS).build();
    let pool = pool.expect("threads");
    let together: Vec<R> = pool.install(|| (0..RUNS).into_par_iter().map(&job).collect());
    assert!(alone == together, "other numbers in a pool");
}

fn training<B: AutodiffBackend>() {
    let lstm = lstm::<B>();
    in_a_pool(|run| gradient(&lstm, run));
    let device = B::Device::default();
    in_a_pool(|run| {
        let fork = lstm.clone().fork(&device);
        thread::scope(|scope| scope.spawn(|| gradient(&fork, run)).join().expect("a run"))
    });
}

#[test]
fn without_autodiff() {
    let (on_ndarray, on_flex) = (lstm::<NdArray>(), lstm::<Flex>());
    in_a_pool(|run| output(&on_ndarray, run));
    in_a_pool(|run| output(&on_flex, run));
}

#[test]
fn training_on_ndarray() {
    training::<Autodiff<NdArray>>();
}

#[test]
fn training_on_flex() {
    training::<Autodiff<Flex>>();
}
