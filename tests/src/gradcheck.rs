//! Every element of every gradient against central differences, in f64.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Tensor, TensorData, backend::AutodiffBackend, cast::ToElement},
};
use models::{Lengths, RecurrentCell, RecurrentState};

use crate::{compare::Worst, random::Random};

/// Half the distance of the two points of a central difference, and the relative error it may have:
/// at PyTorch's 1e-6 rounding dominates, near the cube root of 2⁻⁵³ it meets truncation.
const SCALES: [(f64, f64); 2] = [(1e-6, 1e-6), (1e-5, 1e-7)];

/// Asserts that the gradients of `loss` with respect to all parameters are its slopes.
///
/// # Panics
///
/// Panics if one is not, or if a parameter has no gradient.
pub fn check<B: AutodiffBackend, M: Module<B>>(module: M, loss: impl Fn(&M) -> Tensor<B, 1>) {
    let gradients = gradients(&module, loss(&module).backward());
    let module = module.no_grad();
    let at = |param, element, by| {
        let mut shift = Shift { param, element, by };
        loss(&module.clone().map(&mut shift)).into_scalar().to_f64()
    };
    for (epsilon, tolerance) in SCALES {
        let mut worst = Worst::default();
        for (param, (name, gradient)) in gradients.iter().enumerate() {
            let slope = |element| {
                (at(param, element, epsilon) - at(param, element, -epsilon)) / (2.0 * epsilon)
            };
            let slopes: Vec<f64> = (0..gradient.num_elements()).map(slope).collect();
            let slopes = TensorData::new(slopes, gradient.shape.clone());
            worst.see(name, gradient, &slopes);
        }
        worst.assert_within(tolerance);
    }
}

/// Returns the gradient of each parameter with its name, in the order of the module.
///
/// # Panics
///
/// Panics if a parameter has no gradient.
pub fn gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    grads: B::Gradients,
) -> Vec<(String, TensorData)> {
    let mut gradients = Gradients::<B> {
        grads,
        path: Vec::new(),
        found: Vec::new(),
    };
    module.visit(&mut gradients);
    gradients.found
}

/// Finds the gradient of each parameter, in the order of the module.
struct Gradients<B: AutodiffBackend> {
    grads: B::Gradients,
    path: Vec<String>,
    found: Vec<(String, TensorData)>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Gradients<B> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let name = self.path.join(".");
        let gradient = param.val().grad(&self.grads);
        let gradient = gradient.unwrap_or_else(|| panic!("no gradient of {name}"));
        self.found.push((name, gradient.into_data()));
    }
}

/// Moves one element of one parameter; `param` counts down to it in the order of the module.
struct Shift {
    param: usize,
    element: usize,
    by: f64,
}

impl<B: AutodiffBackend> ModuleMapper<B> for Shift {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let here = self.param == 0;
        self.param = self.param.wrapping_sub(1);
        if !here {
            return param;
        }
        param.map(|tensor| {
            let (shape, options) = (tensor.shape(), (&tensor.device(), tensor.dtype()));
            let mut values: Vec<f64> = tensor.to_data().iter().collect();
            values[self.element] += self.by;
            Tensor::from_data(TensorData::new(values, shape), options)
        })
    }
}

/// Checks the gradients of all parameters, the input and the initial state of a cell under a loss that sees
/// outputs and final state.
///
/// # Panics
///
/// Panics if [`check`] does.
pub fn check_cell<B: AutodiffBackend, C: RecurrentCell<B> + Module<B>>(
    cell: C,
    d_input: usize,
    lengths: Option<&Lengths>,
) {
    let (batch, time) = (3, 5);
    let mut random = Random::new(1);
    let x = random.tensor::<B, 3>([batch, time, d_input]);
    let zeros = cell.initial_state(batch);
    let state = zeros.map(&mut |_, zeros| random.tensor(zeros.dims()));
    let state = state.tensors().into_iter();
    let state: Vec<_> = state.map(Param::from_tensor).collect();
    let run = |cell: &C, x: Tensor<B, 3>, state: &[Param<Tensor<B, 2>>]| {
        let state = state.iter().map(Param::val).collect();
        let initial = Some(cell.initial_state(batch).with_tensors(state));
        match lengths {
            Some(lengths) => cell.forward_padded(x, lengths, initial),
            None => cell.forward(x, initial),
        }
    };
    let (y, _) = run(&cell, x.clone(), &state);
    let d_y: Tensor<B, 3> = random.tensor(y.dims());
    let d_state: Vec<Tensor<B, 2>> = state.iter().map(|s| random.tensor(s.dims())).collect();

    // Parameters of one module: all that is to have a gradient.
    let module = (cell, Param::from_tensor(x), state);
    check::<B, _>(module, |(cell, x, state)| {
        let (y, last) = run(cell, x.val(), state);
        let loss = (y * d_y.clone()).sum();
        std::iter::zip(last.tensors(), d_state.clone())
            .fold(loss, |loss, (tensor, d)| loss + (tensor * d).sum())
    });
}
