//! Euclidean norms of gradients and weights.

use burn::{
    module::{AutodiffModule, Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{
        ElementConversion, Tensor,
        backend::{AutodiffBackend, Backend},
    },
};

/// Returns the Euclidean norm of the gradient of all of the model's parameters together.
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

/// Returns the Euclidean norm of all of the model's parameters together.
pub fn weight_norm<B: Backend, M: Module<B>>(model: &M) -> f64 {
    let mut squares = Squares(None);
    model.visit(&mut squares);
    squares.root()
}

/// Returns whether all of the model's parameters are finite: `Σ 0·w` is 0 if they are, and NaN otherwise.
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

/// A sum of squares, which stays on the device until its root is needed.
struct Squares<B: Backend>(Option<Tensor<B, 1>>);

/// Adds up the squares of the parameters.
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
