//! Every element of every gradient against central differences, in f64.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{
        Int, Tensor, TensorData, activation::log_softmax, backend::AutodiffBackend, cast::ToElement,
    },
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CellKind, CharLmConfig, Initializer, Lstm, RecurrentState, Rnn};
use tests::{compare::Worst, network::Network, random::Random};

type B = Autodiff<NdArray<f64>>;

/// Half the distance of the two points of a central difference, and the relative error it may have:
/// at PyTorch's 1e-6 rounding dominates, near the cube root of 2⁻⁵³ it meets truncation.
const SCALES: [(f64, f64); 2] = [(1e-6, 1e-6), (1e-5, 1e-7)];

#[test]
fn rnn() {
    check_network::<Rnn<B>>(true);
    check_network::<Rnn<B>>(false);
}

#[test]
fn lstm() {
    check_network::<Lstm<B>>(true);
    check_network::<Lstm<B>>(false);
}

#[test]
fn char_lm_of_rnns() {
    check_char_lm(CellKind::Rnn, 3);
    check_char_lm(CellKind::Rnn, 0);
}

#[test]
fn char_lm_of_lstms() {
    check_char_lm(CellKind::Lstm, 3);
    check_char_lm(CellKind::Lstm, 0);
}

#[test]
#[should_panic(expected = "relative error")]
fn a_gradient_that_got_lost_is_found() {
    let w = Param::from_tensor(Random::new(0).tensor::<B, 1>([3]));
    check(w, |w| (w.val() * w.val().detach()).sum());
}

/// Checks the gradients of the weights, the input and the initial state under a loss that sees
/// outputs and final state.
fn check_network<N: Network<B> + Module<B>>(bias: bool) {
    let (batch, time, d_input, d_hidden) = (2, 5, 3, 4);
    let mut random = Random::new(1);
    let network = N::init(d_input, d_hidden, bias, 2);
    let x = Param::from_tensor(random.tensor::<B, 3>([batch, time, d_input]));
    let zeros = network.initial_state(batch);
    let state = zeros.map(&mut |_, zeros| random.tensor(zeros.dims()));
    let state: Vec<_> = state
        .tensors()
        .into_iter()
        .map(Param::from_tensor)
        .collect();
    let d_y: Tensor<B, 3> = random.tensor([batch, time, d_hidden]);
    let d_state: Vec<Tensor<B, 2>> = network
        .initial_state(batch)
        .tensors()
        .iter()
        .map(|tensor| random.tensor(tensor.dims()))
        .collect();

    // Parameters of one module: all that is to have a gradient.
    check((network, x, state), |(network, x, state)| {
        let initial = network
            .initial_state(1)
            .with_tensors(state.iter().map(Param::val).collect());
        let (y, last) = network.forward(x.val(), Some(initial));
        let loss = (y * d_y.clone()).sum();
        std::iter::zip(last.tensors(), d_state.clone())
            .fold(loss, |loss, (tensor, d)| loss + (tensor * d).sum())
    });
}

/// Checks the gradients of all parameters under the loss of training. One character occurs more
/// than once, and one never.
fn check_char_lm(cell: CellKind, d_embedding: usize) {
    let model = CharLmConfig::new(5)
        .with_cell(cell)
        .with_d_embedding(d_embedding)
        .with_d_hidden(4)
        .with_n_layers(2)
        // Large enough that gradients reach the lower layer with more than rounding errors.
        .with_initializer(Initializer::Uniform { bound: 1.0 })
        .init_seeded::<B>(3, &Default::default());
    let tokens = |tokens: [[i64; 4]; 2]| Tensor::<B, 2, Int>::from(tokens);
    let (inputs, targets) = (
        tokens([[0, 1, 1, 3], [3, 0, 1, 0]]),
        tokens([[1, 1, 3, 4], [0, 1, 0, 2]]),
    );

    check(model, |model| {
        let (logits, _) = model.forward(inputs.clone(), None);
        let log_p = log_softmax(logits, 2).gather(2, targets.clone().unsqueeze_dim(2));
        -log_p.mean()
    });
}

/// Asserts that the gradients of `loss` with respect to all parameters are its slopes.
fn check<M: Module<B>>(module: M, loss: impl Fn(&M) -> Tensor<B, 1>) {
    let mut gradients = Gradients {
        grads: loss(&module).backward(),
        path: Vec::new(),
        found: Vec::new(),
    };
    module.visit(&mut gradients);

    let module = module.no_grad();
    let at = |param, element, by| {
        let mut shift = Shift { param, element, by };
        loss(&module.clone().map(&mut shift)).into_scalar().to_f64()
    };
    for (epsilon, tolerance) in SCALES {
        let mut worst = Worst::default();
        for (param, (name, gradient)) in gradients.found.iter().enumerate() {
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

/// Finds the gradient of each parameter, in the order of the module.
struct Gradients {
    grads: <B as AutodiffBackend>::Gradients,
    path: Vec<String>,
    found: Vec<(String, TensorData)>,
}

impl ModuleVisitor<B> for Gradients {
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

impl ModuleMapper<B> for Shift {
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
