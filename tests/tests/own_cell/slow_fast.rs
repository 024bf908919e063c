//! A cell of a user's own: three state tensors, no kernel.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};
use models::{Cell, CellOptions, Description, Init, RecurrentCell, RecurrentState, matmul};

/// The [`SlowFast`] cell before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "slow_fast",
    title: "SlowFast",
    parameters: |d_input, d_hidden| 2.0 * d_hidden * (d_input + d_hidden + 1.0),
    state: |d_hidden| 3.0 * d_hidden,
    recurrent_weights: true,
    saved: |d_hidden| 6.0 * d_hidden,
};

/// ```text
/// [ak ag] = x[t]·Wx + h[t-1]·Wh + b      k = ½·tanh(½·ak) + ½      g = tanh(ag)
///
/// fast[t] = k·fast[t-1] + (1 − k)·g
/// slow[t] = 0.9·slow[t-1] + 0.1·fast[t]
/// h[t] = tanh(fast[t] + slow[t])
/// ```
#[derive(Module, Debug)]
pub struct SlowFast<B: Backend> {
    wx: Param<Tensor<B, 2>>,
    wh: Param<Tensor<B, 2>>,
    b: Param<Tensor<B, 1>>,
}

#[derive(Clone, Debug)]
pub struct SlowFastState<B: Backend> {
    pub hidden: Tensor<B, 2>,
    pub fast: Tensor<B, 2>,
    pub slow: Tensor<B, 2>,
}

impl<B: Backend> RecurrentState<B> for SlowFastState<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        SlowFastState {
            hidden: f("hidden", self.hidden),
            fast: f("fast", self.fast),
            slow: f("slow", self.slow),
        }
    }
}

impl<B: Backend> RecurrentCell<B> for SlowFast<B> {
    type State = SlowFastState<B>;

    fn initial_state(&self, batch: usize) -> SlowFastState<B> {
        let [d_hidden, _] = self.wh.dims();
        let zeros = Tensor::zeros([batch, d_hidden], (&self.wh.device(), self.wh.dtype()));
        SlowFastState {
            hidden: zeros.clone(),
            fast: zeros.clone(),
            slow: zeros,
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: SlowFastState<B>) -> (Tensor<B, 2>, SlowFastState<B>) {
        let a = matmul(x, self.wx.val()) + matmul(state.hidden, self.wh.val());
        let [ak, ag] = (a + self.b.val().unsqueeze())
            .chunk(2, 1)
            .try_into()
            .unwrap();
        let k = (ak * 0.5).tanh() * 0.5 + 0.5;
        let fast = k.clone() * state.fast + (-k + 1.0) * ag.tanh();
        let slow = state.slow * 0.9 + fast.clone() * 0.1;
        let hidden = (fast.clone() + slow.clone()).tanh();
        (hidden.clone(), SlowFastState { hidden, fast, slow })
    }
}

impl<B: Backend> Cell<B> for SlowFast<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        let (d, h) = (options.d_input, options.d_hidden);
        let bound = options.initializer.bound(h);
        let wx = init.uniform(d * 2 * h, bound);
        let wh = init.uniform(h * 2 * h, bound);
        let b = init.uniform(2 * h, bound);
        SlowFast {
            wx: init.param([d, 2 * h], wx),
            wh: init.param([h, 2 * h], wh),
            b: init.param([2 * h], b),
        }
    }
}
