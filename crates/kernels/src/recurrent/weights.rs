//! A layer's input, and its weights packed for an engine.

use std::borrow::Cow;

use super::cell::Gates;
use crate::{
    cpu::Engine,
    matmul::{Columns, Packed},
};

/// The sizes of a batch of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Sequences.
    pub batch: usize,
    /// Steps of each.
    pub time: usize,
}

/// The input of a layer.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// `[batch, time, d_input]`.
    Vectors(&'a [f32]),
    /// `[batch, time]` rows of a table, which holds the `x·Wx` of each token.
    Tokens(&'a [u32]),
}

impl<'a> Input<'a> {
    /// Returns the part that belongs to some of the sequences.
    pub(crate) fn of(self, sequences: &std::ops::Range<usize>, per_sequence: usize) -> Self {
        let range = sequences.start * per_sequence..sequences.end * per_sequence;
        match self {
            Input::Vectors(values) => Input::Vectors(&values[range]),
            Input::Tokens(tokens) => Input::Tokens(&tokens[range]),
        }
    }
}

/// `Wx`, or the table that takes its place.
#[derive(Clone, Debug)]
pub(super) enum InputWeights<'a> {
    Packed(Packed),
    Table(Cow<'a, [f32]>),
}

/// A layer's weights, packed for an engine.
#[derive(Clone, Debug)]
pub(crate) struct Weights<'a> {
    engine: Engine,
    pub(super) gates: Gates,
    pub(super) d_input: usize,
    pub(super) d_hidden: usize,
    pub(super) input: InputWeights<'a>,
    pub(super) wh: Packed,
    pub(super) bias: Packed,
    /// `[3·d_hidden]` or empty.
    pub(super) peepholes: Vec<f32>,
}

impl<'a> Weights<'a> {
    /// Packs weights for vectors: `wx` is `[d_input, gates·d_hidden]`, `wh` `[d_hidden, gates·d_hidden]` (or
    /// `None` if the sums do not see the hidden state), `b` `[biases·d_hidden]` or empty.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub(crate) fn new(
        engine: &Engine,
        gates: Gates,
        d_hidden: usize,
        wx: &[f32],
        wh: Option<&[f32]>,
        b: &[f32],
    ) -> Self {
        let d_input = wx.len() / (gates.count() * d_hidden).max(1);
        assert_eq!(
            wx.len(),
            d_input * gates.count() * d_hidden,
            "wx: [d_input, gates·d_hidden]"
        );
        let packed = Packed::new(engine, wx, d_input, columns(gates.count(), d_hidden));
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

    /// Packs weights for tokens: `table` is `[vocabulary, gates·d_hidden]`; the row of a token is its `x·Wx`.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub(crate) fn of_tokens(
        engine: &Engine,
        gates: Gates,
        d_hidden: usize,
        table: Cow<'a, [f32]>,
        wh: Option<&[f32]>,
        b: &[f32],
    ) -> Self {
        let vocabulary = table.len() / (gates.count() * d_hidden).max(1);
        assert_eq!(
            table.len(),
            vocabulary * gates.count() * d_hidden,
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
        gates: Gates,
        d_hidden: usize,
        d_input: usize,
        input: InputWeights<'a>,
        wh: Option<&[f32]>,
        b: &[f32],
    ) -> Self {
        let width = gates.count() * d_hidden;
        let depth = wh.map_or(0, |_| d_hidden);
        let wh = wh.unwrap_or_default();
        assert_eq!(wh.len(), depth * width, "wh: [d_hidden, gates·d_hidden]");
        let zeros;
        let biases = gates.biases() * d_hidden;
        let b = match b.is_empty() {
            true => {
                zeros = vec![0.0; biases];
                &zeros
            }
            false => b,
        };
        assert_eq!(b.len(), biases, "b: [biases·d_hidden]");
        let (b, peepholes) = b.split_at(gates.sums() * d_hidden);
        Weights {
            engine: *engine,
            gates,
            d_input,
            d_hidden,
            input,
            wh: Packed::new(engine, wh, depth, columns(gates.count(), d_hidden)),
            bias: Packed::new(engine, b, 1, columns(gates.sums(), d_hidden)),
            peepholes: peepholes.to_vec(),
        }
    }

    /// Returns the engine that the weights are packed for.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the size of the hidden state.
    pub(crate) fn d_hidden(&self) -> usize {
        self.d_hidden
    }

    /// Returns the number of input values per step: `d_input` for vectors, 1 for a token.
    pub(crate) fn per_step(&self) -> usize {
        self.d_input
    }

    /// Checks that `input` and `h0` have this shape.
    ///
    /// # Panics
    ///
    /// Panics if they do not.
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
                let vocabulary = table.len() / (self.gates.count() * self.d_hidden).max(1);
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

/// The columns of `blocks` of `d_hidden`.
fn columns(blocks: usize, d_hidden: usize) -> Columns {
    match blocks {
        1 => Columns::Plain,
        _ => Columns::Blocks(blocks, d_hidden),
    }
}
