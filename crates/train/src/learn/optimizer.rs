//! How a gradient becomes an update: Burn's optimisers with PyTorch's constants.

use std::{fmt, str::FromStr};

use burn::{
    module::AutodiffModule,
    optim::{
        Adam, AdamConfig, GradientsParams, Optimizer as _, RmsProp, RmsPropConfig, Sgd, SgdConfig,
    },
    tensor::backend::AutodiffBackend,
};

use super::{
    adagrad::AdaGrad,
    moments::{self, Adapted},
};
use crate::{
    disk::tensors::{Layout, Tensors},
    serde_text::serde_as_text,
};

/// Which optimiser, and its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba 2015): β₁ 0.9, β₂ 0.999, ε 1e-8.
    Adam,
    /// RMSprop (Tieleman and Hinton 2012), without momentum: ε 1e-8.
    RmsProp {
        /// The share of the mean square that each update keeps.
        decay: f64,
    },
    /// Plain gradient descent.
    Sgd,
    /// Adagrad (Duchi, Hazan and Singer 2011): ε 1e-10.
    AdaGrad,
}

impl OptimizerConfig {
    pub(crate) const RULE: &str =
        "must be adam, rmsprop, rmsprop:DECAY (at least 0 and below 1), sgd or adagrad";

    pub(crate) fn is_valid(self) -> bool {
        match self {
            OptimizerConfig::RmsProp { decay } => (0.0..1.0).contains(&decay),
            _ => true,
        }
    }

    /// Creates the optimiser, which has seen no gradient yet.
    pub(crate) fn init<B: AutodiffBackend, M: AutodiffModule<B>>(self) -> Optimizer<B, M> {
        match self {
            OptimizerConfig::Adam => Optimizer::Adam(AdamConfig::new().with_epsilon(1e-8).init()),
            OptimizerConfig::RmsProp { decay } => Optimizer::RmsProp(
                RmsPropConfig::new()
                    .with_alpha(decay as f32)
                    .with_momentum(0.0)
                    .with_epsilon(1e-8)
                    .init(),
            ),
            OptimizerConfig::Sgd => Optimizer::Sgd(SgdConfig::new().init()),
            OptimizerConfig::AdaGrad => Optimizer::AdaGrad(AdaGrad { epsilon: 1e-10 }.into()),
        }
    }
}

/// `adam`, `rmsprop:0.95`, `sgd`, `adagrad`.
impl FromStr for OptimizerConfig {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let config = match text.split_once(':') {
            None => match text {
                "adam" => OptimizerConfig::Adam,
                "rmsprop" => OptimizerConfig::RmsProp { decay: 0.99 },
                "sgd" => OptimizerConfig::Sgd,
                "adagrad" => OptimizerConfig::AdaGrad,
                _ => return Err(Self::RULE),
            },
            Some(("rmsprop", decay)) => OptimizerConfig::RmsProp {
                decay: decay.parse().map_err(|_| Self::RULE)?,
            },
            Some(_) => return Err(Self::RULE),
        };
        if config.is_valid() {
            Ok(config)
        } else {
            Err(Self::RULE)
        }
    }
}

impl fmt::Display for OptimizerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptimizerConfig::Adam => write!(f, "adam"),
            OptimizerConfig::RmsProp { decay } => write!(f, "rmsprop:{decay}"),
            OptimizerConfig::Sgd => write!(f, "sgd"),
            OptimizerConfig::AdaGrad => write!(f, "adagrad"),
        }
    }
}

serde_as_text!(OptimizerConfig);

/// An optimiser with its moments.
pub(crate) enum Optimizer<B: AutodiffBackend, M: AutodiffModule<B>> {
    Adam(Adapted<Adam, B, M>),
    RmsProp(Adapted<RmsProp, B, M>),
    Sgd(Adapted<Sgd<B::InnerBackend>, B, M>),
    AdaGrad(Adapted<AdaGrad, B, M>),
}

/// Evaluates the same expression for each kind of optimiser.
macro_rules! each {
    ($optimizer:expr, $name:ident => $what:expr) => {
        match $optimizer {
            Optimizer::Adam($name) => $what,
            Optimizer::RmsProp($name) => $what,
            Optimizer::Sgd($name) => $what,
            Optimizer::AdaGrad($name) => $what,
        }
    };
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Optimizer<B, M> {
    pub(crate) fn step(&mut self, learning_rate: f64, model: M, grads: GradientsParams) -> M {
        each!(self, optimizer => optimizer.step(learning_rate, model, grads))
    }

    /// Returns the moments of each parameter, by the parameter's path and the moment's name.
    pub(crate) fn moments(&self, model: &M) -> Tensors {
        each!(self, optimizer => moments::take(optimizer, model))
    }

    /// Returns the names and shapes of all moments after the first update.
    pub(crate) fn layout(&self, parameters: &Layout) -> Layout {
        each!(self, optimizer => moments::layout(optimizer, parameters))
    }

    /// Restores what [`moments`](Self::moments) returned after `updates` updates.
    pub(crate) fn restore(&mut self, model: &M, moments: Tensors, updates: usize) {
        each!(self, optimizer => moments::restore(optimizer, model, moments, updates));
    }
}
