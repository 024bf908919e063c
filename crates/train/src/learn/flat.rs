//! The weights of a model, one parameter after another as one list of numbers.

use std::vec::IntoIter;

use burn::{
    module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    optim::GradientsParams,
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};

use crate::{
    disk::tensors::{self, Tensors},
    ranks::Share,
};

/// Returns the path and the shape of each parameter, in their order in a list.
pub(super) fn parameters<B: Backend>(model: &impl Module<B>) -> Vec<(String, Vec<usize>)> {
    struct List(Vec<(ParamId, Vec<usize>)>);
    impl<B: Backend> ModuleVisitor<B> for List {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push((param.id, param.val().dims().to_vec()));
        }
    }
    let mut list = List(Vec::new());
    model.visit(&mut list);
    let mut paths = tensors::names(model);
    let mut path = |id| paths.remove(&id).expect("a path for each parameter");
    list.0
        .into_iter()
        .map(|(id, shape)| (path(id), shape))
        .collect()
}

/// Returns one rank's stretch of these tensors, one after another.
pub(super) fn stretch_of(
    share: Share,
    tensors: &Tensors,
    names: impl Iterator<Item = String>,
) -> TensorData {
    let tensors: Vec<&TensorData> = names.map(|name| &tensors[&name]).collect();
    let dtype = tensors[0].dtype;
    let bytes: Vec<&[u8]> = tensors.iter().map(|data| data.as_bytes()).collect();
    let bytes = bytes.concat();
    let stretch = share.of(bytes.len() / dtype.size());
    let own = &bytes[stretch.start * dtype.size()..stretch.end * dtype.size()];
    TensorData::from_bytes_vec(own.to_vec(), [stretch.len()], dtype)
}

/// Takes the gradient of each parameter; zeros if it has none.
pub(super) fn take_gradients<B: AutodiffBackend>(
    model: &impl AutodiffModule<B>,
    grads: &mut GradientsParams,
) -> Vec<TensorData> {
    struct Take<'a>(&'a mut GradientsParams, Vec<TensorData>);
    impl<B: AutodiffBackend> ModuleVisitor<B> for Take<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let value = param.val();
            // NdArray would copy a gradient that something else holds, number by number.
            let gradient = self.0.remove::<B::InnerBackend, D>(param.id);
            self.1.push(match gradient {
                Some(gradient) => gradient.into_data(),
                None => TensorData::full_dtype(value.shape(), 0, value.dtype()),
            });
        }
    }
    let mut take = Take(grads, Vec::new());
    model.visit(&mut take);
    take.1
}

/// Returns the model with these weights.
pub(super) fn with_weights<B: Backend, M: Module<B>>(model: M, weights: Vec<TensorData>) -> M {
    struct Put(IntoIter<TensorData>);
    impl<B: Backend> ModuleMapper<B> for Put {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, old) = (param.id, param.val());
            let weights = self.0.next().expect("one for each parameter");
            let weights = Tensor::from_data(weights, (&old.device(), old.dtype()));
            Param::initialized(id, weights.require_grad())
        }
    }
    model.map(&mut Put(weights.into_iter()))
}

/// The bytes of all stretches, one after another.
pub(super) struct Joined<'a> {
    stretches: IntoIter<&'a [u8]>,
    rest: &'a [u8],
}

impl<'a> Joined<'a> {
    pub fn new(stretches: Vec<&'a [u8]>) -> Self {
        Joined {
            stretches: stretches.into_iter(),
            rest: &[],
        }
    }

    /// Fills `bytes` with those that come next.
    ///
    /// # Panics
    ///
    /// Panics if there are not as many.
    pub fn fill(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            if self.rest.is_empty() {
                self.rest = self.stretches.next().expect("enough bytes");
            }
            let (now, later) = bytes.split_at_mut(self.rest.len().min(bytes.len()));
            let taken;
            (taken, self.rest) = self.rest.split_at(now.len());
            now.copy_from_slice(taken);
            bytes = later;
        }
    }
}
