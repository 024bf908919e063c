//! The order in which kernels read the steps of a batch: the longest sequences first, and each of them
//! forwards or backwards.

use std::{borrow::Cow, cmp::Reverse, ops::Range};

use crate::lengths::Lengths;

/// An order of the steps of a batch.
#[derive(Clone, Debug)]
pub(super) struct Order {
    time: usize,
    /// Sequences of the batch, in the order in which they are read.
    rows: Vec<usize>,
    /// The length of each, in that order.
    lengths: Option<Vec<usize>>,
    backwards: bool,
}

impl Order {
    pub(super) fn new(
        [batch, time]: [usize; 2],
        lengths: Option<&Lengths>,
        backwards: bool,
    ) -> Self {
        let mut rows: Vec<usize> = (0..batch).collect();
        let lengths = lengths.map(|lengths| {
            let lengths = lengths.as_slice();
            rows.sort_by_key(|&row| Reverse(lengths[row]));
            rows.iter().map(|&row| lengths[row]).collect()
        });
        Order {
            time,
            rows,
            lengths,
            backwards,
        }
    }

    pub(super) fn lengths(&self) -> kernels::Lengths<'_> {
        match &self.lengths {
            Some(lengths) => kernels::Lengths::descending(lengths),
            None => kernels::Lengths::ALL,
        }
    }

    /// Returns whether steps are read as they lie in the batch.
    pub(super) fn is_natural(&self) -> bool {
        !self.backwards && self.rows.is_sorted()
    }

    /// All steps but padding: the number of each in this order, and in the batch.
    fn steps(&self) -> impl Iterator<Item = (usize, usize)> {
        let &Order {
            time, backwards, ..
        } = self;
        let row = move |(place, &row): (usize, &usize)| {
            let length = self.lengths.as_ref().map_or(time, |lengths| lengths[place]);
            (0..length).map(move |t| {
                let at = if backwards { length - 1 - t } else { t };
                (place * time + t, row * time + at)
            })
        };
        self.rows.iter().enumerate().flat_map(row)
    }

    /// Returns these columns of `[batch, time, width]` in this order, with zeros for padding.
    pub(super) fn take<'a, T: Copy + Default>(
        &self,
        values: &'a [T],
        width: usize,
        columns: Range<usize>,
    ) -> Cow<'a, [T]> {
        let n = columns.len();
        if n == width && self.is_natural() {
            return values.into();
        }
        let mut taken = vec![T::default(); self.rows.len() * self.time * n];
        for (to, from) in self.steps() {
            taken[to * n..][..n].copy_from_slice(&values[from * width..][columns.clone()]);
        }
        taken.into()
    }

    /// Adds what is in this order to these columns of `[batch, time, width]`: undoes [`take`](Self::take).
    pub(super) fn add_to(
        &self,
        sum: &mut [f32],
        width: usize,
        columns: Range<usize>,
        values: &[f32],
    ) {
        let n = columns.len();
        for (from, to) in self.steps() {
            let sum = &mut sum[to * width..][columns.clone()];
            let values = &values[from * n..][..n];
            sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
        }
    }

    /// Returns the rows of `[batch, n]` in this order.
    pub(super) fn take_rows<'a>(&self, values: Cow<'a, [f32]>) -> Cow<'a, [f32]> {
        if self.rows.is_sorted() {
            return values;
        }
        let n = values.len() / self.rows.len().max(1);
        let rows = self.rows.iter();
        rows.flat_map(|&row| &values[row * n..][..n])
            .copied()
            .collect()
    }

    /// Undoes [`take_rows`](Self::take_rows).
    pub(super) fn put_rows(&self, values: Vec<f32>) -> Vec<f32> {
        if self.rows.is_sorted() || values.is_empty() {
            return values;
        }
        let n = values.len() / self.rows.len();
        let mut put = vec![0.0; values.len()];
        for (place, &row) in self.rows.iter().enumerate() {
            put[row * n..][..n].copy_from_slice(&values[place * n..][..n]);
        }
        put
    }
}
