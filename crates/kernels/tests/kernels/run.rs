//! A problem through the kernels.

use kernels::{
    Backward, Engine, Gru, Input, Isa, Layer, Lstm, NeedsGrad, Rnn, WeightGradients,
    recurrent::Cell,
};

use crate::{
    compare::Tensors,
    problem::{self, Problem, Values},
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

    pub fn pack<'a, C: Cell>(&'a self, problem: &Problem, engine: &Engine) -> Layer<'a, C> {
        let Slices { wx, wh, b, .. } = self;
        match problem.input {
            Values::Vectors(_) => Layer::new(engine, problem.d_hidden, wx, wh, b),
            Values::Tokens(_) => Layer::of_tokens(engine, problem.d_hidden, wx, wh, b),
        }
    }
}

/// Forward and backward: all that the reference computes, save what is not needed, which is empty.
pub fn run(problem: &Problem, engine: &Engine, needs: NeedsGrad) -> Tensors<f32> {
    match problem.layer {
        problem::Layer::Lstm => run_as::<Lstm>(problem, engine, needs),
        problem::Layer::Gru => run_as::<Gru>(problem, engine, needs),
        problem::Layer::Rnn => run_as::<Rnn>(problem, engine, needs),
    }
}

fn run_as<C: Cell>(problem: &Problem, engine: &Engine, needs: NeedsGrad) -> Tensors<f32> {
    let slices = &Slices::new(problem);
    let (shape, input) = (problem.shape, slices.input(problem));
    let (c0, d_cell) = match C::HAS_CELL {
        true => (&slices.c0[..], &slices.d_cell[..]),
        false => (&[][..], &[][..]),
    };
    let layer = slices.pack::<C>(problem, engine);
    let (output, saved) = layer.forward(shape, input, &slices.h0, c0);
    let mut tensors = Tensors::default();
    if C::HAS_CELL {
        tensors.push("cell", saved.last_cell());
    }
    let backward = Backward {
        shape,
        wx: &slices.wx,
        wh: &slices.wh,
        input,
        h0: &slices.h0,
        output: &output,
        d_output: &slices.d_output,
        d_cell,
    };
    let gradients = backward.run::<C>(engine, needs, saved);
    tensors.push("output", output);
    tensors.push("d_h0", gradients.d_h0);
    if C::HAS_CELL {
        tensors.push("d_c0", gradients.d_c0);
    }
    let WeightGradients { input, wx, wh, b } = gradients.weights;
    tensors.push("d_input", input);
    tensors.push("d_wx", wx);
    tensors.push("d_wh", wh);
    tensors.push("d_b", b);
    tensors
}

/// `output` and, for an LSTM, the last `cell`, with nothing saved for a backward pass.
pub fn infer(problem: &Problem, engine: &Engine) -> Tensors<f32> {
    match problem.layer {
        problem::Layer::Lstm => infer_as::<Lstm>(problem, engine),
        problem::Layer::Gru => infer_as::<Gru>(problem, engine),
        problem::Layer::Rnn => infer_as::<Rnn>(problem, engine),
    }
}

fn infer_as<C: Cell>(problem: &Problem, engine: &Engine) -> Tensors<f32> {
    let slices = Slices::new(problem);
    let (shape, input) = (problem.shape, slices.input(problem));
    let mut output = vec![f32::NAN; slices.d_output.len()];
    let mut cell = match C::HAS_CELL {
        true => slices.c0.clone(),
        false => Vec::new(),
    };
    let layer = slices.pack::<C>(problem, engine);
    layer.infer(shape, input, &slices.h0, &mut cell, &mut output);
    let mut tensors = Tensors::default();
    if C::HAS_CELL {
        tensors.push("cell", cell);
    }
    tensors.push("output", output);
    tensors
}
