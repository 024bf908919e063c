//! The kernels' threads are as many as the process has, whoever calls first. One test alone, for there is one
//! first call in a process.
#![cfg(target_os = "linux")]

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use burn::tensor::Tensor;
use burn_ndarray::NdArray;
use models::{LstmConfig, RecurrentCell};
use rayon::ThreadPoolBuilder;
// What it has compiled of the network is not compiled again.
use tests as _;

/// The threads of this process that belong to the kernels.
fn team() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc");
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm"));
    let names = tasks.map(|task| name(task.expect("a thread")).unwrap_or_default());
    names.filter(|name| name.starts_with("kernels-")).count()
}

#[test]
fn no_pool_decides_how_many_there_are() {
    let device = Default::default();
    let lstm = LstmConfig::new(24, 64).init::<NdArray>(&device);
    let forward = || lstm.forward(Tensor::ones([128, 10, 24], &device), None).0;
    let in_pool = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(forward).into_data()
    };
    let (one, many) = (in_pool(1), in_pool(64));
    let outside = forward().into_data();
    assert!(one == many && one == outside, "other numbers in a pool");
    // A thread has its name once it runs, which takes a while on a busy machine.
    let expected = rayon::current_num_threads() - 1;
    let start = Instant::now();
    while team() != expected && start.elapsed() < Duration::from_secs(60) {
        thread::yield_now();
    }
    assert_eq!(team(), expected);
}
