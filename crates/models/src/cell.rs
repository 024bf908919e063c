//! What a recurrent cell is: a state to start from, and one step.

use burn::tensor::{Tensor, TensorData, backend::Backend};

/// A recurrent cell: the pure function `(x[t], state[t-1]) → (y[t], state[t])`.
///
/// [`scan`](crate::scan()) drives a cell over a sequence. A cell of your own needs only these
/// two methods to use it.
pub trait RecurrentCell<B: Backend> {
    /// What the cell remembers between steps.
    type State: RecurrentState<B>;

    /// The state before the first step: zeros, for `batch` sequences, on the device and in the
    /// precision of the weights.
    fn initial_state(&self, batch: usize) -> Self::State;

    /// One step in time: the article's `next`.
    ///
    /// `x` is `[batch, d_input]`; the output is `[batch, d_hidden]`.
    ///
    /// # Panics
    ///
    /// Panics if the shapes of `x`, `state` and the weights do not agree.
    fn step(&self, x: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State);
}

/// What a cell carries from one step to the next: a record of `[batch, d_hidden]` tensors.
pub trait RecurrentState<B: Backend>: Clone {
    /// The same record with `f` applied to each tensor, in the order of the fields.
    fn map(self, f: &mut impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>) -> Self;

    /// The same values, cut off from the graph: no gradient crosses this point. This is the
    /// boundary of truncated BPTT.
    fn detach(self) -> Self {
        self.map(&mut Tensor::detach)
    }

    /// The same values on another device.
    fn to_device(self, device: &B::Device) -> Self {
        self.map(&mut |tensor| tensor.to_device(device))
    }

    /// The same record, once it is clear that it belongs to `batch` sequences: a state of one row
    /// would be broadcast in silence.
    ///
    /// # Panics
    ///
    /// Panics if it does not.
    fn of_batch(self, batch: usize) -> Self {
        self.map(&mut |tensor| {
            let rows = tensor.dims()[0];
            assert_eq!(
                rows, batch,
                "a state of batch {rows} with an input of batch {batch}"
            );
            tensor
        })
    }

    /// The values, in the order of the fields.
    fn to_data(&self) -> Vec<TensorData> {
        let mut data = Vec::new();
        self.clone().map(&mut |tensor| {
            data.push(tensor.to_data());
            tensor
        });
        data
    }

    /// A state of this form that holds `data`, as [`to_data`](Self::to_data) gave it.
    ///
    /// # Panics
    ///
    /// Panics if `data` has another number of tensors than the state has.
    fn with_data(self, data: Vec<TensorData>) -> Self {
        let mut data = data.into_iter();
        let state = self.map(&mut |tensor| {
            let data = data
                .next()
                .expect("with_data: too few tensors for this state");
            Tensor::from_data(data, (&tensor.device(), tensor.dtype()))
        });
        assert!(
            data.next().is_none(),
            "with_data: too many tensors for this state"
        );
        state
    }
}

/// The states of several layers, one after another.
impl<B: Backend, S: RecurrentState<B>> RecurrentState<B> for Vec<S> {
    fn map(self, f: &mut impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        self.into_iter().map(|state| state.map(f)).collect()
    }
}
