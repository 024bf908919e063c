//! The moments of an optimiser as tensors by name, so that checkpoints can hold them.

use std::collections::HashMap;

use burn::{
    module::{AutodiffModule, ModuleVisitor, Param, ParamId},
    optim::{
        Adam, AdamState, AdaptiveMomentumState, CenteredState, Optimizer, RmsProp, RmsPropState,
        Sgd, SgdState, SimpleOptimizer, SquareAvgState, adaptor::OptimizerAdaptor,
        record::AdaptorRecord,
    },
    tensor::{
        Tensor,
        backend::{AutodiffBackend, Backend},
    },
};

use super::adagrad::{AdaGrad, AdaGradState};
use crate::disk::tensors::{self, Layout, Tensors};

/// An optimiser whose state for a parameter is tensors of its shape.
pub(super) trait Moments<B: Backend>: SimpleOptimizer<B> {
    const NAMES: &[&str];

    fn take<const D: usize>(state: Self::State<D>) -> Vec<Tensor<B, D>>;

    /// The inverse of `take`, after `updates` updates. `next` returns one tensor after the other.
    fn put<const D: usize>(next: impl FnMut() -> Tensor<B, D>, updates: usize) -> Self::State<D>;
}

impl<B: Backend> Moments<B> for Adam {
    const NAMES: &[&str] = &["moment_1", "moment_2"];

    fn take<const D: usize>(state: AdamState<B, D>) -> Vec<Tensor<B, D>> {
        vec![state.momentum.moment_1, state.momentum.moment_2]
    }

    fn put<const D: usize>(
        mut next: impl FnMut() -> Tensor<B, D>,
        updates: usize,
    ) -> AdamState<B, D> {
        AdamState::new(AdaptiveMomentumState::new(updates, next(), next()))
    }
}

impl<B: Backend> Moments<B> for RmsProp {
    const NAMES: &[&str] = &["square_avg"];

    fn take<const D: usize>(state: RmsPropState<B, D>) -> Vec<Tensor<B, D>> {
        vec![state.square_avg.square_avg]
    }

    fn put<const D: usize>(mut next: impl FnMut() -> Tensor<B, D>, _: usize) -> RmsPropState<B, D> {
        let average = next();
        let centered = CenteredState::new(None, average.clone());
        RmsPropState::new(SquareAvgState::new(average), centered, None)
    }
}

impl<B: Backend> Moments<B> for Sgd<B> {
    const NAMES: &[&str] = &[];

    fn take<const D: usize>(_: SgdState<B, D>) -> Vec<Tensor<B, D>> {
        Vec::new()
    }

    fn put<const D: usize>(_: impl FnMut() -> Tensor<B, D>, _: usize) -> SgdState<B, D> {
        SgdState::new(None)
    }
}

impl<B: Backend> Moments<B> for AdaGrad {
    const NAMES: &[&str] = &["sum"];

    fn take<const D: usize>(state: AdaGradState<B, D>) -> Vec<Tensor<B, D>> {
        vec![state.sum]
    }

    fn put<const D: usize>(mut next: impl FnMut() -> Tensor<B, D>, _: usize) -> AdaGradState<B, D> {
        AdaGradState { sum: next() }
    }
}

/// An optimiser of Burn's for this model.
pub(super) type Adapted<O, B, M> = OptimizerAdaptor<O, M, B>;

/// Burn's record of an optimiser: its moments by the parameter's id, which is random in every model.
type Records<O, B, M> = <Adapted<O, B, M> as Optimizer<M, B>>::Record;

/// Returns the moments of each parameter, by the parameter's path and the moment's name.
pub(super) fn take<B: AutodiffBackend, M: AutodiffModule<B>, O: Moments<B::InnerBackend>>(
    optimizer: &Adapted<O, B, M>,
    model: &M,
) -> Tensors {
    struct Take<O: Moments<B::InnerBackend>, B: AutodiffBackend, M: AutodiffModule<B>> {
        names: HashMap<ParamId, String>,
        records: Records<O, B, M>,
        tensors: Tensors,
    }
    impl<O: Moments<B::InnerBackend>, B: AutodiffBackend, M: AutodiffModule<B>> ModuleVisitor<B>
        for Take<O, B, M>
    {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(record) = self.records.remove(&param.id) {
                let moments = O::take(record.into_state::<D>());
                for (moment, tensor) in O::NAMES.iter().zip(moments) {
                    let name = format!("{}.{moment}", self.names[&param.id]);
                    self.tensors.insert(name, tensor.into_data());
                }
            }
        }
    }
    let mut take = Take::<O, B, M> {
        names: tensors::names(model),
        records: optimizer.to_record(),
        tensors: Tensors::new(),
    };
    model.visit(&mut take);
    take.tensors
}

/// Returns the names and shapes of all moments after the first update.
pub(super) fn layout<B: AutodiffBackend, M: AutodiffModule<B>, O: Moments<B::InnerBackend>>(
    _: &Adapted<O, B, M>,
    parameters: &Layout,
) -> Layout {
    let of_one = |(path, shape): (&String, &Vec<usize>)| {
        let moment = |name: &&str| (format!("{path}.{name}"), shape.clone());
        O::NAMES.iter().map(moment).collect::<Vec<_>>()
    };
    parameters.iter().flat_map(of_one).collect()
}

/// Restores what [`take`] returned after `updates` updates.
pub(super) fn restore<B: AutodiffBackend, M: AutodiffModule<B>, O: Moments<B::InnerBackend>>(
    optimizer: &mut Adapted<O, B, M>,
    model: &M,
    moments: Tensors,
    updates: usize,
) {
    struct Put<O: Moments<B::InnerBackend>, B: AutodiffBackend, M: AutodiffModule<B>> {
        names: HashMap<ParamId, String>,
        records: Records<O, B, M>,
        tensors: Tensors,
        updates: usize,
    }
    impl<O: Moments<B::InnerBackend>, B: AutodiffBackend, M: AutodiffModule<B>> ModuleVisitor<B>
        for Put<O, B, M>
    {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let value = param.val();
            let options = (&value.device(), value.dtype());
            let mut names = O::NAMES.iter();
            let next = || {
                let moment = names.next().expect("a name for each moment");
                let name = format!("{}.{moment}", self.names[&param.id]);
                let data = self.tensors.remove(&name).expect("checked");
                Tensor::from_data(data, options)
            };
            let state = O::put::<D>(next, self.updates);
            let record = AdaptorRecord::from_state(state);
            self.records.insert(param.id, record);
        }
    }
    let mut put = Put::<O, B, M> {
        names: tensors::names(model),
        records: optimizer.to_record(),
        tensors: moments,
        updates,
    };
    model.visit(&mut put);
    *optimizer = optimizer.clone().load_record(put.records);
}
