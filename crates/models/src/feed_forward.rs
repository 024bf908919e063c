//! A layer without memory: a pure function of its current input.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    init::{Init, Initializer, sizes},
    matmul::matmul,
};

/// How to build a [`FeedForward`].
///
/// See the example of [`FeedForward`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct FeedForwardConfig {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of each output vector.
    pub d_hidden: usize,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
}

/// `h[t] = tanh(x[t]·Wx + b)`
///
/// An [`Rnn`](crate::Rnn) without its `h[t-1]·Wh`: the same input gives the same output, whatever came
/// before.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{FeedForward, FeedForwardConfig};
///
/// let device = Default::default();
/// let layer: FeedForward<NdArray> = FeedForwardConfig::new(2, 8).init_seeded(1, &device);
/// let pairs = Tensor::from_floats([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]], &device);
/// let y = layer.forward(pairs);
/// assert_eq!(y.dims(), [3, 8]);
/// assert_eq!(y.clone().slice([0..1]).into_data(), y.slice([2..3]).into_data()); // the same pair
/// ```
#[derive(Module, Debug)]
pub struct FeedForward<B: Backend> {
    /// `[d_input, d_hidden]`
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden]`
    pub b: Param<Tensor<B, 1>>,
}

impl FeedForwardConfig {
    /// Returns a [`FeedForward`] with fresh weights: the same on every backend for the same `seed`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0.
    pub fn init_seeded<B: Backend>(&self, seed: u64, device: &B::Device) -> FeedForward<B> {
        self.init_with(&mut Init::from_seed(seed, device))
    }

    /// Returns a [`FeedForward`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> FeedForward<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(d);
        let (wx, b) = (init.uniform(d * h, bound), init.uniform(h, bound));
        FeedForward {
            wx: init.param([d, h], wx),
            b: init.param([h], b),
        }
    }
}

impl<B: Backend> FeedForward<B> {
    /// Maps each row independently: `[n, d_input]` → `[n, d_hidden]`.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        (matmul(x, self.wx.val()) + self.b.val().unsqueeze()).tanh()
    }
}
