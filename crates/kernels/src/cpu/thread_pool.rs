//! Threads that stay awake for a while when they have no work.
//!
//! A sleeping thread takes 40 to 90 µs to wake (measured; a layer's whole forward pass may take as little
//! as 1000), and the thread that waits for the last piece of work takes as long again. So a worker keeps
//! looking for work for [`PATIENCE`] before it sleeps, and the waiting thread stays awake for as long.
//! Meanwhile they yield their processors to any other thread that wants to run.

use std::{
    cell::Cell,
    panic::resume_unwind,
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

/// The number of threads that the kernels of this process share: that of rayon's global pool, which
/// `RAYON_NUM_THREADS` sets and is otherwise the number of processors.
///
/// A thread of its own asks, because inside another pool rayon would tell the size of that one.
pub(crate) static THREADS: LazyLock<usize> = LazyLock::new(|| {
    let asked = thread::Builder::new().spawn(rayon::current_num_threads);
    asked.ok().and_then(|asked| asked.join().ok()).unwrap_or(1)
});

/// One thread fewer than that, because the thread that hands out the work does a share itself. `None` if that
/// leaves no thread.
static TEAM: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let workers = *THREADS - 1;
    let builder = ThreadPoolBuilder::new().num_threads(workers);
    let builder = builder.thread_name(|i| format!("kernels-{i}"));
    (workers > 0).then(|| builder.build().ok()).flatten()
});

/// Runs `work` on each of the jobs and waits for all of them.
///
/// A worker of another rayon pool does not wait itself: while it waited, rayon would have it take up jobs of
/// that pool, and such a job may need a lock that the caller holds. Burn holds one during a backward pass. A
/// thread that no pool knows waits in its place.
pub(crate) fn each<Job: Send>(jobs: Vec<Job>, work: impl Fn(Job) + Sync) {
    let team = match &*TEAM {
        Some(team) if jobs.len() > 1 => team,
        _ => return jobs.into_iter().for_each(work),
    };
    let is_stranger =
        rayon::current_thread_index().is_some() && team.current_thread_index().is_none();
    if !is_stranger {
        return share(team, jobs, work);
    }
    let done = thread::scope(|scope| scope.spawn(|| share(team, jobs, &work)).join());
    done.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Runs `work` on each of the jobs, the first on this thread, and waits for all of them.
fn share<Job: Send>(team: &ThreadPool, jobs: Vec<Job>, work: impl Fn(Job) + Sync) {
    let mut jobs = jobs.into_iter();
    let Some(first) = jobs.next() else { return };
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
    each(jobs.into(), call);
    (
        of_first.expect("it has run"),
        of_second.expect("it has run"),
    )
}

/// Not a closure, which would be another type, with its own copy of [`each`], in each instance of [`join`].
fn call(job: Box<dyn FnOnce() + Send + '_>) {
    job();
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
