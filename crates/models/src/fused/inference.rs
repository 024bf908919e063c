//! Sequences on a CPU backend without gradients.

use std::borrow::Cow;

use burn::tensor::{Int, Tensor, TensorMetadata, backend::Backend};
use kernels::{Engine, Kernel, LinearCrossEntropy, PackedLayer, Shape};

use super::{
    CpuBackend, Input, KernelLayer, SequenceKernels, SequenceOutput,
    cpu_backend::{are_f32, from_values, primitive, tensor, tokens},
};

/// The kernels of the crate [`kernels`](mod@kernels) for a CPU backend.
#[derive(Clone, Copy, Debug)]
pub struct CpuInference;

impl<B: CpuBackend> SequenceKernels<B> for CpuInference {
    fn sequence(
        &self,
        layer: &KernelLayer<B>,
        input: &Input<B>,
        state: &[Tensor<B, 2>],
    ) -> Option<SequenceOutput<B>> {
        let (hidden, cell) = (&state[0], state.get(1));
        let host_input = match input {
            Input::Vectors(x) => HostInput::<B>::Vectors(primitive(x)),
            Input::Tokens(t) => HostInput::Tokens(tokens(t)),
        };
        let sequence = Sequence {
            kernel: layer.kernel,
            shape: input.shape(),
            d_hidden: hidden.dims()[1],
            wx: primitive(&layer.wx),
            wh: primitive(&layer.wh),
            b: layer.b.as_ref().map(primitive),
            input: host_input,
            h0: primitive(hidden),
        };
        let c0 = cell.map(primitive);
        if !sequence.is_f32() || !c0.iter().all(|c0| are_f32([c0.dtype()])) {
            return None;
        }

        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let mut cell = c0
            .as_ref()
            .map_or(Vec::new(), |c0| B::values(c0).into_owned());
        let mut output = vec![0.0; batch * time * h];
        sequence.with_packed(|layer, shape, input, h0| {
            layer.infer(shape, input, h0, &mut cell, &mut output);
        });
        let device = hidden.device();
        let output = tensor::<B, 3>(from_values::<B, 3>(output, [batch, time, h], &device));
        let mut state = vec![last_step(&output)];
        state.extend(c0.map(|_| tensor(from_values::<B, 2>(cell, [batch, h], &device))));
        Some((output, state))
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
        let head = LinearCrossEntropy {
            hidden: &B::values(&hidden),
            weight: &B::values(&weight),
            bias: &B::values(&bias),
            targets: &tokens(targets),
        };
        let (loss, _) = head.loss(&Engine::new());
        Some(tensor(from_values::<B, 1>(vec![loss], [1], &device)))
    }
}

/// A layer and its sequence, in their backend's own form.
pub(super) struct Sequence<B: CpuBackend> {
    pub kernel: &'static dyn Kernel,
    pub shape: [usize; 2],
    pub d_hidden: usize,
    pub wx: B::FloatTensorPrimitive,
    pub wh: B::FloatTensorPrimitive,
    pub b: Option<B::FloatTensorPrimitive>,
    pub input: HostInput<B>,
    pub h0: B::FloatTensorPrimitive,
}

/// The input of a layer, in the backend's own form.
#[derive(Clone, Debug)]
pub(super) enum HostInput<B: CpuBackend> {
    Vectors(B::FloatTensorPrimitive),
    Tokens(Vec<u32>),
}

impl<B: CpuBackend> HostInput<B> {
    /// Calls `f` with the values.
    fn with<R>(&self, f: impl FnOnce(kernels::Input) -> R) -> R {
        match self {
            HostInput::Vectors(x) => f(kernels::Input::Vectors(&B::values(x))),
            HostInput::Tokens(tokens) => f(kernels::Input::Tokens(tokens)),
        }
    }
}

/// The values of a [`Sequence`], except for the bias, which no backward pass needs.
pub(super) struct SequenceValues<'a> {
    pub wx: Cow<'a, [f32]>,
    pub wh: Cow<'a, [f32]>,
    pub h0: Cow<'a, [f32]>,
    pub input: kernels::Input<'a>,
}

impl<B: CpuBackend> Sequence<B> {
    pub(super) fn is_f32(&self) -> bool {
        let b = self.b.as_ref().map_or(self.wx.dtype(), |b| b.dtype());
        let input = match &self.input {
            HostInput::Vectors(x) => x.dtype(),
            HostInput::Tokens(_) => self.wx.dtype(),
        };
        are_f32([self.wx.dtype(), self.wh.dtype(), b, input, self.h0.dtype()])
    }

    pub(super) fn kernel_shape(&self) -> Shape {
        let [batch, time] = self.shape;
        Shape { batch, time }
    }

    /// Packs the layer, and calls `f` with it, the shape, the input and `h0`.
    pub(super) fn with_packed<R>(
        &self,
        f: impl FnOnce(&dyn PackedLayer, Shape, kernels::Input, &[f32]) -> R,
    ) -> R {
        let b = self.b.as_ref().map(|b| B::values(b)).unwrap_or_default();
        self.with_values(|values| {
            let SequenceValues {
                wx, wh, h0, input, ..
            } = values;
            let (engine, h) = (Engine::new(), self.d_hidden);
            let layer = self.kernel.pack(&engine, input.kind(), h, wx, &wh, &b);
            f(&*layer, self.kernel_shape(), input, &h0)
        })
    }

    /// Calls `f` with the values.
    pub(super) fn with_values<R>(&self, f: impl FnOnce(SequenceValues) -> R) -> R {
        self.input.with(|input| {
            f(SequenceValues {
                wx: B::values(&self.wx),
                wh: B::values(&self.wh),
                h0: B::values(&self.h0),
                input,
            })
        })
    }
}

/// `[batch, time, d_hidden]` → `[batch, d_hidden]`.
pub(super) fn last_step<B: Backend>(output: &Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, time, h] = output.dims();
    output
        .clone()
        .slice([0..batch, time - 1..time, 0..h])
        .reshape([batch, h])
}
