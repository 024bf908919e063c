//! A problem through the kernels.

use kernels::{Engine, Input, Isa, Wanted, WeightGradients, lstm, rnn};

use crate::{
    compare::Tensors,
    problem::{Layer, Problem, Values},
};

pub const ALL: Wanted = Wanted {
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

    pub fn lstm<'a>(&'a self, problem: &Problem, engine: &Engine) -> lstm::Lstm<'a> {
        let Slices { wx, wh, b, .. } = self;
        match problem.input {
            Values::Vectors(_) => lstm::Lstm::new(engine, problem.d_hidden, wx, wh, b),
            Values::Tokens(_) => lstm::Lstm::of_tokens(engine, problem.d_hidden, wx, wh, b),
        }
    }

    pub fn rnn<'a>(&'a self, problem: &Problem, engine: &Engine) -> rnn::Rnn<'a> {
        let Slices { wx, wh, b, .. } = self;
        match problem.input {
            Values::Vectors(_) => rnn::Rnn::new(engine, problem.d_hidden, wx, wh, b),
            Values::Tokens(_) => rnn::Rnn::of_tokens(engine, problem.d_hidden, wx, wh, b),
        }
    }
}

/// Forward and backward: all that the reference gives, save what is not wanted, which is empty.
pub fn run(problem: &Problem, engine: &Engine, wanted: Wanted) -> Tensors<f32> {
    let slices = &Slices::new(problem);
    let (shape, input) = (problem.shape, slices.input(problem));
    let Slices {
        wx,
        wh,
        h0,
        c0,
        d_output,
        d_cell,
        ..
    } = slices;
    let mut tensors = Tensors::default();
    let WeightGradients { input, wx, wh, b } = match problem.layer {
        Layer::Lstm => {
            let (output, saved) = slices.lstm(problem, engine).forward(shape, input, h0, c0);
            tensors.push("cell", saved.last_cell());
            let back = lstm::Backward {
                shape,
                wx,
                wh,
                input,
                h0,
                output: &output,
                d_output,
                d_cell,
            };
            let gradients = back.run(engine, wanted, saved);
            tensors.push("output", output);
            tensors.push("d_h0", gradients.d_h0);
            tensors.push("d_c0", gradients.d_c0);
            gradients.weights
        }
        Layer::Rnn => {
            let steps = shape.batch * shape.time;
            let mut output = vec![f32::NAN; steps * problem.d_hidden];
            slices
                .rnn(problem, engine)
                .forward(shape, input, h0, &mut output);
            let back = rnn::Backward {
                shape,
                wx,
                wh,
                input,
                h0,
                output: &output,
                d_output,
            };
            let gradients = back.run(engine, wanted);
            tensors.push("output", output);
            tensors.push("d_h0", gradients.d_h0);
            gradients.weights
        }
    };
    tensors.push("d_input", input);
    tensors.push("d_wx", wx);
    tensors.push("d_wh", wh);
    tensors.push("d_b", b);
    tensors
}

/// `output` and, of an LSTM, the last `cell`, with nothing kept for a way back.
pub fn infer(problem: &Problem, engine: &Engine) -> Tensors<f32> {
    let slices = Slices::new(problem);
    let (shape, input) = (problem.shape, slices.input(problem));
    let mut output = vec![f32::NAN; slices.d_output.len()];
    let mut tensors = Tensors::default();
    match problem.layer {
        Layer::Lstm => {
            let lstm = slices.lstm(problem, engine);
            let mut cell = slices.c0.clone();
            lstm.infer(shape, input, &slices.h0, &mut cell, &mut output);
            tensors.push("cell", cell);
        }
        Layer::Rnn => {
            let rnn = slices.rnn(problem, engine);
            rnn.forward(shape, input, &slices.h0, &mut output);
        }
    }
    tensors.push("output", output);
    tensors
}
