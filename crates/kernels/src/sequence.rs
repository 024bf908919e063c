//! What the forward passes of all recurrent layers share: a batch cut into shares for the threads,
//! each of which takes its sequences through all time steps without waiting for another.

use std::borrow::Cow;

use pulp::Simd;

use crate::{
    engine::Engine,
    gemm::{Columns, Packed, Sums, Tile, VECTORS, accumulate, for_each_tile, load},
};

/// The sizes of a batch of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Sequences.
    pub batch: usize,
    /// Steps of each.
    pub time: usize,
}

/// What goes into a layer.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// `[batch, time, d_input]`.
    Vectors(&'a [f32]),
    /// `[batch, time]` numbers of rows in a table, which stand for the input's part of the sums.
    Tokens(&'a [u32]),
}

impl<'a> Input<'a> {
    /// The part that belongs to some of the sequences.
    pub(crate) fn of(self, sequences: &std::ops::Range<usize>, per_sequence: usize) -> Self {
        let range = sequences.start * per_sequence..sequences.end * per_sequence;
        match self {
            Input::Vectors(values) => Input::Vectors(&values[range]),
            Input::Tokens(tokens) => Input::Tokens(&tokens[range]),
        }
    }
}

/// `Wx`, or the table that stands for it.
#[derive(Clone, Debug)]
enum InputWeights<'a> {
    Packed(Packed),
    Table(Cow<'a, [f32]>),
}

/// A layer's weights, packed for an engine.
#[derive(Clone, Debug)]
pub struct Weights<'a> {
    engine: Engine,
    gates: usize,
    d_input: usize,
    d_hidden: usize,
    input: InputWeights<'a>,
    wh: Packed,
    bias: Packed,
}

impl<'a> Weights<'a> {
    /// For vectors: `wx` is `[d_input, gates·d_hidden]`, `wh` `[d_hidden, gates·d_hidden]`, `b`
    /// `[gates·d_hidden]` or empty.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub(crate) fn new(
        engine: &Engine,
        gates: usize,
        d_hidden: usize,
        wx: &[f32],
        wh: &[f32],
        b: &[f32],
    ) -> Self {
        let d_input = wx.len() / (gates * d_hidden).max(1);
        assert_eq!(
            wx.len(),
            d_input * gates * d_hidden,
            "wx: [d_input, gates·d_hidden]"
        );
        let packed = Packed::new(engine, wx, d_input, columns(gates, d_hidden));
        Self::with(
            engine,
            gates,
            d_hidden,
            d_input,
            InputWeights::Packed(packed),
            wh,
            b,
        )
    }

    /// For tokens: `table` is `[vocabulary, gates·d_hidden]`, the row of a token its `x·Wx`.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub(crate) fn of_tokens(
        engine: &Engine,
        gates: usize,
        d_hidden: usize,
        table: Cow<'a, [f32]>,
        wh: &[f32],
        b: &[f32],
    ) -> Self {
        let vocabulary = table.len() / (gates * d_hidden).max(1);
        assert_eq!(
            table.len(),
            vocabulary * gates * d_hidden,
            "table: [vocabulary, gates·d_hidden]"
        );
        Self::with(
            engine,
            gates,
            d_hidden,
            1,
            InputWeights::Table(table),
            wh,
            b,
        )
    }

    fn with(
        engine: &Engine,
        gates: usize,
        d_hidden: usize,
        d_input: usize,
        input: InputWeights<'a>,
        wh: &[f32],
        b: &[f32],
    ) -> Self {
        let width = gates * d_hidden;
        assert_eq!(wh.len(), d_hidden * width, "wh: [d_hidden, gates·d_hidden]");
        let zeros;
        let b = match b.is_empty() {
            true => {
                zeros = vec![0.0; width];
                &zeros
            }
            false => b,
        };
        assert_eq!(b.len(), width, "b: [gates·d_hidden]");
        Weights {
            engine: *engine,
            gates,
            d_input,
            d_hidden,
            input,
            wh: Packed::new(engine, wh, d_hidden, columns(gates, d_hidden)),
            bias: Packed::new(engine, b, 1, columns(gates, d_hidden)),
        }
    }

    /// What it was packed for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Size of the hidden state.
    pub fn d_hidden(&self) -> usize {
        self.d_hidden
    }

    /// Numbers that the input has for each step: `d_input`, or 1 for a token.
    pub(crate) fn per_step(&self) -> usize {
        self.d_input
    }

    /// # Panics
    ///
    /// Panics if `input` and `h0` are not of this shape.
    pub(crate) fn check(&self, shape: Shape, input: Input, h0: &[f32]) {
        let Shape { batch, time } = shape;
        let steps = batch * time;
        match (input, &self.input) {
            (Input::Vectors(x), InputWeights::Packed(_)) => {
                assert_eq!(
                    x.len(),
                    steps * self.d_input,
                    "input: [batch, time, d_input]"
                );
            }
            (Input::Tokens(tokens), InputWeights::Table(table)) => {
                assert_eq!(tokens.len(), steps, "tokens: [batch, time]");
                let vocabulary = table.len() / (self.gates * self.d_hidden).max(1);
                let largest = tokens.iter().max().copied().unwrap_or(0);
                assert!(
                    steps == 0 || (largest as usize) < vocabulary,
                    "token {largest} with a table of {vocabulary} rows"
                );
            }
            _ => panic!("vectors go with Wx, tokens with a table"),
        }
        assert_eq!(h0.len(), batch * self.d_hidden, "h0: [batch, d_hidden]");
    }
}

fn columns(gates: usize, d_hidden: usize) -> Columns {
    match gates {
        1 => Columns::Plain,
        4 => Columns::FourGates(d_hidden),
        _ => unreachable!("a layer has one gate or four"),
    }
}

/// What makes a layer: how the sums of a step become its new state.
pub(crate) trait Cell<S: Simd> {
    /// Takes the sums of `M` rows in one panel, and writes `h` to `output`, `[sequences, time,
    /// d_hidden]`; `at` is (first row, time, panel).
    fn show<const M: usize>(
        &mut self,
        simd: S,
        sums: [Sums<S>; M],
        at: [usize; 3],
        output: &mut [f32],
    );
}

/// Takes some sequences through all time steps.
#[inline(always)]
pub(crate) fn forward<S: Simd>(
    simd: S,
    weights: &Weights,
    time: usize,
    input: Input,
    h0: &[f32],
    output: &mut [f32],
    cell: &mut impl Cell<S>,
) {
    let sequences = h0.len() / weights.d_hidden.max(1);
    for t in 0..time {
        for panel in 0..weights.wh.panels() {
            let mut step = Step {
                weights,
                time,
                input,
                h0,
                output,
                cell,
                t,
                panel,
            };
            for_each_tile(simd, sequences, &mut step);
        }
    }
}

struct Step<'a, 'w, C> {
    weights: &'a Weights<'w>,
    time: usize,
    input: Input<'a>,
    h0: &'a [f32],
    output: &'a mut [f32],
    cell: &'a mut C,
    t: usize,
    panel: usize,
}

impl<S: Simd, C: Cell<S>> Tile<S> for Step<'_, '_, C> {
    #[inline(always)]
    fn rows<const M: usize>(&mut self, simd: S, first: usize) {
        let Step {
            weights,
            time,
            t,
            panel,
            ..
        } = *self;
        let (d, h) = (weights.d_input, weights.d_hidden);
        let bias = weights.bias.panel::<S>(panel)[0];

        let mut sums = [bias; M];
        match (self.input, &weights.input) {
            (Input::Vectors(x), InputWeights::Packed(wx)) => {
                let rows = std::array::from_fn(|m| &x[((first + m) * time + t) * d..]);
                sums = accumulate(simd, sums, rows, wx.panel::<S>(panel));
            }
            (Input::Tokens(tokens), InputWeights::Table(table)) => {
                let width = weights.gates * h;
                for (m, sums) in sums.iter_mut().enumerate() {
                    let token = tokens[(first + m) * time + t] as usize;
                    let row = &table[token * width..][..width];
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let part = match weights.gates {
                            1 => load(simd, row, (panel * VECTORS + v) * S::F32_LANES),
                            _ => load(simd, &row[v * h..][..h], panel * S::F32_LANES),
                        };
                        *sum = simd.add_f32s(*sum, part);
                    }
                }
            }
            _ => unreachable!("checked"),
        }
        let before: [&[f32]; M] = std::array::from_fn(|m| match t {
            0 => &self.h0[(first + m) * h..],
            _ => &self.output[((first + m) * time + t - 1) * h..],
        });
        sums = accumulate(simd, sums, before, weights.wh.panel::<S>(panel));

        self.cell.show(simd, sums, [first, t, panel], self.output);
    }
}
