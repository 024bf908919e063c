//! Batches of sequences of unequal length, padded to the longest.

use burn::tensor::{Bool, Int, Tensor, TensorData, backend::Backend};

/// How many steps each sequence of a padded batch has.
///
/// The sequences start at the first step, and what follows their ends is padding. They need not be sorted.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{Lengths, LstmConfig, RecurrentCell};
///
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&Default::default());
/// let x = Tensor::ones([2, 5, 3], &Default::default()); // [batch, time, d_input]
/// let lengths = Lengths::new([2, 5]);
///
/// let (y, state) = lstm.forward_padded(x, &lengths, None);
/// assert_eq!(y.clone().slice([0..1, 2..5]).abs().max().into_scalar(), 0.0); // padding
/// let last = lengths.last(y); // the output of each sequence's own last step
/// assert!((last - state.hidden).abs().max().into_scalar() < 1e-6);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lengths(Vec<usize>);

impl Lengths {
    /// Returns the lengths of the sequences of a batch, in its order.
    ///
    /// # Panics
    ///
    /// Panics if a length is zero.
    pub fn new(lengths: impl Into<Vec<usize>>) -> Self {
        let lengths = lengths.into();
        if let Some(row) = lengths.iter().position(|&length| length == 0) {
            panic!("lengths: sequence {row} has length 0; each needs at least one step");
        }
        Lengths(lengths)
    }

    /// Returns the lengths.
    pub fn as_slice(&self) -> &[usize] {
        &self.0
    }

    /// Checks that these are lengths of an input `[batch, time, …]`.
    ///
    /// # Panics
    ///
    /// Panics if they are the lengths of another batch, or if one of them is above `time`.
    pub fn check(&self, batch: usize, time: usize) {
        let lengths = &self.0;
        assert_eq!(
            lengths.len(),
            batch,
            "lengths: {} of them with an input of batch {batch}",
            lengths.len()
        );
        if let Some(row) = lengths.iter().position(|&length| length > time) {
            panic!(
                "lengths: sequence {row} has length {}, but the input has {time} steps",
                lengths[row]
            );
        }
    }

    /// Returns the output at each sequence's own last step: `[batch, time, n]` → `[batch, n]`.
    ///
    /// # Panics
    ///
    /// Panics if these are not the lengths of this batch, as do all methods that take a sequence.
    pub fn last<B: Backend>(&self, sequence: Tensor<B, 3>) -> Tensor<B, 2> {
        let [batch, time, _] = sequence.dims();
        self.check(batch, time);
        let rows = self.0.iter().enumerate();
        let rows = rows.map(|(row, length)| row * time + length - 1).collect();
        let rows = indices::<B>(rows, &sequence.device());
        sequence.flatten::<2>(0, 1).select(0, rows)
    }

    /// Returns the mean over each sequence's own steps: `[batch, time, n]` → `[batch, n]`.
    ///
    /// # Panics
    ///
    /// Panics if [`last`](Self::last) does.
    pub fn mean<B: Backend>(&self, sequence: Tensor<B, 3>) -> Tensor<B, 2> {
        let options = (&sequence.device(), sequence.dtype());
        // Not a division, whose gradient takes a reciprocal: Burn 0.21's `NdArray` estimates those to 12 bits.
        let shares: Vec<f64> = self.0.iter().map(|&length| 1.0 / length as f64).collect();
        let data = TensorData::new(shares, [self.0.len(), 1]);
        let sum = self.blank(sequence).sum_dim(1).squeeze_dim::<2>(1);
        sum * Tensor::from_data(data, options)
    }

    /// Returns the maximum over each sequence's own steps: `[batch, time, n]` → `[batch, n]`.
    ///
    /// # Panics
    ///
    /// Panics if [`last`](Self::last) does.
    pub fn max<B: Backend>(&self, sequence: Tensor<B, 3>) -> Tensor<B, 2> {
        let below_all = f64::NEG_INFINITY;
        let sequence = self.fill(sequence, below_all);
        sequence.max_dim(1).squeeze_dim(1)
    }

    /// Returns the sequences, each of them backwards from its own last step; padding stays where it is.
    ///
    /// # Panics
    ///
    /// Panics if [`last`](Self::last) does.
    pub fn reverse<B: Backend>(&self, sequence: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, time, n] = sequence.dims();
        self.check(batch, time);
        let row = |(row, &length): (usize, &usize)| {
            let steps = (0..length).rev().chain(length..time);
            steps.map(move |t| row * time + t)
        };
        let rows = self.0.iter().enumerate().flat_map(row).collect();
        let rows = indices::<B>(rows, &sequence.device());
        let sequence = sequence.flatten::<2>(0, 1).select(0, rows);
        sequence.reshape([batch, time, n])
    }

    /// Returns the sequences with zeros for padding.
    ///
    /// # Panics
    ///
    /// Panics if [`last`](Self::last) does.
    pub fn blank<B: Backend>(&self, sequence: Tensor<B, 3>) -> Tensor<B, 3> {
        self.fill(sequence, 0.0)
    }

    /// Returns the sequences with `value` for padding.
    fn fill<B: Backend>(&self, sequence: Tensor<B, 3>, value: f64) -> Tensor<B, 3> {
        let [batch, time, n] = sequence.dims();
        self.check(batch, time);
        if self.0.iter().all(|&length| length == time) {
            return sequence;
        }
        let steps = self.0.iter().flat_map(|&l| (0..time).map(move |t| t >= l));
        let data = TensorData::new(steps.collect::<Vec<bool>>(), [batch, time, 1]);
        let padding = Tensor::<B, 3, Bool>::from_data(data, &sequence.device());
        sequence.mask_fill(padding.expand([batch, time, n]), value)
    }

    /// Returns which sequences are over before step `t`, `[batch, 1]`, or `None` if all still run.
    pub(crate) fn over<B: Backend>(
        &self,
        t: usize,
        device: &B::Device,
    ) -> Option<Tensor<B, 2, Bool>> {
        let over: Vec<bool> = self.0.iter().map(|&length| t >= length).collect();
        let shape = [over.len(), 1];
        let any = over.contains(&true);
        any.then(|| Tensor::from_data(TensorData::new(over, shape), device))
    }
}

/// Returns the sequences with zeros for padding, if there is any.
pub(crate) fn blank<B: Backend>(lengths: Option<&Lengths>, sequence: Tensor<B, 3>) -> Tensor<B, 3> {
    match lengths {
        Some(lengths) => lengths.blank(sequence),
        None => sequence,
    }
}

/// Returns these indices as a tensor `[n]`.
pub(crate) fn indices<B: Backend>(indices: Vec<usize>, device: &B::Device) -> Tensor<B, 1, Int> {
    let indices: Vec<i64> = indices.into_iter().map(|index| index as i64).collect();
    let n = indices.len();
    Tensor::from_data(TensorData::new(indices, [n]), device)
}
