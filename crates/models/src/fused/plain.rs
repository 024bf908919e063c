//! Sequences on a host backend without gradients.

use burn::tensor::{Int, Tensor, TensorMetadata};
use kernels::{Engine, Shape, head::Head, lstm::Lstm, rnn::Rnn};

use super::{
    HostBackend, Input, SequenceKernels, Weights,
    host::{are_f32, from_values, primitive, tensor, tokens},
};

/// The crate [`kernels`](mod@kernels), for a backend of the host.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl<B: HostBackend> SequenceKernels<B> for Host {
    fn rnn(
        &self,
        weights: &Weights<B>,
        input: &Input<B>,
        hidden: &Tensor<B, 2>,
    ) -> Option<(Tensor<B, 3>, Tensor<B, 2>)> {
        let sequence = Sequence::new(weights, input, hidden)?;
        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let output = sequence.rnn();
        let output = tensor::<B, 3>(from_values::<B, 3>(
            output,
            [batch, time, h],
            &hidden.device(),
        ));
        let last = last_step(&output);
        Some((output, last))
    }

    fn lstm(
        &self,
        weights: &Weights<B>,
        input: &Input<B>,
        [hidden, cell]: [&Tensor<B, 2>; 2],
    ) -> Option<(Tensor<B, 3>, [Tensor<B, 2>; 2])> {
        let sequence = Sequence::new(weights, input, hidden)?;
        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let c0 = primitive(cell);
        if !are_f32([c0.dtype()]) {
            return None;
        }
        let mut cell = B::values(&c0).into_owned();
        let mut output = vec![0.0; batch * time * h];
        sequence.with(|engine, wx, wh, b, input, h0| {
            let lstm = lstm(engine, h, wx, wh, b, input);
            lstm.infer(Shape { batch, time }, input, h0, &mut cell, &mut output);
        });
        let device = hidden.device();
        let output = tensor::<B, 3>(from_values::<B, 3>(output, [batch, time, h], &device));
        let last = last_step(&output);
        let cell = tensor(from_values::<B, 2>(cell, [batch, h], &device));
        Some((output, [last, cell]))
    }

    fn cross_entropy(
        &self,
        hidden: &Tensor<B, 2>,
        weight: &Tensor<B, 2>,
        bias: &Tensor<B, 1>,
        targets: &Tensor<B, 1, Int>,
    ) -> Option<Tensor<B, 1>> {
        let device = hidden.device();
        let (hidden, weight, bias) = (primitive(hidden), primitive(weight), primitive(bias));
        if !are_f32([hidden.dtype(), weight.dtype(), bias.dtype()]) {
            return None;
        }
        let head = Head {
            hidden: &B::values(&hidden),
            weight: &B::values(&weight),
            bias: &B::values(&bias),
            targets: &tokens(targets),
        };
        let (loss, _) = head.loss(&Engine::new());
        Some(tensor(from_values::<B, 1>(vec![loss], [1], &device)))
    }
}

/// The tensors of a sequence, in their backend's own form.
pub(super) struct Sequence<B: HostBackend> {
    pub shape: [usize; 2],
    pub d_hidden: usize,
    pub wx: B::FloatTensorPrimitive,
    pub wh: B::FloatTensorPrimitive,
    pub b: Option<B::FloatTensorPrimitive>,
    pub input: HostInput<B>,
    pub h0: B::FloatTensorPrimitive,
}

/// What goes into a layer, in the backend's own form.
#[derive(Clone, Debug)]
pub(super) enum HostInput<B: HostBackend> {
    Vectors(B::FloatTensorPrimitive),
    Tokens(Vec<u32>),
}

impl<B: HostBackend> Sequence<B> {
    /// `None` where the precision is another one.
    fn new(weights: &Weights<B>, input: &Input<B>, hidden: &Tensor<B, 2>) -> Option<Self> {
        let input_form = match input {
            Input::Vectors(x) => HostInput::Vectors(primitive(x)),
            Input::Tokens(t) => HostInput::Tokens(tokens(t)),
        };
        let sequence = Sequence {
            shape: input.shape(),
            d_hidden: hidden.dims()[1],
            wx: primitive(&weights.wx),
            wh: primitive(&weights.wh),
            b: weights.b.as_ref().map(primitive),
            input: input_form,
            h0: primitive(hidden),
        };
        sequence.is_f32().then_some(sequence)
    }

    pub(super) fn is_f32(&self) -> bool {
        let b = self.b.as_ref().map_or(self.wx.dtype(), |b| b.dtype());
        let input = match &self.input {
            HostInput::Vectors(x) => x.dtype(),
            HostInput::Tokens(_) => self.wx.dtype(),
        };
        are_f32([self.wx.dtype(), self.wh.dtype(), b, input, self.h0.dtype()])
    }

    /// The output of an [`Rnn`](crate::Rnn), which is all that its backward pass needs.
    pub(super) fn rnn(&self) -> Vec<f32> {
        let ([batch, time], h) = (self.shape, self.d_hidden);
        let mut output = vec![0.0; batch * time * h];
        self.with(|engine, wx, wh, b, input, h0| {
            let rnn = match input {
                kernels::Input::Vectors(_) => Rnn::new(engine, h, wx, wh, b),
                kernels::Input::Tokens(_) => Rnn::of_tokens(engine, h, wx, wh, b),
            };
            rnn.forward(Shape { batch, time }, input, h0, &mut output);
        });
        output
    }

    /// Calls `f` with (engine, wx, wh, b, input, h0).
    pub(super) fn with<R>(
        &self,
        f: impl FnOnce(&Engine, &[f32], &[f32], &[f32], kernels::Input, &[f32]) -> R,
    ) -> R {
        let engine = Engine::new();
        let (wx, wh, h0) = (
            B::values(&self.wx),
            B::values(&self.wh),
            B::values(&self.h0),
        );
        let b = self.b.as_ref().map(|b| B::values(b)).unwrap_or_default();
        match &self.input {
            HostInput::Vectors(x) => f(
                &engine,
                &wx,
                &wh,
                &b,
                kernels::Input::Vectors(&B::values(x)),
                &h0,
            ),
            HostInput::Tokens(t) => f(&engine, &wx, &wh, &b, kernels::Input::Tokens(t), &h0),
        }
    }
}

/// A layer with packed weights, for vectors or for tokens.
pub(super) fn lstm<'a>(
    engine: &Engine,
    d_hidden: usize,
    wx: &'a [f32],
    wh: &[f32],
    b: &[f32],
    input: kernels::Input,
) -> Lstm<'a> {
    match input {
        kernels::Input::Vectors(_) => Lstm::new(engine, d_hidden, wx, wh, b),
        kernels::Input::Tokens(_) => Lstm::of_tokens(engine, d_hidden, wx, wh, b),
    }
}

/// `[batch, time, d_hidden]` → `[batch, d_hidden]`.
pub(super) fn last_step<B: burn::tensor::backend::Backend>(output: &Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, time, h] = output.dims();
    output
        .clone()
        .slice([0..batch, time - 1..time, 0..h])
        .reshape([batch, h])
}
