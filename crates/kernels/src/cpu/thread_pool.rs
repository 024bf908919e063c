//! Threads that stay awake for a while when they have no work.
//!
//! A sleeping thread takes 40 to 90 µs to wake (measured; a layer's whole forward pass may take as little
//! as 1000), and the thread that waits for the last piece of work takes as long again. So a worker keeps
//! looking for work for [`PATIENCE`] before it sleeps, and the waiting thread stays awake for as long.
//! Meanwhile they yield their processors to any other thread that wants to run.

use std::{
    cell::Cell,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rayon::{ThreadPool, ThreadPoolBuilder, Yield};

/// How long a thread stays awake without work: longer than the time between two layers, or between a
/// forward and a backward pass.
const PATIENCE: Duration = Duration::from_millis(2);

/// One thread fewer than rayon has, because the thread that hands out the work does a share itself. `None`
/// if that leaves no thread.
static TEAM: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let workers = rayon::current_num_threads() - 1;
    let builder = ThreadPoolBuilder::new().num_threads(workers);
    let builder = builder.thread_name(|i| format!("kernels-{i}"));
    (workers > 0).then(|| builder.build().ok()).flatten()
});

/// Runs `work` on each of the jobs, the first on this thread, and waits for all of them.
pub(crate) fn each<Job: Send>(jobs: Vec<Job>, work: impl Fn(Job) + Sync) {
    let mut jobs = jobs.into_iter();
    let Some(first) = jobs.next() else { return };
    let team = match &*TEAM {
        Some(team) if jobs.len() > 0 => team,
        _ => {
            work(first);
            return jobs.for_each(work);
        }
    };
    let left = AtomicUsize::new(jobs.len());
    let (work, left) = (&work, &left);
    team.in_place_scope(|scope| {
        for job in jobs {
            scope.spawn(move |_| {
                work(job);
                left.fetch_sub(1, Ordering::Release);
                if !AWAKE.get() {
                    rayon::spawn(stay_awake);
                }
            });
        }
        work(first);
        let done = Instant::now();
        while left.load(Ordering::Acquire) > 0 && done.elapsed() < PATIENCE {
            thread::yield_now();
        }
    });
}

/// Runs `first` on this thread and `second` on another, and waits for both.
pub(crate) fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (mut of_first, mut of_second) = (None, None);
    let jobs: [Box<dyn FnOnce() + Send>; 2] = [
        Box::new(|| of_first = Some(first())),
        Box::new(|| of_second = Some(second())),
    ];
    each(jobs.into(), |job| job());
    (
        of_first.expect("it has run"),
        of_second.expect("it has run"),
    )
}

thread_local! {
    static AWAKE: Cell<bool> = const { Cell::new(false) };
}

fn stay_awake() {
    AWAKE.set(true);
    let mut idle = Instant::now();
    while idle.elapsed() < PATIENCE {
        match rayon::yield_now() {
            Some(Yield::Executed) => idle = Instant::now(),
            _ => thread::yield_now(),
        }
    }
    AWAKE.set(false);
}
