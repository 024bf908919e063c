//! A trained network in real time: one step at a time on slices, without tensors and without a graph.
//!
//! ```
//! use burn_ndarray::NdArray;
//! use models::CharLmConfig;
//!
//! let model = CharLmConfig::new(65).init::<NdArray>(&Default::default());
//! let mut stepper = model.stepper(1); // one text
//! let mut logits = vec![0.0; 65];
//! for token in [20, 43, 50] {
//!     stepper.step_tokens(&[token], &mut logits); // now `logits` scores what follows it
//! }
//! ```
//!
//! It runs on the processor, in 32-bit floats, whatever backend and precision the weights come from.

use burn::tensor::{Tensor, backend::Backend};
use kernels::stepper::{self, Front, LayerWeights};

pub use kernels::stepper::Stepper;

use crate::{
    char_lm::CharLm,
    lstm::Lstm,
    rnn::Rnn,
    stack::{Layer, Stack},
};

/// A layer's weights on the host.
struct HostWeights {
    cell: stepper::CellKind,
    d_hidden: usize,
    wx: Vec<f32>,
    wh: Vec<f32>,
    b: Vec<f32>,
}

impl HostWeights {
    /// `wx` as it is, or what `table` makes of it.
    fn of_layer<B: Backend>(
        layer: &Layer<B>,
        table: impl FnOnce(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Self {
        match layer {
            Layer::Rnn(rnn) => Self::of_rnn(rnn, table),
            Layer::Lstm(lstm) => Self::of_lstm(lstm, table),
        }
    }

    fn of_rnn<B: Backend>(rnn: &Rnn<B>, table: impl FnOnce(Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        HostWeights {
            cell: stepper::CellKind::Rnn,
            d_hidden: rnn.wh.dims()[0],
            wx: values(table(rnn.wx.val())),
            wh: values(rnn.wh.val()),
            b: rnn.b.as_ref().map_or(Vec::new(), |b| values(b.val())),
        }
    }

    fn of_lstm<B: Backend>(
        lstm: &Lstm<B>,
        table: impl FnOnce(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Self {
        HostWeights {
            cell: stepper::CellKind::Lstm,
            d_hidden: lstm.wh.dims()[0],
            wx: values(table(lstm.wx.val())),
            wh: values(lstm.wh.val()),
            b: lstm.b.as_ref().map_or(Vec::new(), |b| values(b.val())),
        }
    }

    fn borrow(&self) -> LayerWeights<'_> {
        LayerWeights {
            cell: self.cell,
            d_hidden: self.d_hidden,
            wx: &self.wx,
            wh: &self.wh,
            b: &self.b,
        }
    }
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn stepper(
    batch: usize,
    front: Front,
    layers: &[HostWeights],
    head: Option<(&[f32], &[f32])>,
) -> Stepper {
    let layers: Vec<_> = layers.iter().map(HostWeights::borrow).collect();
    Stepper::new(batch, front, &layers, head)
}

impl<B: Backend> Rnn<B> {
    /// This layer, ready to run `batch` sequences step by step: `[batch, d_input]` in, `[batch,
    /// d_hidden]` out.
    pub fn stepper(&self, batch: usize) -> Stepper {
        let weights = HostWeights::of_rnn(self, |wx| wx);
        stepper(batch, Front::Vectors, &[weights], None)
    }
}

impl<B: Backend> Lstm<B> {
    /// This layer, ready to run `batch` sequences step by step: `[batch, d_input]` in, `[batch,
    /// d_hidden]` out.
    pub fn stepper(&self, batch: usize) -> Stepper {
        let weights = HostWeights::of_lstm(self, |wx| wx);
        stepper(batch, Front::Vectors, &[weights], None)
    }
}

impl<B: Backend> Stack<B> {
    /// These layers, ready to run `batch` sequences step by step: `[batch, d_input]` in, `[batch,
    /// d_hidden]` out. There is no dropout in it.
    pub fn stepper(&self, batch: usize) -> Stepper {
        let layers = self.layers.iter();
        let layers: Vec<_> = layers
            .map(|layer| HostWeights::of_layer(layer, |wx| wx))
            .collect();
        stepper(batch, Front::Vectors, &layers, None)
    }
}

impl<B: Backend> CharLm<B> {
    /// This model, ready to run `batch` texts character by character: `[batch]` tokens in, `[batch,
    /// vocab_size]` logits out. There is no dropout in it.
    pub fn stepper(&self, batch: usize) -> Stepper {
        let layer = |(i, layer): (usize, &Layer<B>)| {
            let table = |wx| if i == 0 { self.token_table(wx) } else { wx };
            HostWeights::of_layer(layer, table)
        };
        let layers: Vec<_> = self.stack.layers.iter().enumerate().map(layer).collect();
        let [_, vocab_size] = self.head.weight.dims();
        let weight = values(self.head.weight.val());
        let zeros = || vec![0.0; vocab_size];
        let bias = self
            .head
            .bias
            .as_ref()
            .map_or_else(zeros, |bias| values(bias.val()));
        stepper(batch, Front::Tokens, &layers, Some((&weight, &bias)))
    }
}
