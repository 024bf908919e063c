//! A network compiled for one step at a time: weights packed once, the state inside, nothing allocated
//! and no other thread woken by a step.

use crate::{
    engine::{Engine, Isa},
    gemm::{Columns, Packed},
    head,
    lstm::Lstm,
    rnn::Rnn,
    sequence::Input,
};

/// The weights of a layer, as [`Lstm::new`] and [`Rnn::new`] take them. Of the first layer of a network
/// of tokens, `wx` is the table.
#[derive(Clone, Copy, Debug)]
pub struct LayerWeights<'a> {
    /// Which network it is.
    pub cell: CellKind,
    /// Size of the hidden state.
    pub d_hidden: usize,
    /// `[d_input, gates·d_hidden]`, or the table `[vocabulary, gates·d_hidden]`.
    pub wx: &'a [f32],
    /// `[d_hidden, gates·d_hidden]`
    pub wh: &'a [f32],
    /// `[gates·d_hidden]`, or empty.
    pub b: &'a [f32],
}

/// Which network a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// [`Rnn`]
    Rnn,
    /// [`Lstm`]
    Lstm,
}

/// What a network takes in at each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Vectors, `[batch, d_input]`.
    Vectors,
    /// Tokens, `[batch]`, rows of the table that the first layer has for `Wx`.
    Tokens,
}

/// Layers, and perhaps a head, that run one step at a time.
///
/// ```
/// use kernels::stepper::{CellKind, Front, LayerWeights, Stepper};
///
/// // One layer of the plain network: h = tanh(x·0.5 + h·0.25), from a state of zero.
/// let layer = LayerWeights { cell: CellKind::Rnn, d_hidden: 1, wx: &[0.5], wh: &[0.25], b: &[] };
/// let mut network = Stepper::new(1, Front::Vectors, &[layer], None);
///
/// let mut y = [0.0];
/// network.step(&[2.0], &mut y);
/// assert!((y[0] - 1.0_f32.tanh()).abs() < 1e-6);
/// network.step(&[0.0], &mut y);
/// assert!((y[0] - (0.25 * 1.0_f32.tanh()).tanh()).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct Stepper {
    isa: Isa,
    batch: usize,
    front: Front,
    layers: Vec<Layer>,
    head: Option<(Packed, Vec<f32>)>,
}

#[derive(Clone, Debug)]
struct Layer {
    weights: Cell,
    /// `[batch, d_hidden]`, and as much again for the next.
    hidden: Vec<f32>,
    next: Vec<f32>,
    /// `[batch, d_hidden]`; of the plain network empty.
    cell: Vec<f32>,
}

#[derive(Clone, Debug)]
enum Cell {
    Rnn(Rnn<'static>),
    Lstm(Lstm<'static>),
}

impl Stepper {
    /// Packs layers, from the input upwards, and a head (`[d_hidden, n]` and bias `[n]`), for `batch`
    /// sequences at once. They start from a state of zeros.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree.
    pub fn new(
        batch: usize,
        front: Front,
        layers: &[LayerWeights],
        head: Option<(&[f32], &[f32])>,
    ) -> Self {
        let engine = Engine::new();
        let layer = |(i, layer): (usize, &LayerWeights)| {
            let LayerWeights {
                cell,
                d_hidden,
                wx,
                wh,
                b,
            } = *layer;
            let table = || wx.to_vec();
            let weights = match (cell, i == 0 && front == Front::Tokens) {
                (CellKind::Rnn, false) => Cell::Rnn(Rnn::new(&engine, d_hidden, wx, wh, b)),
                (CellKind::Rnn, true) => {
                    Cell::Rnn(Rnn::of_tokens(&engine, d_hidden, table(), wh, b))
                }
                (CellKind::Lstm, false) => Cell::Lstm(Lstm::new(&engine, d_hidden, wx, wh, b)),
                (CellKind::Lstm, true) => {
                    Cell::Lstm(Lstm::of_tokens(&engine, d_hidden, table(), wh, b))
                }
            };
            let zeros = vec![0.0; batch * d_hidden];
            Layer {
                weights,
                hidden: zeros.clone(),
                next: zeros.clone(),
                cell: if cell == CellKind::Lstm {
                    zeros
                } else {
                    Vec::new()
                },
            }
        };
        let layers: Vec<Layer> = layers.iter().enumerate().map(layer).collect();
        let head = head.map(|(weight, bias)| {
            let d_hidden = weight.len() / bias.len().max(1);
            let top = layers.last().map_or(0, |layer| layer.hidden.len());
            assert_eq!(weight.len(), d_hidden * bias.len(), "head: [d_hidden, n]");
            assert_eq!(top, batch * d_hidden, "head: [d_hidden, n]");
            (
                Packed::new(&engine, weight, d_hidden, Columns::Plain),
                bias.to_vec(),
            )
        });
        Stepper {
            isa: engine.isa(),
            batch,
            front,
            layers,
            head,
        }
    }

    /// One step: `[batch, d_input]` in, the top layer's `h` or the head's scores out.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree, or this is a network of tokens.
    pub fn step(&mut self, x: &[f32], y: &mut [f32]) {
        assert_eq!(self.front, Front::Vectors, "this network takes tokens");
        self.run(Input::Vectors(x), y);
    }

    /// One step: `[batch]` tokens in, the top layer's `h` or the head's scores out.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree, a token is not in the table, or this is a network of
    /// vectors.
    pub fn step_tokens(&mut self, tokens: &[u32], y: &mut [f32]) {
        assert_eq!(self.front, Front::Tokens, "this network takes vectors");
        self.run(Input::Tokens(tokens), y);
    }

    fn run(&mut self, x: Input, y: &mut [f32]) {
        let mut below: Option<&[f32]> = None;
        for layer in &mut self.layers {
            let input = below.map_or(x, Input::Vectors);
            match &layer.weights {
                Cell::Rnn(rnn) => rnn.step(self.batch, input, &layer.hidden, &mut layer.next),
                Cell::Lstm(lstm) => {
                    lstm.step(
                        self.batch,
                        input,
                        &layer.hidden,
                        &mut layer.cell,
                        &mut layer.next,
                    );
                }
            }
            std::mem::swap(&mut layer.hidden, &mut layer.next);
            below = Some(&layer.hidden);
        }
        let top = below.unwrap_or_default();
        match &self.head {
            Some((weight, bias)) => {
                assert_eq!(y.len(), self.batch * bias.len(), "y: [batch, n]");
                head::product(self.isa, top, weight, bias, y);
            }
            None => y.copy_from_slice(top),
        }
    }

    /// Numbers in what a step gives.
    pub fn output_len(&self) -> usize {
        match &self.head {
            Some((_, bias)) => self.batch * bias.len(),
            None => self.layers.last().map_or(0, |layer| layer.hidden.len()),
        }
    }

    /// The state: of each layer `h`, of an Lstm `c` after it, `[batch, d_hidden]` each.
    pub fn state(&self) -> impl Iterator<Item = &[f32]> {
        let layers = self.layers.iter();
        let both = layers.flat_map(|layer| [&layer.hidden[..], &layer.cell[..]]);
        both.filter(|state| !state.is_empty())
    }

    /// The same, to be written.
    pub fn state_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let layers = self.layers.iter_mut();
        let both = layers.flat_map(|layer| [&mut layer.hidden[..], &mut layer.cell[..]]);
        both.filter(|state| !state.is_empty())
    }

    /// Back to a state of zeros.
    pub fn reset(&mut self) {
        self.state_mut().for_each(|state| state.fill(0.0));
    }
}
