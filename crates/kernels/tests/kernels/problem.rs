//! What a layer is asked in a test: weights, input, state, and the gradient of a loss. All values are
//! f32s, held as f64 so that the reference takes exactly what the kernels take.

use std::ops::Range;

use kernels::{Kernel, Lengths, Shape, recurrent};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Lstm,
    PeepholeLstm,
    CoupledLstm,
    Gru,
    Rnn,
    ReluRnn,
    MinGru,
    MinLstm,
}

impl Layer {
    pub const ALL: [Layer; 8] = [
        Layer::Lstm,
        Layer::PeepholeLstm,
        Layer::CoupledLstm,
        Layer::Gru,
        Layer::Rnn,
        Layer::ReluRnn,
        Layer::MinGru,
        Layer::MinLstm,
    ];

    pub fn kernel(self) -> &'static dyn Kernel {
        match self {
            Layer::Lstm => recurrent::lstm::KERNEL,
            Layer::PeepholeLstm => recurrent::peephole_lstm::KERNEL,
            Layer::CoupledLstm => recurrent::coupled_lstm::KERNEL,
            Layer::Gru => recurrent::gru::KERNEL,
            Layer::Rnn => recurrent::rnn::KERNEL,
            Layer::ReluRnn => recurrent::rnn::RELU_KERNEL,
            Layer::MinGru => recurrent::min_gru::KERNEL,
            Layer::MinLstm => recurrent::min_lstm::KERNEL,
        }
    }

    pub fn gates(self) -> usize {
        match self {
            Layer::Lstm | Layer::PeepholeLstm => 4,
            Layer::CoupledLstm | Layer::Gru | Layer::MinLstm => 3,
            Layer::MinGru => 2,
            Layer::Rnn | Layer::ReluRnn => 1,
        }
    }

    /// The number of biases and peepholes for each number of the hidden state.
    pub fn biases(self) -> usize {
        match self {
            Layer::Gru => 4,
            Layer::PeepholeLstm => 7,
            _ => self.gates(),
        }
    }

    pub fn has_cell(self) -> bool {
        matches!(self, Layer::Lstm | Layer::PeepholeLstm | Layer::CoupledLstm)
    }

    /// Whether the sums see the hidden state.
    pub fn has_wh(self) -> bool {
        !matches!(self, Layer::MinGru | Layer::MinLstm)
    }
}

#[derive(Clone, Debug)]
pub enum Values {
    /// `[batch, time, d_input]`
    Vectors(Vec<f64>),
    /// `[batch, time]`
    Tokens(Vec<u32>),
}

#[derive(Clone, Debug)]
pub struct Problem {
    pub layer: Layer,
    pub shape: Shape,
    /// `[batch]`, the longest first; `None` if all sequences have all steps.
    pub lengths: Option<Vec<usize>>,
    /// For tokens the rows of the table.
    pub d_input: usize,
    pub d_hidden: usize,
    pub input: Values,
    /// `[d_input, gates·d_hidden]`; for tokens the table.
    pub wx: Vec<f64>,
    /// `[d_hidden, gates·d_hidden]`, or empty.
    pub wh: Vec<f64>,
    /// `[biases·d_hidden]` or empty.
    pub b: Vec<f64>,
    /// `[batch, d_hidden]`
    pub h0: Vec<f64>,
    /// `[batch, d_hidden]`; a cell without `c` ignores it.
    pub c0: Vec<f64>,
    /// `[batch, time, d_hidden]`
    pub d_output: Vec<f64>,
    /// `[batch, d_hidden]`; a cell without `c` ignores it.
    pub d_cell: Vec<f64>,
}

impl Problem {
    pub fn lengths(&self) -> Lengths<'_> {
        match &self.lengths {
            Some(lengths) => Lengths::descending(lengths),
            None => Lengths::ALL,
        }
    }

    pub fn width(&self) -> usize {
        self.layer.gates() * self.d_hidden
    }

    /// Some of the sequences alone.
    pub fn sequences(&self, range: Range<usize>) -> Problem {
        let Shape { batch, time } = self.shape;
        fn rows<T: Clone>(values: &[T], batch: usize, range: &Range<usize>) -> Vec<T> {
            let each = values.len() / batch;
            values[range.start * each..range.end * each].to_vec()
        }
        let cut = |values: &[f64]| rows(values, batch, &range);
        Problem {
            shape: Shape {
                batch: range.len(),
                time,
            },
            input: match &self.input {
                Values::Vectors(x) => Values::Vectors(cut(x)),
                Values::Tokens(tokens) => Values::Tokens(rows(tokens, batch, &range)),
            },
            h0: cut(&self.h0),
            c0: cut(&self.c0),
            d_output: cut(&self.d_output),
            d_cell: cut(&self.d_cell),
            ..self.clone()
        }
    }

    /// Some of the steps alone, from the same state.
    pub fn steps(&self, range: Range<usize>) -> Problem {
        let Shape { batch, time } = self.shape;
        fn steps<T: Clone>(values: &[T], sizes: [usize; 2], range: &Range<usize>) -> Vec<T> {
            let [batch, time] = sizes;
            let each = values.len() / (batch * time);
            let sequences = values.chunks_exact(time * each);
            let part = |sequence: &[T]| sequence[range.start * each..range.end * each].to_vec();
            sequences.flat_map(part).collect()
        }
        let sizes = [batch, time];
        Problem {
            shape: Shape {
                batch,
                time: range.len(),
            },
            input: match &self.input {
                Values::Vectors(x) => Values::Vectors(steps(x, sizes, &range)),
                Values::Tokens(tokens) => Values::Tokens(steps(tokens, sizes, &range)),
            },
            d_output: steps(&self.d_output, sizes, &range),
            ..self.clone()
        }
    }
}

/// How to draw a problem.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub layer: Layer,
    pub batch: usize,
    pub time: usize,
    pub d_input: usize,
    pub d_hidden: usize,
    pub tokens: bool,
    pub bias: bool,
    /// Zeros without it; so for the two below.
    pub initial_state: bool,
    pub d_output: bool,
    pub d_cell: bool,
    /// Input and state are drawn from ± this.
    pub input_scale: f64,
    /// Weights are drawn from ± this.
    pub weight_scale: f64,
    pub seed: u64,
}

impl Recipe {
    /// Everything present, weights as a layer has them at first: ± 1/√d_hidden.
    pub fn new(layer: Layer, [batch, time, d_input, d_hidden]: [usize; 4]) -> Self {
        Recipe {
            layer,
            batch,
            time,
            d_input,
            d_hidden,
            tokens: false,
            bias: true,
            initial_state: true,
            d_output: true,
            d_cell: true,
            input_scale: 1.0,
            weight_scale: 1.0 / (d_hidden as f64).sqrt(),
            seed: 1,
        }
    }

    pub fn with_tokens(self) -> Self {
        Recipe {
            tokens: true,
            ..self
        }
    }

    pub fn problem(&self) -> Problem {
        let mut random = Random::new(self.seed);
        let (steps, h) = (self.batch * self.time, self.d_hidden);
        let width = self.layer.gates() * h;
        let (input, weight) = (self.input_scale, self.weight_scale);
        let given = |is: bool, scale: f64| if is { scale } else { 0.0 };
        Problem {
            layer: self.layer,
            shape: Shape {
                batch: self.batch,
                time: self.time,
            },
            lengths: None,
            d_input: self.d_input,
            d_hidden: h,
            input: match self.tokens {
                true => Values::Tokens(random.tokens(steps, self.d_input)),
                false => Values::Vectors(random.values(steps * self.d_input, input)),
            },
            wx: random.values(self.d_input * width, weight),
            wh: match self.layer.has_wh() {
                true => random.values(h * width, weight),
                false => Vec::new(),
            },
            b: match self.bias {
                true => random.values(self.layer.biases() * h, weight),
                false => Vec::new(),
            },
            h0: random.values(self.batch * h, given(self.initial_state, input)),
            c0: random.values(self.batch * h, given(self.initial_state, input)),
            d_output: random.values(steps * h, given(self.d_output, 1.0)),
            d_cell: random.values(self.batch * h, given(self.d_cell, 1.0)),
        }
    }
}

/// A stream of numbers that its seed decides.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// f32s from ±`scale`.
    pub fn values(&mut self, n: usize, scale: f64) -> Vec<f64> {
        let draw = |_| scale * (2.0 * self.0.random::<f64>() - 1.0);
        (0..n).map(draw).map(|x| f64::from(x as f32)).collect()
    }

    pub fn tokens(&mut self, n: usize, vocabulary: usize) -> Vec<u32> {
        let draw = |_| self.0.random_range(0..vocabulary as u32);
        (0..n).map(draw).collect()
    }
}
