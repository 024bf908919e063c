//! Limits on the gradient, so that one bad window does not throw the weights away
//! (Pascanu, Mikolov and Bengio 2013).

use std::{fmt, str::FromStr};

use burn::{
    module::{AutodiffModule, Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{
        ElementConversion, Tensor,
        backend::{AutodiffBackend, Backend},
    },
};

use crate::text_form::serde_as_text;

/// How a gradient is limited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// Not at all.
    Off,
    /// Each element to [−limit, limit], as char-rnn does.
    Value(f64),
    /// The whole gradient, all parameters together, is scaled down to this Euclidean norm.
    Norm(f64),
}

impl Clip {
    pub(crate) const RULE: &str = "must be LIMIT or value:LIMIT (each element), norm:LIMIT (all \
        together), with a limit above 0, or 0 (off)";

    pub(crate) fn is_valid(self) -> bool {
        match self {
            Clip::Off => true,
            Clip::Value(limit) | Clip::Norm(limit) => limit > 0.0 && limit.is_finite(),
        }
    }

    /// The factor that brings a gradient of this norm within the limit.
    fn scale(self, norm: f64) -> f64 {
        match self {
            Clip::Norm(limit) if norm > limit => limit / norm,
            _ => 1.0,
        }
    }
}

/// `5` and `value:5`, `norm:5`, `0`.
impl FromStr for Clip {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, limit) = text.split_once(':').unwrap_or(("value", text));
        let limit: f64 = limit.parse().map_err(|_| Clip::RULE)?;
        let clip = match kind {
            "value" | "norm" if limit == 0.0 => Clip::Off,
            "value" => Clip::Value(limit),
            "norm" => Clip::Norm(limit),
            _ => return Err(Clip::RULE),
        };
        if clip.is_valid() {
            Ok(clip)
        } else {
            Err(Clip::RULE)
        }
    }
}

impl fmt::Display for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clip::Off => write!(f, "0"),
            Clip::Value(limit) => write!(f, "value:{limit}"),
            Clip::Norm(limit) => write!(f, "norm:{limit}"),
        }
    }
}

serde_as_text!(Clip);

/// The Euclidean norm of the gradient of all of the model's parameters together.
pub fn global_norm<B: AutodiffBackend, M: AutodiffModule<B>>(
    model: &M,
    grads: &GradientsParams,
) -> f64 {
    struct Visitor<'a, B: AutodiffBackend> {
        grads: &'a GradientsParams,
        squares: Squares<B::InnerBackend>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Visitor<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(grad) = self.grads.get::<B::InnerBackend, D>(param.id) {
                self.squares.add(grad);
            }
        }
    }
    let mut visitor = Visitor {
        grads,
        squares: Squares(None),
    };
    model.visit(&mut visitor);
    visitor.squares.root()
}

/// The Euclidean norm of all of the model's parameters together.
pub fn weight_norm<B: Backend, M: Module<B>>(model: &M) -> f64 {
    let mut squares = Squares(None);
    model.visit(&mut squares);
    squares.root()
}

/// Whether all of the model's parameters are finite: `Σ 0·w` is 0, or NaN.
pub fn is_finite<B: Backend, M: Module<B>>(model: &M) -> bool {
    struct Zeros<B: Backend>(Option<Tensor<B, 1>>);
    impl<B: Backend> ModuleVisitor<B> for Zeros<B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let zero = param.val().mul_scalar(0.0).sum();
            self.0 = Some(match self.0.take() {
                Some(before) => before + zero,
                None => zero,
            });
        }
    }
    let mut zeros = Zeros(None);
    model.visit(&mut zeros);
    zeros
        .0
        .is_none_or(|sum| sum.into_scalar().elem::<f64>() == 0.0)
}

/// A sum of squares, on the device until its root is asked for.
struct Squares<B: Backend>(Option<Tensor<B, 1>>);

/// Visits the parameters themselves.
impl<B: Backend> ModuleVisitor<B> for Squares<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.add(param.val());
    }
}

impl<B: Backend> Squares<B> {
    fn add<const D: usize>(&mut self, tensor: Tensor<B, D>) {
        let sum = tensor.square().sum();
        self.0 = Some(match self.0.take() {
            Some(before) => before + sum,
            None => sum,
        });
    }

    fn root(self) -> f64 {
        self.0
            .map_or(0.0, |sum| sum.into_scalar().elem::<f64>().sqrt())
    }
}

/// Limits the gradient, whose norm is `norm`, in place.
pub fn clip<B: AutodiffBackend, M: AutodiffModule<B>>(
    clip: Clip,
    model: &M,
    norm: f64,
    grads: &mut GradientsParams,
) {
    struct Visitor<'a> {
        grads: &'a mut GradientsParams,
        clip: Clip,
        scale: f64,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(grad) = self.grads.remove::<B::InnerBackend, D>(param.id) {
                let grad = match self.clip {
                    Clip::Value(limit) => grad.clamp(-limit, limit),
                    _ => grad.mul_scalar(self.scale),
                };
                self.grads.register(param.id, grad);
            }
        }
    }
    let scale = clip.scale(norm);
    if matches!(clip, Clip::Value(_)) || scale < 1.0 {
        model.visit(&mut Visitor { grads, clip, scale });
    }
}
