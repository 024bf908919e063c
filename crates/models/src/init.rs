//! What the weights start from. Numbers are drawn on the host (ChaCha8), so that a seed gives the same
//! weights on every backend.

use burn::{
    module::{Param, ParamId},
    nn::Linear,
    tensor::{
        DType, Distribution, Element, Tensor, TensorData, backend::Backend, get_device_settings,
    },
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};
use serde::{Deserialize, Serialize};

/// Returns the sizes of a layer after checking that none is 0.
///
/// # Panics
///
/// Panics if one is.
pub(crate) fn sizes(d_input: usize, d_hidden: usize) -> (usize, usize) {
    for (name, size) in [("d_input", d_input), ("d_hidden", d_hidden)] {
        assert!(size > 0, "{name}: at least 1, not 0");
    }
    (d_input, d_hidden)
}

/// What weights and biases are drawn from.
///
/// ```
/// use models::Initializer;
///
/// assert_eq!(Initializer::PyTorch.bound(16), 0.25);
/// assert_eq!(Initializer::Uniform { bound: 0.08 }.bound(16), 0.08);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Initializer {
    /// U(−1/√n, 1/√n), PyTorch's default: n is `d_hidden` in a recurrent layer, the size of the
    /// input in a linear one. An embedding is drawn from N(0, 1).
    #[serde(rename = "pytorch")]
    PyTorch,
    /// U(−bound, bound) everywhere. char-rnn uses 0.08.
    Uniform {
        /// The largest magnitude.
        bound: f64,
    },
}

impl Initializer {
    /// Returns the bound of the uniform distribution in a layer whose PyTorch bound is `1/√n`.
    pub fn bound(self, n: usize) -> f64 {
        match self {
            Initializer::PyTorch => 1.0 / (n as f64).sqrt(),
            Initializer::Uniform { bound } => bound,
        }
    }
}

/// Draws the parameters of one layer after another from a random stream, and puts them on a device.
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::{Init, Initializer, LstmConfig};
///
/// let mut init = Init::<NdArray>::from_seed(1, &Default::default());
/// let lstm = LstmConfig::new(3, 8).init_with(&mut init);
/// let head = init.linear(8, 2, Initializer::PyTorch); // [batch, 8] → [batch, 2]
/// assert_eq!(head.weight.dims(), [8, 2]);
///
/// // The same seed, the same weights.
/// let mut init = Init::<NdArray>::from_seed(1, &Default::default());
/// let again = LstmConfig::new(3, 8).init_with(&mut init);
/// assert_eq!(again.wh.to_data(), lstm.wh.to_data());
/// ```
pub struct Init<B: Backend> {
    rng: ChaCha8Rng,
    device: B::Device,
}

impl<B: Backend> Init<B> {
    /// Returns the stream with this seed.
    pub fn from_seed(seed: u64, device: &B::Device) -> Self {
        Init {
            rng: ChaCha8Rng::seed_from_u64(seed),
            device: device.clone(),
        }
    }

    /// Returns a stream that is seeded by the backend's own random numbers, and so by `B::seed`.
    pub fn from_backend(device: &B::Device) -> Self {
        let draws = Tensor::<B, 1>::random([4], Distribution::Uniform(0.0, 65536.0), device);
        let seed = draws
            .into_data()
            .iter::<f64>()
            .fold(0, |seed, draw| seed << 16 | draw as u64);
        Self::from_seed(seed, device)
    }

    /// Draws `n` numbers from U(−bound, bound).
    pub fn uniform(&mut self, n: usize, bound: f64) -> Vec<f64> {
        let draw = |_| bound * (2.0 * self.rng.random::<f64>() - 1.0);
        (0..n).map(draw).collect()
    }

    /// Draws a number from U(low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    /// Draws `n` numbers from N(0, 1).
    pub fn normal(&mut self, n: usize) -> Vec<f64> {
        (0..n)
            .map(|_| StandardNormal.sample(&mut self.rng))
            .collect()
    }

    /// Draws the weights `Wh` of `blocks` gates, `[n, blocks·n]`: each block orthogonal, or from U(−bound, bound).
    pub fn recurrent(&mut self, n: usize, blocks: usize, bound: f64, orthogonal: bool) -> Vec<f64> {
        match orthogonal {
            true => self.orthogonal(n, blocks),
            false => self.uniform(n * blocks * n, bound),
        }
    }

    /// Draws `[n, blocks·n]`: each `[n, n]` block is a random orthogonal matrix (Saxe, McClelland and Ganguli
    /// 2013), by Gram–Schmidt on Gaussian rows.
    pub fn orthogonal(&mut self, n: usize, blocks: usize) -> Vec<f64> {
        let mut values = vec![0.0; n * blocks * n];
        for block in 0..blocks {
            let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
            for i in 0..n {
                let mut row = self.normal(n);
                // The second pass removes what rounding left behind in the first.
                for done in rows.iter().chain(&rows) {
                    let along = dot(&row, done);
                    row.iter_mut().zip(done).for_each(|(r, d)| *r -= along * d);
                }
                let norm = dot(&row, &row).sqrt();
                row.iter_mut().for_each(|r| *r /= norm);
                let start = (i * blocks + block) * n;
                values[start..start + n].copy_from_slice(&row);
                rows.push(row);
            }
        }
        values
    }

    /// Returns a linear layer `x·W + b`, `[n, d_input]` → `[n, d_output]`.
    pub fn linear(
        &mut self,
        d_input: usize,
        d_output: usize,
        initializer: Initializer,
    ) -> Linear<B> {
        let bound = initializer.bound(d_input);
        let weight = self.uniform(d_input * d_output, bound);
        let bias = self.uniform(d_output, bound);
        Linear {
            weight: self.param([d_input, d_output], weight),
            bias: Some(self.param([d_output], bias)),
        }
    }

    /// Returns a trainable parameter with these values, in the precision of `B` if that is not f32, and
    /// otherwise in the default precision of the device (`burn::tensor::set_default_dtypes`).
    ///
    /// # Panics
    ///
    /// Panics if the length of `values` does not match `shape`.
    pub fn param<const D: usize>(
        &self,
        shape: [usize; D],
        values: Vec<f64>,
    ) -> Param<Tensor<B, D>> {
        // Burn 0.21 keeps one default per device, not per backend: `NdArray<f64>` after `NdArray<f32>` in one
        // process would get f32.
        let dtype = match B::FloatElem::dtype() {
            DType::F32 => get_device_settings::<B>(&self.device).float_dtype.into(),
            other => other,
        };
        let options = (&self.device, dtype);
        let tensor = Tensor::from_data(TensorData::new(values, shape), options);
        Param::initialized(ParamId::new(), tensor.require_grad())
    }
}

impl<B: Backend> Init<B> {
    /// Draws the biases of gates that keep memory so that fresh cells remember over 1 to `longest` steps:
    /// `ln U(1, longest − 1)`, the chrono initialisation of Tallec and Ollivier (2018).
    ///
    /// # Panics
    ///
    /// Panics if `longest` is below 2.
    pub fn chrono(&mut self, n: usize, longest: usize) -> Vec<f64> {
        assert!(longest >= 2, "chrono: a dependency of at least 2 steps");
        let longest = longest as f64;
        (0..n)
            .map(|_| self.between(1.0, longest - 1.0).ln())
            .collect()
    }

    /// Sets the biases of gates that keep memory.
    ///
    /// # Panics
    ///
    /// Panics if [`chrono`](Self::chrono) does.
    pub fn remember(&mut self, biases: &mut [f64], remember: Remember) {
        match remember {
            Remember::ByDefault => {}
            Remember::Bias(value) => biases.fill(value),
            Remember::UpTo(longest) => biases.copy_from_slice(&self.chrono(biases.len(), longest)),
        }
    }

    /// Sets the biases of forget gates, and those of the input gates beside them: their negatives, if the cells
    /// are to remember over a number of steps.
    ///
    /// # Panics
    ///
    /// Panics if [`chrono`](Self::chrono) does.
    pub fn remember_by_both(&mut self, forget: &mut [f64], input: &mut [f64], remember: Remember) {
        self.remember(forget, remember);
        if let Remember::UpTo(_) = remember {
            input.iter_mut().zip(forget).for_each(|(i, f)| *i = -*f);
        }
    }
}

/// How far the gates that keep memory, such as the forget gate of an [`Lstm`](crate::Lstm), are open at
/// first.
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::{CoupledLstmConfig, Remember};
///
/// let config = CoupledLstmConfig::new(3, 8).with_remember(Remember::UpTo(100));
/// let cell = config.init::<NdArray>(&Default::default());
/// let f = cell.b.unwrap().val().narrow(0, 0, 8); // ln U(1, 99)
/// assert!(f.clone().min().into_scalar() >= 0.0);
/// assert!(f.max().into_scalar() <= 99f32.ln());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remember {
    /// As far as in the default of the cell's own config.
    #[default]
    ByDefault,
    /// As far as a bias of this value opens them.
    Bias(f64),
    /// Far enough for dependencies of up to this many steps, at least 2: the chrono initialisation of Tallec
    /// and Ollivier (2018).
    UpTo(usize),
}

impl Remember {
    /// Returns `other` in place of [`ByDefault`](Self::ByDefault).
    pub(crate) fn or(self, other: Self) -> Self {
        match self {
            Remember::ByDefault => other,
            _ => self,
        }
    }
}

/// Gives the config of a cell its `init` and `init_seeded`, by means of its `init_with`.
macro_rules! init_methods {
    ($Config:ident -> $Cell:ident) => {
        impl $Config {
            #[doc = concat!("Returns a [`", stringify!($Cell), "`] with fresh weights, which `B::seed` determines.")]
            ///
            /// # Panics
            ///
            /// Panics if [`init_with`](Self::init_with) does.
            pub fn init<B: Backend>(&self, device: &B::Device) -> $Cell<B> {
                self.init_with(&mut Init::from_backend(device))
            }

            #[doc = concat!("Returns a [`", stringify!($Cell), "`] with fresh weights: the same on every backend for the same `seed`.")]
            ///
            /// # Panics
            ///
            /// Panics if [`init_with`](Self::init_with) does.
            pub fn init_seeded<B: Backend>(&self, seed: u64, device: &B::Device) -> $Cell<B> {
                self.init_with(&mut Init::from_seed(seed, device))
            }
        }
    };
}
pub(crate) use init_methods;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
