//! The gradient of a batch whose rows are dealt out to ranks: the sum of what the rows of each rank give.

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
    let mut flat = Flat {
        grads,
        singles: Vec::with_capacity(model.num_params()),
        doubles: Vec::new(),
    };
    model.visit(&mut flat);
    let Flat {
        mut singles,
        mut doubles,
        ..
    } = flat;

    let with_doubles = [beside, cast_slice(&doubles)].concat();
    let mut notes = ranks.sum(&mut singles, &with_doubles);
    doubles.fill(-0.0);
    for note in &mut notes {
        let addends: Vec<f64> = pod_collect_to_vec(&note[beside.len()..]);
        let each = doubles.iter_mut().zip(addends);
        each.for_each(|(sum, addend)| *sum += addend);
        note.truncate(beside.len());
    }

    model.visit(&mut Unflat {
        grads,
        singles: &singles,
        doubles: &doubles,
    });
    notes
}

/// Takes the gradients of all parameters, one after another: those in double precision apart, the others as singles.
struct Flat<'a> {
    grads: &'a mut GradientsParams,
    singles: Vec<f32>,
    doubles: Vec<f64>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Flat<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        let (n, is_double) = (value.shape().num_elements(), value.dtype() == DType::F64);
        // NdArray would copy a gradient that something else holds, number by number.
        let grad = self.grads.remove::<B::InnerBackend, D>(param.id);
        let grad = grad.map(Tensor::into_data);
        match (is_double, grad) {
            (true, None) => self.doubles.extend(std::iter::repeat_n(0.0, n)),
            (true, Some(grad)) => self.doubles.extend(grad.iter::<f64>()),
            (false, None) => self.singles.extend(std::iter::repeat_n(0.0, n)),
            (false, Some(grad)) => match grad.as_slice::<f32>() {
                Ok(grad) => self.singles.extend_from_slice(grad),
                Err(_) => self.singles.extend(grad.iter::<f32>()),
            },
        }
    }
}

/// Makes gradients of such numbers.
struct Unflat<'a> {
    grads: &'a mut GradientsParams,
    singles: &'a [f32],
    doubles: &'a [f64],
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Unflat<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        let n = value.shape().num_elements();
        let data = match value.dtype() {
            DType::F64 => TensorData::new(next(&mut self.doubles, n), value.shape()),
            _ => TensorData::new(next(&mut self.singles, n), value.shape()),
        };
        let grad = Tensor::<B::InnerBackend, D>::from_data(data, (&value.device(), value.dtype()));
        self.grads.register(param.id, grad);
    }
}

/// Takes the next `n` numbers.
fn next<T: Clone>(numbers: &mut &[T], n: usize) -> Vec<T> {
    let (taken, rest) = numbers.split_at(n);
    *numbers = rest;
    taken.to_vec()
}
