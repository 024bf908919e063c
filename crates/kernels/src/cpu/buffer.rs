//! Memory that is used again. Fresh memory costs a page fault every four kilobytes, which takes as long as
//! packing a matrix or computing a step; and a training run needs the same large buffers at each update.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aligned_vec::{AVec, ConstAlign};

type Values = AVec<f32, ConstAlign<64>>;

/// A buffer of fewer numbers is left to the allocator, which keeps memory of this size itself.
const SMALL: usize = 1 << 14;

/// Spare memory goes back to the system once so many buffers have been taken since it was last used. A
/// network of 16 layers takes fewer in an update.
const LATELY: u64 = 256;

static POOL: Mutex<Pool> = Mutex::new(Pool {
    taken: 0,
    spare: Vec::new(),
});

struct Pool {
    /// How many buffers have been taken.
    taken: u64,
    /// In the order in which they were last used.
    spare: Vec<Spare>,
}

struct Spare {
    values: Values,
    /// [`Pool::taken`] when it was last used.
    used: u64,
}

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back to the system the memory that the kernels keep for their next calls.
///
/// They keep only what they used lately, and take memory anew if they need it. Call this after the last
/// large network of a program that goes on without one.
///
/// ```
/// kernels::release_memory();
/// ```
pub fn release_memory() {
    // Not freed while the pool is locked.
    let spare = mem::take(&mut pool().spare);
    drop(spare);
}

/// Numbers on cache lines, in memory that the next buffer of this size uses again.
#[derive(Clone, Debug)]
pub(crate) struct Buffer(Values);

impl Buffer {
    /// Returns a buffer of `n` numbers, whatever they are.
    pub(crate) fn any(n: usize) -> Self {
        if n < SMALL {
            return Buffer(Values::__from_elem(64, 0.0, n));
        }
        let mut pool = pool();
        pool.taken += 1;
        let oldest = pool.taken.saturating_sub(LATELY);
        let fits = |spare: &(usize, &Spare)| (n..=2 * n).contains(&spare.1.values.capacity());
        // Of equal ones the last that was used, which is the most likely to be in the cache.
        let fitting = pool.spare.iter().enumerate().rev().filter(fits);
        let best = fitting.min_by_key(|(_, spare)| spare.values.capacity());
        let best = best.map(|(i, _)| i);
        let values = best.map(|i| pool.spare.remove(i).values);
        let n_old = pool.spare.partition_point(|spare| spare.used < oldest);
        let old: Vec<Spare> = pool.spare.drain(..n_old).collect();
        drop(pool);
        drop(old);
        let mut values = values.unwrap_or_else(|| Values::with_capacity(64, n));
        values.resize(n, 0.0);
        Buffer(values)
    }

    /// Returns a buffer of `n` zeros.
    pub(crate) fn zeros(n: usize) -> Self {
        let mut buffer = Self::any(n);
        buffer.fill(0.0);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = mem::replace(&mut self.0, Values::new(64));
        if values.capacity() >= SMALL {
            let mut pool = pool();
            let used = pool.taken;
            pool.spare.push(Spare { values, used });
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of memory that the pool keeps. Tests of other things do not run in this binary.
    fn kept() -> usize {
        pool().spare.iter().map(|s| 4 * s.values.capacity()).sum()
    }

    #[test]
    fn memory_is_used_again_while_it_is_needed_and_no_longer() {
        release_memory();
        drop(Buffer::any(3 * SMALL));
        assert_eq!(kept(), 4 * 3 * SMALL);
        let again = Buffer::any(2 * SMALL); // in the memory of the first
        assert_eq!((again.len(), kept()), (2 * SMALL, 0));
        drop(again);

        // A small network does not hold on to the memory of a large one.
        assert_eq!(Buffer::any(SMALL).len(), SMALL);
        assert_eq!(kept(), 4 * 4 * SMALL);
        for _ in 0..=LATELY {
            drop(Buffer::any(SMALL));
        }
        assert_eq!(kept(), 4 * SMALL);

        release_memory();
        assert_eq!(kept(), 0);
        drop(Buffer::any(SMALL - 1));
        assert_eq!(kept(), 0);
    }
}
