//! Sequences on a CPU backend without gradients.

use burn::tensor::{Int, Tensor, TensorMetadata};
use kernels::{Engine, LinearCrossEntropy};

use super::{
    CpuBackend, Input, KernelLayer, SequenceKernels, SequenceOutput,
    cpu_backend::{are_f32, from_values, primitive, tensor, tokens},
    sequence::{Direction, HostInput, Sequence, Values, last_hidden},
};
use crate::lengths::Lengths;

/// The kernels of the crate [`kernels`](mod@kernels) for a CPU backend.
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::fused::{self, CpuInference};
///
/// // As the feature `ndarray` does by itself:
/// fused::register::<NdArray>(CpuInference);
/// assert!(fused::kernels::<NdArray>().is_some());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CpuInference;

impl<B: CpuBackend> SequenceKernels<B> for CpuInference {
    fn sequence(
        &self,
        layers: &[&KernelLayer<B>],
        input: &Input<B>,
        lengths: Option<&Lengths>,
        states: &[&[Tensor<B, 2>]],
    ) -> Option<SequenceOutput<B>> {
        let shape @ [batch, time] = input.shape();
        let [_, h] = states[0][0].dims();
        let direction = |(i, layer): (usize, &&KernelLayer<B>)| {
            Direction::new(layer, states[i], shape, lengths, i > 0)
        };
        let sequence = Sequence {
            directions: layers.iter().enumerate().map(direction).collect(),
            shape,
            d_hidden: h,
            input: match input {
                Input::Vectors(x) => HostInput::Vectors(primitive(x)),
                Input::Tokens(t) => HostInput::Tokens(tokens(t)),
            },
        };
        if !sequence.is_for_kernels() {
            return None;
        }

        let outputs = layers.iter().map(|_| vec![0.0; batch * time * h]).collect();
        let run = |values: &Values, mut output: Vec<f32>, engine: &Engine| {
            let (shape, lengths) = (sequence.kernel_shape(), values.order.lengths());
            let mut cell = values.c0.to_vec();
            let layer = values.pack(engine);
            let input = values.input();
            layer.infer(shape, lengths, input, &values.h0, &mut cell, &mut output);
            (output, values.order.put_rows(cell))
        };
        let (mut outputs, cells): (Vec<_>, Vec<_>) =
            sequence.each(outputs, run).into_iter().unzip();
        let output = match sequence.is_natural() {
            true => outputs.remove(0),
            false => sequence.merge(&outputs),
        };
        let device = states[0][0].device();
        let output = from_values::<B, 3>(output, [batch, time, sequence.width()], &device);
        let output = tensor::<B, 3>(output);
        let hidden = last_hidden(&output, lengths, layers.len());
        let state = |(hidden, cell): (Tensor<B, 2>, Vec<f32>)| {
            let has_cell = layers[0].kernel.has_cell();
            let cell = has_cell.then(|| tensor(from_values::<B, 2>(cell, [batch, h], &device)));
            [hidden].into_iter().chain(cell)
        };
        let states = hidden.into_iter().zip(cells).flat_map(state).collect();
        Some((output, states))
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
