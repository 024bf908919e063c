//! A problem through the kernels.

use kernels::{Backward, Engine, Input, Isa, NeedsGrad, PackedLayer, Takes, WeightGradients};

use crate::{
    compare::Tensors,
    problem::{Problem, Values},
};

pub const ALL: NeedsGrad = NeedsGrad {
    input: true,
    weights: true,
};

pub fn engine(isa: Isa, threads: usize) -> Engine {
    Engine::new().with_isa(isa).with_threads(threads)
}

pub fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// A problem's f32s, as the kernels borrow them.
pub struct Slices {
    pub x: Vec<f32>,
    pub wx: Vec<f32>,
    pub wh: Vec<f32>,
    pub b: Vec<f32>,
    pub h0: Vec<f32>,
    pub c0: Vec<f32>,
    pub d_output: Vec<f32>,
    pub d_cell: Vec<f32>,
}

impl Slices {
    pub fn new(problem: &Problem) -> Self {
        Slices {
            x: match &problem.input {
                Values::Vectors(x) => f32s(x),
                Values::Tokens(_) => Vec::new(),
            },
            wx: f32s(&problem.wx),
            wh: f32s(&problem.wh),
            b: f32s(&problem.b),
            h0: f32s(&problem.h0),
            c0: f32s(&problem.c0),
            d_output: f32s(&problem.d_output),
            d_cell: f32s(&problem.d_cell),
        }
    }

    pub fn input<'a>(&'a self, problem: &'a Problem) -> Input<'a> {
        match &problem.input {
            Values::Vectors(_) => Input::Vectors(&self.x),
            Values::Tokens(tokens) => Input::Tokens(tokens),
        }
    }

    pub fn pack<'a>(&'a self, problem: &Problem, engine: &Engine) -> Box<dyn PackedLayer + 'a> {
        let Slices { wx, wh, b, .. } = self;
        let takes = match problem.input {
            Values::Vectors(_) => Takes::Vectors,
            Values::Tokens(_) => Takes::Tokens,
        };
        let kernel = problem.layer.kernel();
        kernel.pack(engine, takes, problem.d_hidden, wx.into(), wh, b)
    }

    /// `c0` and `d_cell`, empty for a cell that has no `c`.
    pub fn of_cell(&self, problem: &Problem) -> [&[f32]; 2] {
        match problem.layer.has_cell() {
            true => [&self.c0, &self.d_cell],
            false => [&[], &[]],
        }
    }

    /// The way back from `output`.
    pub fn backward<'a>(&'a self, problem: &'a Problem, output: &'a [f32]) -> Backward<'a> {
        let [_, d_cell] = self.of_cell(problem);
        Backward {
            shape: problem.shape,
            lengths: problem.lengths(),
            wx: &self.wx,
            wh: &self.wh,
            input: self.input(problem),
            h0: &self.h0,
            output,
            d_output: &self.d_output,
            d_cell,
        }
    }
}

/// Forward and backward: all that the reference computes, save what is not needed, which is empty.
pub fn run(problem: &Problem, engine: &Engine, needs: NeedsGrad) -> Tensors<f32> {
    let slices = &Slices::new(problem);
    let (shape, lengths) = (problem.shape, problem.lengths());
    let [c0, _] = slices.of_cell(problem);
    let layer = slices.pack(problem, engine);
    let input = slices.input(problem);
    let (output, saved) = layer.forward_padded(shape, lengths, input, &slices.h0, c0);
    let mut tensors = Tensors::default();
    let has_cell = problem.layer.has_cell();
    if has_cell {
        tensors.push("cell", saved.last_cell(lengths));
    }
    let backward = slices.backward(problem, &output);
    let kernel = problem.layer.kernel();
    let gradients = kernel.backward(engine, &backward, needs, saved);
    tensors.push("output", output);
    tensors.push("d_h0", gradients.d_h0);
    if has_cell {
        tensors.push("d_c0", gradients.d_c0);
    }
    let WeightGradients { input, wx, wh, b } = gradients.weights;
    tensors.push("d_input", input);
    tensors.push("d_wx", wx);
    tensors.push("d_wh", wh);
    tensors.push("d_b", b);
    tensors
}

/// `output` and, if there is one, the last `cell`, with nothing saved for a backward pass. The output for
/// padding is NaN.
pub fn infer(problem: &Problem, engine: &Engine) -> Tensors<f32> {
    let slices = Slices::new(problem);
    let (shape, input) = (problem.shape, slices.input(problem));
    let mut output = vec![f32::NAN; slices.d_output.len()];
    let mut cell = slices.of_cell(problem)[0].to_vec();
    let layer = slices.pack(problem, engine);
    let lengths = problem.lengths();
    layer.infer(shape, lengths, input, &slices.h0, &mut cell, &mut output);
    let mut tensors = Tensors::default();
    if problem.layer.has_cell() {
        tensors.push("cell", cell);
    }
    tensors.push("output", output);
    tensors
}
