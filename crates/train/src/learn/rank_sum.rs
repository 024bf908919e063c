//! The gradient of a batch whose rows are dealt out to ranks: the sum of what the rows of each rank give.

use std::vec::IntoIter;

use bytemuck::{cast_slice, pod_collect_to_vec};

use burn::{
    module::{AutodiffModule, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{DType, Tensor, TensorData, backend::AutodiffBackend},
};

use crate::ranks::Communicator;

/// Replaces the gradient of this rank's rows by the sum over all ranks, and returns what each rank passed in
/// `beside`. A parameter without a gradient counts as zeros.
pub(super) fn sum_gradient<B: AutodiffBackend, M: AutodiffModule<B>>(
    model: &M,
    grads: &mut GradientsParams,
    beside: &[u8],
    ranks: &dyn Communicator,
) -> Vec<Vec<u8>> {
    let mut take = Take {
        grads,
        gradients: Vec::new(),
    };
    model.visit(&mut take);
    let gradients = take.gradients;

    let (mut singles, mut doubles) = (Vec::with_capacity(model.num_params()), Vec::new());
    for gradient in &gradients {
        match (gradient.dtype, gradient.as_slice::<f32>()) {
            (DType::F64, _) => doubles.extend(gradient.iter::<f64>()),
            (_, Ok(numbers)) => singles.extend_from_slice(numbers),
            _ => singles.extend(gradient.iter::<f32>()),
        }
    }
    let with_doubles = [beside, cast_slice(&doubles)].concat();
    let mut notes = ranks.sum(&mut singles, &with_doubles);
    doubles.fill(-0.0);
    for note in &mut notes {
        let addends: Vec<f64> = pod_collect_to_vec(&note[beside.len()..]);
        let each = doubles.iter_mut().zip(addends);
        each.for_each(|(sum, addend)| *sum += addend);
        note.truncate(beside.len());
    }

    model.visit(&mut Put {
        grads,
        gradients: gradients.into_iter(),
        singles: &singles,
        doubles: &doubles,
    });
    notes
}

/// Takes the gradient of each parameter.
struct Take<'a> {
    grads: &'a mut GradientsParams,
    gradients: Vec<TensorData>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Take<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        // NdArray would copy a gradient that something else holds, number by number.
        let gradient = self.grads.remove::<B::InnerBackend, D>(param.id);
        self.gradients.push(match gradient {
            Some(gradient) => gradient.into_data(),
            None => TensorData::full_dtype(value.shape(), 0, value.dtype()),
        });
    }
}

/// Puts the sums in the place of the numbers that were taken.
struct Put<'a> {
    grads: &'a mut GradientsParams,
    gradients: IntoIter<TensorData>,
    singles: &'a [f32],
    doubles: &'a [f64],
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Put<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        let mut gradient = self.gradients.next().expect("one for each parameter");
        let n = gradient.num_elements();
        if let Ok(numbers) = gradient.as_mut_slice::<f64>() {
            numbers.copy_from_slice(next(&mut self.doubles, n));
        } else if let Ok(numbers) = gradient.as_mut_slice::<f32>() {
            numbers.copy_from_slice(next(&mut self.singles, n));
        } else {
            let numbers = next(&mut self.singles, n).to_vec();
            gradient = TensorData::new(numbers, value.shape());
        }
        let options = (&value.device(), value.dtype());
        let gradient = Tensor::<B::InnerBackend, D>::from_data(gradient, options);
        self.grads.register(param.id, gradient);
    }
}

/// Takes the next `n` numbers.
fn next<'a, T>(numbers: &mut &'a [T], n: usize) -> &'a [T] {
    let (taken, rest) = numbers.split_at(n);
    *numbers = rest;
    taken
}
