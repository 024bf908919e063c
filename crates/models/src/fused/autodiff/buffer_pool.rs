//! The memory of sequences whose backward pass is done, kept for the next ones: a training run allocates
//! and frees the same large buffers at each update.

use std::sync::Mutex;

use kernels::Saved;

static POOL: Mutex<Vec<Saved>> = Mutex::new(Vec::new());

/// The most buffers kept: as many as a deep network has layers.
const MOST: usize = 16;

/// Takes a buffer out of the pool, or an empty one.
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
