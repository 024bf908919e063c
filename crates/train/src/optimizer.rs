//! How a gradient becomes an update: Burn's optimisers, with the constants of PyTorch.

use std::{collections::HashMap, fmt, str::FromStr};

use burn::{
    module::{Module, ModuleVisitor, Param, ParamId},
    optim::{
        Adam, AdamConfig, AdamState, AdaptiveMomentumState, CenteredState, GradientsParams,
        Optimizer as BurnOptimizer, RmsProp, RmsPropConfig, RmsPropState, Sgd, SgdConfig, SgdState,
        SimpleOptimizer, SquareAvgState, adaptor::OptimizerAdaptor, record::AdaptorRecord,
    },
    record::Record,
    tensor::{
        Tensor,
        backend::{AutodiffBackend, Backend},
    },
};
use models::CharLm;

use crate::{
    tensors::{self, Layout, Tensors},
    text_form::serde_as_text,
};

/// Which optimiser, and its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba 2015): β₁ 0.9, β₂ 0.999, ε 1e-8.
    Adam,
    /// RMSprop (Tieleman and Hinton 2012), without momentum: ε 1e-8.
    RmsProp {
        /// How much of the mean square is kept at each update.
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

    /// The optimiser, which has seen no gradient yet.
    pub(crate) fn init<B: AutodiffBackend>(self) -> Optimizer<B> {
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
pub(crate) enum Optimizer<B: AutodiffBackend> {
    Adam(Adapted<Adam, B>),
    RmsProp(Adapted<RmsProp, B>),
    Sgd(Adapted<Sgd<B::InnerBackend>, B>),
    AdaGrad(Adapted<AdaGrad, B>),
}

type Adapted<O, B> = OptimizerAdaptor<O, CharLm<B>, B>;

/// The same expression for each kind.
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

impl<B: AutodiffBackend> Optimizer<B> {
    pub(crate) fn step(
        &mut self,
        learning_rate: f64,
        model: CharLm<B>,
        grads: GradientsParams,
    ) -> CharLm<B> {
        each!(self, optimizer => optimizer.step(learning_rate, model, grads))
    }

    /// What it remembers of each parameter: by the parameter's path, then the moment's name.
    pub(crate) fn moments(&self, model: &CharLm<B>) -> Tensors {
        each!(self, optimizer => moments(optimizer, model))
    }

    /// The names of all moments after the first update, and their shapes.
    pub(crate) fn layout(&self, parameters: &Layout) -> Layout {
        each!(self, optimizer => layout(optimizer, parameters))
    }

    /// Remembers what [`moments`](Self::moments) gave after so many updates.
    pub(crate) fn restore(&mut self, model: &CharLm<B>, moments: Tensors, updates: usize) {
        each!(self, optimizer => restore(optimizer, model, moments, updates));
    }
}

/// What an optimiser remembers of a parameter: tensors of its shape.
trait Moments<B: Backend>: SimpleOptimizer<B> {
    const NAMES: &[&str];

    fn take<const D: usize>(state: Self::State<D>) -> Vec<Tensor<B, D>>;

    /// The opposite of `take`, after so many updates. `next` gives one tensor after the other.
    fn put<const D: usize>(next: impl FnMut() -> Tensor<B, D>, updates: usize) -> Self::State<D>;
}

impl<B: Backend> Moments<B> for Adam {
    const NAMES: &[&str] = &["moment_1", "moment_2"];

    fn take<const D: usize>(state: AdamState<B, D>) -> Vec<Tensor<B, D>> {
        vec![state.momentum.moment_1, state.momentum.moment_2]
    }

    fn put<const D: usize>(
        mut next: impl FnMut() -> Tensor<B, D>,
        updates: usize,
    ) -> AdamState<B, D> {
        AdamState::new(AdaptiveMomentumState::new(updates, next(), next()))
    }
}

impl<B: Backend> Moments<B> for RmsProp {
    const NAMES: &[&str] = &["square_avg"];

    fn take<const D: usize>(state: RmsPropState<B, D>) -> Vec<Tensor<B, D>> {
        vec![state.square_avg.square_avg]
    }

    fn put<const D: usize>(mut next: impl FnMut() -> Tensor<B, D>, _: usize) -> RmsPropState<B, D> {
        let average = next();
        let centered = CenteredState::new(None, average.clone());
        RmsPropState::new(SquareAvgState::new(average), centered, None)
    }
}

impl<B: Backend> Moments<B> for Sgd<B> {
    const NAMES: &[&str] = &[];

    fn take<const D: usize>(_: SgdState<B, D>) -> Vec<Tensor<B, D>> {
        Vec::new()
    }

    fn put<const D: usize>(_: impl FnMut() -> Tensor<B, D>, _: usize) -> SgdState<B, D> {
        SgdState::new(None)
    }
}

/// Adagrad, `s ← s + g²`, `θ ← θ − γ·g / (√s + ε)`. Burn's own keeps its sum to itself, so that no
/// checkpoint could hold it.
#[derive(Clone)]
pub(crate) struct AdaGrad {
    epsilon: f64,
}

/// `s`.
#[derive(Record, Clone)]
pub(crate) struct AdaGradState<B: Backend, const D: usize> {
    sum: Tensor<B, D>,
}

impl<B: Backend> SimpleOptimizer<B> for AdaGrad {
    type State<const D: usize> = AdaGradState<B, D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        parameter: Tensor<B, D>,
        grad: Tensor<B, D>,
        state: Option<AdaGradState<B, D>>,
    ) -> (Tensor<B, D>, Option<AdaGradState<B, D>>) {
        let square = grad.clone().square();
        let sum = match state {
            Some(state) => state.sum + square,
            None => square,
        };
        let step = grad / (sum.clone().sqrt() + self.epsilon);
        let parameter = parameter - step * learning_rate;
        (parameter, Some(AdaGradState { sum }))
    }

    fn to_device<const D: usize>(
        state: AdaGradState<B, D>,
        device: &B::Device,
    ) -> AdaGradState<B, D> {
        AdaGradState {
            sum: state.sum.to_device(device),
        }
    }
}

impl<B: Backend> Moments<B> for AdaGrad {
    const NAMES: &[&str] = &["sum"];

    fn take<const D: usize>(state: AdaGradState<B, D>) -> Vec<Tensor<B, D>> {
        vec![state.sum]
    }

    fn put<const D: usize>(mut next: impl FnMut() -> Tensor<B, D>, _: usize) -> AdaGradState<B, D> {
        AdaGradState { sum: next() }
    }
}

/// Burn's record of an optimiser: what it remembers, by the parameter's id, which is drawn at random
/// when a model is made.
type Records<O, B> = <Adapted<O, B> as BurnOptimizer<CharLm<B>, B>>::Record;

fn moments<B: AutodiffBackend, O: Moments<B::InnerBackend>>(
    optimizer: &Adapted<O, B>,
    model: &CharLm<B>,
) -> Tensors {
    struct Take<O: Moments<B::InnerBackend>, B: AutodiffBackend> {
        names: HashMap<ParamId, String>,
        records: Records<O, B>,
        tensors: Tensors,
    }
    impl<O: Moments<B::InnerBackend>, B: AutodiffBackend> ModuleVisitor<B> for Take<O, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(record) = self.records.remove(&param.id) {
                let moments = O::take(record.into_state::<D>());
                for (moment, tensor) in O::NAMES.iter().zip(moments) {
                    let name = format!("{}.{moment}", self.names[&param.id]);
                    self.tensors.insert(name, tensor.into_data());
                }
            }
        }
    }
    let mut take = Take::<O, B> {
        names: tensors::names(model),
        records: optimizer.to_record(),
        tensors: Tensors::new(),
    };
    model.visit(&mut take);
    take.tensors
}

fn layout<B: AutodiffBackend, O: Moments<B::InnerBackend>>(
    _: &Adapted<O, B>,
    parameters: &Layout,
) -> Layout {
    let of_one = |(path, shape): (&String, &Vec<usize>)| {
        let moment = |name: &&str| (format!("{path}.{name}"), shape.clone());
        O::NAMES.iter().map(moment).collect::<Vec<_>>()
    };
    parameters.iter().flat_map(of_one).collect()
}

fn restore<B: AutodiffBackend, O: Moments<B::InnerBackend>>(
    optimizer: &mut Adapted<O, B>,
    model: &CharLm<B>,
    moments: Tensors,
    updates: usize,
) {
    struct Put<O: Moments<B::InnerBackend>, B: AutodiffBackend> {
        names: HashMap<ParamId, String>,
        records: Records<O, B>,
        tensors: Tensors,
        updates: usize,
    }
    impl<O: Moments<B::InnerBackend>, B: AutodiffBackend> ModuleVisitor<B> for Put<O, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let value = param.val();
            let options = (&value.device(), value.dtype());
            let mut names = O::NAMES.iter();
            let next = || {
                let moment = names.next().expect("a name for each moment");
                let name = format!("{}.{moment}", self.names[&param.id]);
                let data = self.tensors.remove(&name).expect("checked");
                Tensor::from_data(data, options)
            };
            let state = O::put::<D>(next, self.updates);
            let record = AdaptorRecord::from_state(state);
            self.records.insert(param.id, record);
        }
    }
    let mut put = Put::<O, B> {
        names: tensors::names(model),
        records: optimizer.to_record(),
        tensors: moments,
        updates,
    };
    model.visit(&mut put);
    *optimizer = optimizer.clone().load_record(put.records);
}
