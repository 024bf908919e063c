//! A network prepared to run one step at a time: its weights are packed once, its state stays inside, and
//! a step allocates nothing and wakes no other thread.

use std::{borrow::Cow, sync::Arc};

use crate::{
    cpu::{Engine, Isa},
    linear_cross_entropy,
    matmul::{Columns, Packed},
    recurrent::{Input, Kernel, PackedLayer, Takes},
};

/// The weights of a layer, as [`Layer::new`](crate::Layer::new) takes them. In the first layer of a
/// network of tokens, `wx` is the table.
#[derive(Clone, Copy, Debug)]
pub struct LayerWeights<'a> {
    /// Which cell the layer is: [`Lstm`](crate::Lstm), [`Rnn`](crate::Rnn), …
    pub kernel: &'static dyn Kernel,
    /// Size of the hidden state.
    pub d_hidden: usize,
    /// `[d_input, gates·d_hidden]`, or the table `[vocabulary, gates·d_hidden]`.
    pub wx: &'a [f32],
    /// `[d_hidden, gates·d_hidden]`
    pub wh: &'a [f32],
    /// `[biases·d_hidden]`, or empty.
    pub b: &'a [f32],
}

/// Layers, and a head if there is one, that run one step at a time.
///
/// ```
/// use kernels::{LayerWeights, Rnn, Stepper, Takes};
///
/// // One layer of the plain network: h = tanh(x·0.5 + h·0.25), from a state of zero.
/// let layer = LayerWeights { kernel: &Rnn, d_hidden: 1, wx: &[0.5], wh: &[0.25], b: &[] };
/// let mut network = Stepper::new(1, Takes::Vectors, &[layer], None);
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
    takes: Takes,
    layers: Vec<Layer>,
    head: Option<(Packed, Vec<f32>)>,
}

#[derive(Clone, Debug)]
struct Layer {
    weights: Arc<dyn PackedLayer>,
    /// `[batch, d_hidden]`
    hidden: Vec<f32>,
    /// `[batch, d_hidden]`: room for the next hidden state.
    next: Vec<f32>,
    /// `[batch, d_hidden]`; empty for a cell without `c`.
    cell: Vec<f32>,
}

impl Stepper {
    /// Packs layers, from the input upwards, and a head (`[d_hidden, n]` and bias `[n]`) for `batch`
    /// sequences, which start from a state of zeros.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree.
    pub fn new(
        batch: usize,
        takes: Takes,
        layers: &[LayerWeights],
        head: Option<(&[f32], &[f32])>,
    ) -> Self {
        let engine = Engine::new();
        let layer = |(i, layer): (usize, &LayerWeights)| {
            let LayerWeights {
                kernel,
                d_hidden,
                wx,
                wh,
                b,
            } = *layer;
            let takes = if i == 0 { takes } else { Takes::Vectors };
            let wx = Cow::Owned(wx.to_vec());
            let zeros = vec![0.0; batch * d_hidden];
            Layer {
                weights: kernel.pack(&engine, takes, d_hidden, wx, wh, b).into(),
                hidden: zeros.clone(),
                next: zeros.clone(),
                cell: if kernel.has_cell() { zeros } else { Vec::new() },
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
            takes,
            layers,
            head,
        }
    }

    /// Runs one step: `x` is `[batch, d_input]`; `y` becomes the top layer's `h`, or the head's scores.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree, or this is a network of tokens.
    pub fn step(&mut self, x: &[f32], y: &mut [f32]) {
        assert_eq!(self.takes, Takes::Vectors, "this network takes tokens");
        self.run(Input::Vectors(x), y);
    }

    /// Runs one step: `tokens` is `[batch]`; `y` becomes the top layer's `h`, or the head's scores.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree, a token is not in the table, or this is a network of
    /// vectors.
    pub fn step_tokens(&mut self, tokens: &[u32], y: &mut [f32]) {
        assert_eq!(self.takes, Takes::Tokens, "this network takes vectors");
        self.run(Input::Tokens(tokens), y);
    }

    fn run(&mut self, x: Input, y: &mut [f32]) {
        let mut below: Option<&[f32]> = None;
        for layer in &mut self.layers {
            let input = below.map_or(x, Input::Vectors);
            layer.weights.step(
                self.batch,
                input,
                &layer.hidden,
                &mut layer.cell,
                &mut layer.next,
            );
            std::mem::swap(&mut layer.hidden, &mut layer.next);
            below = Some(&layer.hidden);
        }
        let top = below.unwrap_or_default();
        match &self.head {
            Some((weight, bias)) => {
                assert_eq!(y.len(), self.batch * bias.len(), "y: [batch, n]");
                linear_cross_entropy::product(self.isa, top, weight, bias, y);
            }
            None => {
                assert_eq!(y.len(), top.len(), "y: [batch, d_hidden]");
                y.copy_from_slice(top);
            }
        }
    }

    /// Returns the number of values that a step writes.
    pub fn output_len(&self) -> usize {
        match &self.head {
            Some((_, bias)) => self.batch * bias.len(),
            None => self.layers.last().map_or(0, |layer| layer.hidden.len()),
        }
    }

    /// Returns the state: `h` of each layer, followed by its `c` if it has one, `[batch, d_hidden]` each.
    pub fn state(&self) -> impl Iterator<Item = &[f32]> {
        let layers = self.layers.iter();
        let both = layers.flat_map(|layer| [&layer.hidden[..], &layer.cell[..]]);
        both.filter(|state| !state.is_empty())
    }

    /// Returns the state as mutable slices, in the order of [`state`](Self::state).
    pub fn state_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let layers = self.layers.iter_mut();
        let both = layers.flat_map(|layer| [&mut layer.hidden[..], &mut layer.cell[..]]);
        both.filter(|state| !state.is_empty())
    }

    /// Resets the state to zeros.
    pub fn reset(&mut self) {
        self.state_mut().for_each(|state| state.fill(0.0));
    }
}
