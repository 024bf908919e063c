//! An initial state that is learned instead of zero.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    cell::{RecurrentCell, RecurrentState},
    fused::{Input, KernelLayer},
    lengths::Lengths,
};

/// A cell whose [`initial_state`](RecurrentCell::initial_state) is a set of parameters, the same for all
/// sequences of a batch. They start as zeros.
///
/// ```
/// use burn::module::Module;
/// use burn_ndarray::NdArray;
/// use models::{LearnedState, LstmConfig, RecurrentCell};
///
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&Default::default());
/// let cell = LearnedState::new(lstm.clone());
/// assert_eq!(cell.num_params(), lstm.num_params() + 8 + 8); // hidden, cell
/// assert_eq!(cell.initial_state(2).cell.abs().max().into_scalar(), 0.0); // before training
/// ```
#[derive(Module, Debug)]
pub struct LearnedState<B: Backend, C> {
    /// The cell.
    pub cell: C,
    /// The initial value of each tensor of the state, `[d_hidden]`, in the order of its fields.
    pub initial: Vec<Param<Tensor<B, 1>>>,
}

impl<B: Backend, C: RecurrentCell<B>> LearnedState<B, C> {
    /// Returns the cell with parameters for its initial state.
    pub fn new(cell: C) -> Self {
        let zeros = cell.initial_state(1).tensors().into_iter();
        let initial = zeros.map(|zeros| Param::from_tensor(zeros.squeeze_dim::<1>(0)));
        let initial = initial.collect();
        LearnedState { cell, initial }
    }
}

impl<B: Backend, C: RecurrentCell<B>> RecurrentCell<B> for LearnedState<B, C> {
    type State = C::State;

    fn initial_state(&self, batch: usize) -> C::State {
        let rows = |initial: &Param<Tensor<B, 1>>| {
            let [n] = initial.dims();
            initial.val().unsqueeze::<2>().expand([batch, n])
        };
        let state = self.cell.initial_state(batch);
        state.with_tensors(self.initial.iter().map(rows).collect())
    }

    fn step(&self, x: Tensor<B, 2>, state: C::State) -> (Tensor<B, 2>, C::State) {
        self.cell.step(x, state)
    }

    fn streams(&self) -> bool {
        self.cell.streams()
    }

    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: C::State,
    ) -> (Tensor<B, 3>, C::State) {
        self.cell.sequence(input, lengths, state)
    }

    fn by_kernels(
        &self,
        input: &Input<B>,
        table: Option<&dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>>,
        lengths: Option<&Lengths>,
        state: &C::State,
    ) -> Option<(Tensor<B, 3>, C::State)> {
        self.cell.by_kernels(input, table, lengths, state)
    }

    fn by_kernels_both_ways(
        &self,
        backward: &Self,
        input: &Tensor<B, 3>,
        lengths: Option<&Lengths>,
        states: [&C::State; 2],
    ) -> Option<(Tensor<B, 3>, [C::State; 2])> {
        let (forward, backward) = (&self.cell, &backward.cell);
        forward.by_kernels_both_ways(backward, input, lengths, states)
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        self.cell.kernel_layers()
    }
}
