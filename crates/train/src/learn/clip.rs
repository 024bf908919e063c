//! Gradient clipping.

use std::{fmt, str::FromStr};

use burn::{
    module::{AutodiffModule, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Tensor, backend::AutodiffBackend},
};

use crate::serde_text::serde_as_text;

/// How a gradient is clipped, so that one bad batch does not ruin the weights (Pascanu, Mikolov and Bengio
/// 2013).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// Not at all.
    Off,
    /// Each element to [−limit, limit], as char-rnn does.
    Value(f64),
    /// The gradient of all parameters together is scaled down to this Euclidean norm.
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

    /// Returns the factor that brings a gradient of this norm within the limit.
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

/// Clips the gradient, whose Euclidean norm is `norm`, in place.
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
