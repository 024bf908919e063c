//! Zoneout (Krueger et al. 2017): in training, some of the state stays what it was.

use std::marker::PhantomData;

use burn::{
    config::Config,
    module::Module,
    tensor::{Distribution, Tensor, backend::Backend},
};

use crate::{
    cell::{RecurrentCell, RecurrentState},
    mask::{probability, training},
};

/// How to build a [`Zoneout`]. Probabilities go from 0 to below 1; the paper's for characters are 0.5 for the
/// cell and 0.05 for the hidden state.
///
/// See the example of [`Zoneout`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct ZoneoutConfig {
    /// Probability that an element of the hidden state stays what it was.
    #[config(default = 0.0)]
    pub hidden: f64,
    /// The same for all other tensors of the state, such as the cell of an LSTM.
    #[config(default = 0.0)]
    pub cell: f64,
}

/// A cell of whose state some elements stay what they were, at random at every step:
///
/// ```text
/// s[t] = m∘s[t-1] + (1 − m)∘cell(x[t], s[t-1])      m = 1 with probability p, else 0
/// ```
///
/// Without autodiff `m` is its expectation `p`. The output is the hidden state that results. What a
/// combinator inside adds to its hidden state, such as [`Residual`](crate::Residual), is added to this one.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell, ZoneoutConfig};
///
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&device);
/// let zoneout = ZoneoutConfig::new().with_hidden(0.05).with_cell(0.5).init(lstm.clone());
///
/// // Here, without autodiff and from a cell of zeros, half of the new cell is taken.
/// let x = Tensor::ones([2, 3], &device);
/// let (_, of_zoneout) = zoneout.step(x.clone(), zoneout.initial_state(2));
/// let (_, of_lstm) = lstm.step(x, lstm.initial_state(2));
/// assert!((of_zoneout.cell - of_lstm.cell * 0.5).abs().max().into_scalar() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct Zoneout<B: Backend, C> {
    /// The cell.
    pub cell: C,
    /// Probability that an element of the hidden state stays what it was.
    pub p_hidden: f64,
    /// The same for all other tensors of the state.
    pub p_cell: f64,
    backend: PhantomData<B>,
}

impl ZoneoutConfig {
    /// Returns the cell with zoneout.
    ///
    /// # Panics
    ///
    /// Panics if a setting is not a probability below 1.
    pub fn init<B: Backend, C>(&self, cell: C) -> Zoneout<B, C> {
        Zoneout {
            cell,
            p_hidden: probability("zoneout of the hidden state", self.hidden),
            p_cell: probability("zoneout of the cell", self.cell),
            backend: PhantomData,
        }
    }
}

impl<B: Backend, C: RecurrentCell<B>> RecurrentCell<B> for Zoneout<B, C> {
    type State = C::State;

    fn initial_state(&self, batch: usize) -> C::State {
        self.cell.initial_state(batch)
    }

    fn step(&self, x: Tensor<B, 2>, state: C::State) -> (Tensor<B, 2>, C::State) {
        let training = training::<B>(&x.device());
        let (y, next) = self.cell.step(x, state.clone());
        let fresh = next.hidden();
        let next = next.zip(state, |name, new, old| {
            let p = match name.ends_with("hidden") {
                true => self.p_hidden,
                false => self.p_cell,
            };
            if p == 0.0 {
                new
            } else if training {
                let mask = new.random_like(Distribution::Bernoulli(p));
                new.clone() + mask * (old - new)
            } else {
                new.clone() + (old - new) * p
            }
        });
        (y + (next.hidden() - fresh), next)
    }

    fn streams(&self) -> bool {
        self.cell.streams()
    }
}
