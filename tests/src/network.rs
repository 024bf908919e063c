//! A trait over the cells with kernels, so that a test is written once for all of them.

use burn::{
    module::{Param, ParamId},
    tensor::{Tensor, backend::Backend},
};
use models::{Gru, GruConfig, Lstm, LstmConfig, RecurrentCell, Reset, Rnn, RnnConfig};

/// What the cells with kernels have in common.
pub trait Network<B: Backend>: RecurrentCell<B> + Clone {
    /// A letter for each of the state's tensors.
    const STATE: &[&str];
    /// The number of blocks of `d_hidden` columns in the weights.
    const GATES: usize;
    /// The number of biases for each number of the hidden state.
    const BIASES: usize = Self::GATES;

    /// A network with fresh weights.
    fn init(d_input: usize, d_hidden: usize, bias: bool, seed: u64) -> Self;

    /// A network with these weights.
    fn with_weights(wx: Tensor<B, 2>, wh: Tensor<B, 2>, b: Option<Tensor<B, 1>>) -> Self;

    /// `wx`, `wh` and `b`.
    fn weights(&self) -> (Tensor<B, 2>, Tensor<B, 2>, Option<Tensor<B, 1>>);
}

macro_rules! network {
    ($module:ident, $config:ident, $state:expr, $gates:expr $(, $field:ident)?) => {
        impl<B: Backend> Network<B> for $module<B> {
            const STATE: &[&str] = &$state;
            const GATES: usize = $gates;

            fn init(d_input: usize, d_hidden: usize, bias: bool, seed: u64) -> Self {
                let config = $config::new(d_input, d_hidden).with_bias(bias);
                config.init_seeded(seed, &Default::default())
            }

            fn with_weights(wx: Tensor<B, 2>, wh: Tensor<B, 2>, b: Option<Tensor<B, 1>>) -> Self {
                $module {
                    wx: Param::from_tensor(wx),
                    wh: Param::from_tensor(wh),
                    b: b.map(Param::from_tensor),
                    $($field: Default::default(),)?
                }
            }

            fn weights(&self) -> (Tensor<B, 2>, Tensor<B, 2>, Option<Tensor<B, 1>>) {
                (
                    self.wx.val(),
                    self.wh.val(),
                    self.b.as_ref().map(Param::val),
                )
            }
        }
    };
}

network!(Rnn, RnnConfig, ["h"], 1, activation);
network!(Lstm, LstmConfig, ["h", "c"], 4);

impl<B: Backend> Network<B> for Gru<B> {
    const STATE: &[&str] = &["h"];
    const GATES: usize = 3;
    const BIASES: usize = 4;

    fn init(d_input: usize, d_hidden: usize, bias: bool, seed: u64) -> Self {
        let config = GruConfig::new(d_input, d_hidden).with_bias(bias);
        config.init_seeded(seed, &Default::default())
    }

    fn with_weights(wx: Tensor<B, 2>, wh: Tensor<B, 2>, b: Option<Tensor<B, 1>>) -> Self {
        let [h, _] = wh.dims();
        // Parts of `b` are no leaves of the graph, as `Param::from_tensor` would have them be.
        let part = |b: &Tensor<B, 1>, first, n| {
            Param::initialized(ParamId::new(), b.clone().narrow(0, first, n))
        };
        Gru {
            wx: Param::from_tensor(wx),
            wh: Param::from_tensor(wh),
            b: b.as_ref().map(|b| part(b, 0, 3 * h)),
            bhn: b.as_ref().map(|b| part(b, 3 * h, h)),
            reset: Reset::AfterProduct,
        }
    }

    fn weights(&self) -> (Tensor<B, 2>, Tensor<B, 2>, Option<Tensor<B, 1>>) {
        let biases = self.b.as_ref().zip(self.bhn.as_ref());
        let b = biases.map(|(b, bhn)| Tensor::cat(vec![b.val(), bhn.val()], 0));
        (self.wx.val(), self.wh.val(), b)
    }
}

/// The loop that `forward` stands for, written out.
pub fn by_steps<B: Backend, C: RecurrentCell<B>>(
    cell: &C,
    x: Tensor<B, 3>,
    mut state: C::State,
) -> (Tensor<B, 3>, C::State) {
    let [batch, time, d_input] = x.dims();
    let mut outputs = Vec::new();
    for t in 0..time {
        let x_t = x.clone().slice([0..batch, t..t + 1, 0..d_input]);
        let (y, next) = cell.step(x_t.reshape([batch, d_input]), state);
        outputs.push(y);
        state = next;
    }
    (Tensor::stack(outputs, 1), state)
}
