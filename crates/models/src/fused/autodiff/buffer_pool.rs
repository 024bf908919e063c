//! The memory of sequences whose backward pass is done, kept for the next ones: without it, a training run
//! would allocate and free the same large buffers at each update.

use std::sync::Mutex;

use kernels::Saved;

static POOL: Mutex<Vec<Saved>> = Mutex::new(Vec::new());

/// The largest number of buffers to keep: as many as a deep network has layers.
const MOST: usize = 16;

/// Takes a buffer from the pool, or creates an empty one.
pub(super) fn take() -> Saved {
    let mut pool = POOL.lock().expect("no panic while it is held");
    pool.pop().unwrap_or_default()
}

/// Returns a buffer to the pool.
pub(super) fn put(saved: Saved) {
    let mut pool = POOL.lock().expect("no panic while it is held");
    if pool.len() < MOST {
        pool.push(saved);
    }
}
