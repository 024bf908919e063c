//! The optimiser's work, dealt out to ranks: each steps one stretch of the weights, and alone holds its moments (stage 1
//! of ZeRO: Rajbhandari, Rasley, Ruwase and He 2020).
//!
//! ```text
//!              rank 0           rank 1
//! gradient     g₀               g₁               of its rows, for all weights
//!               └── stretches ───┘
//! sum          first half       second half      in the order of ranks
//! weights      clip, step       clip, step
//!               └── stretches ───┘
//! weights      all              all              the same bits
//! ```

use burn::{
    module::{AutodiffModule, Module, Param},
    optim::GradientsParams,
    tensor::{
        DType, Element, Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};

use super::{
    clip::{Clip, clip},
    flat::{Joined, parameters, stretch_of, take_gradients, with_weights},
    norms::global_norm,
    optimizer::{Optimizer, OptimizerConfig},
};
use crate::{
    disk::tensors::{self, Layout, Tensors},
    ranks::{Communicator, Number, Share, share_of_sum},
};

/// This rank's stretch of the weights, which lie one parameter after another.
pub(super) struct DealtOut<B: AutodiffBackend> {
    /// The path and the shape of each parameter.
    parameters: Vec<(String, Vec<usize>)>,
    /// `None` only while the optimiser has it.
    stretch: Option<Stretch<B>>,
    optimizer: Optimizer<B, Stretch<B>>,
    /// The gradient of the last batch, whose memory takes the next weights.
    gradient: Vec<TensorData>,
}

/// Some of the weights. To an optimiser it is a parameter, for what it does to one number depends on no other.
#[derive(Module, Debug)]
struct Stretch<B: Backend> {
    weights: Param<Tensor<B, 1>>,
}

/// The path of its parameter.
const WEIGHTS: &str = "weights";

impl<B: AutodiffBackend> DealtOut<B> {
    /// Begins with the weights of `model`, and with their moments after `updates` updates.
    pub fn new<M: AutodiffModule<B>>(
        share: Share,
        config: OptimizerConfig,
        model: &M,
        moments: &Tensors,
        updates: usize,
        device: &B::Device,
    ) -> Self {
        let parameters = parameters::<B>(model);
        let paths = || parameters.iter().map(|(path, _)| path.clone());
        let weights = stretch_of(share, &tensors::of_module::<B>(model), paths());
        let options = (device, weights.dtype);
        let stretch = Stretch {
            weights: Param::from_tensor(Tensor::from_data(weights, options)),
        };
        let mut optimizer: Optimizer<B, Stretch<B>> = config.init();
        if updates > 0 {
            let names = optimizer.layout(&Layout::from([(WEIGHTS.to_owned(), Vec::new())]));
            let own = names.into_keys().map(|name| {
                let all = paths().map(|path| name.replacen(WEIGHTS, &path, 1));
                (name.clone(), stretch_of(share, moments, all))
            });
            optimizer.restore(&stretch, own.collect(), updates);
        }
        DealtOut {
            parameters,
            stretch: Some(stretch),
            optimizer,
            gradient: Vec::new(),
        }
    }

    fn stretch(&self) -> &Stretch<B> {
        self.stretch.as_ref().expect("a stretch between steps")
    }

    /// Adds up the gradients of all ranks, and returns what of the sum is this rank's.
    pub fn sum<M: AutodiffModule<B>>(
        &mut self,
        model: &M,
        mut grads: GradientsParams,
        ranks: &dyn Communicator,
    ) -> GradientsParams {
        self.gradient = take_gradients(model, &mut grads);
        let sum = match self.gradient[0].dtype {
            DType::F64 => sum::<f64>(&self.gradient, ranks),
            _ => sum::<f32>(&self.gradient, ranks),
        };
        let weights = &self.stretch().weights;
        let options = (&weights.device(), weights.dtype());
        let mut own = GradientsParams::new();
        own.register(
            weights.id,
            Tensor::<B::InnerBackend, 1>::from_data(sum, options),
        );
        own
    }

    /// Returns the Euclidean norm of what [`sum`](Self::sum) returned.
    pub fn norm(&self, grads: &GradientsParams) -> f64 {
        global_norm(self.stretch(), grads)
    }

    /// Steps this rank's weights. `norm` is the norm of the whole gradient.
    pub fn step(&mut self, learning_rate: f64, limit: Clip, norm: f64, mut grads: GradientsParams) {
        let stretch = self.stretch.take().expect("a stretch between steps");
        clip(limit, &stretch, norm, &mut grads);
        self.stretch = Some(self.optimizer.step(learning_rate, stretch, grads));
    }

    /// Returns the model with the weights of all ranks.
    pub fn join<M: AutodiffModule<B>>(&mut self, model: M, ranks: &dyn Communicator) -> M {
        let stretch = self.stretch.take().expect("a stretch between steps");
        let (id, weights, _) = stretch.weights.consume();
        let (device, dtype) = (weights.device(), weights.dtype());
        let own = weights.inner().into_data();

        let mut parts = vec![own.as_bytes(); ranks.size()];
        // What a rank has itself is not sent around: it is long.
        parts[ranks.rank()] = &[];
        let received = ranks.exchange(&parts);
        let mut stretches: Vec<&[u8]> = received.iter().map(Vec::as_slice).collect();
        stretches[ranks.rank()] = own.as_bytes();
        let mut joined = Joined::new(stretches);
        let mut weights = std::mem::take(&mut self.gradient);
        weights
            .iter_mut()
            .for_each(|data| joined.fill(&mut data.bytes));
        let model = with_weights(model, weights);

        let own = Tensor::from_data(own, (&device, dtype)).require_grad();
        let weights = Param::initialized(id, own);
        self.stretch = Some(Stretch { weights });
        model
    }

    /// Returns the moments of all weights on rank 0, by the parameter's path and the moment's name; none on the others.
    pub fn moments(&self, ranks: &dyn Communicator) -> Tensors {
        let mut moments = Tensors::new();
        for (name, own) in self.optimizer.moments(self.stretch()) {
            let stretches = ranks.gather(own.as_bytes());
            if ranks.rank() > 0 {
                continue;
            }
            let mut joined = Joined::new(stretches.iter().map(Vec::as_slice).collect());
            for (path, shape) in &self.parameters {
                let mut moment = TensorData::full_dtype(shape.clone(), 0, own.dtype);
                joined.fill(&mut moment.bytes);
                moments.insert(name.replacen(WEIGHTS, path, 1), moment);
            }
        }
        moments
    }
}

/// Returns this rank's share of the sum.
fn sum<T: Number + Element>(gradient: &[TensorData], ranks: &dyn Communicator) -> TensorData {
    let n = gradient.iter().map(TensorData::num_elements).sum();
    let mut numbers: Vec<T> = Vec::with_capacity(n);
    for data in gradient {
        match data.as_slice::<T>() {
            Ok(own) => numbers.extend_from_slice(own),
            Err(_) => numbers.extend(data.iter::<T>()),
        }
    }
    let sum = share_of_sum(ranks, &numbers);
    let n = sum.len();
    TensorData::new(sum, [n])
}
