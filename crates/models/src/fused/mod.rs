//! How a whole sequence reaches kernels that are faster than [`scan`](crate::scan()), and equal to it.
//!
//! [`Lstm::forward`](crate::Lstm::forward), [`Rnn::forward`](crate::Rnn::forward) and
//! [`CharLm`](crate::CharLm) look here for kernels of their backend. `NdArray` and `Flex` (features
//! `ndarray` and `flex`), plain and under `Autodiff`, have those of the crate [`kernels`](mod@kernels); a backend
//! of yours gets some by [`register`]. Where there are none, or not for a precision, the sequence takes
//! the reference path, ordinary tensor operations; [`reference`](fn@reference) forces that.
//!
//! Under `Autodiff` a sequence is one node of the graph, with its backward pass written by hand.

mod differentiable;
mod host;
mod plain;

use std::{
    any::{Any, TypeId},
    cell::Cell,
    collections::HashMap,
    sync::{Arc, LazyLock, RwLock},
};

use burn::{
    module::Param,
    tensor::{Int, Tensor, backend::Backend},
};

pub use differentiable::HostAutodiff;
pub use host::HostBackend;
pub use plain::Host;

/// What goes into a layer.
#[derive(Clone, Debug)]
pub enum Input<B: Backend> {
    /// `[batch, time, d_input]`
    Vectors(Tensor<B, 3>),
    /// `[batch, time]` rows of a table: [`Weights::wx`] is `[vocabulary, gates·d_hidden]` then, and a
    /// token's row is the `x·Wx` of its vector.
    Tokens(Tensor<B, 2, Int>),
}

impl<B: Backend> Input<B> {
    /// `[batch, time]`
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Input::Vectors(x) => {
                let [batch, time, _] = x.dims();
                [batch, time]
            }
            Input::Tokens(tokens) => tokens.dims(),
        }
    }
}

/// The weights of a layer; gates of an [`Lstm`](crate::Lstm) in the order i, f, g, o.
#[derive(Clone, Debug)]
pub struct Weights<B: Backend> {
    /// `[d_input, gates·d_hidden]`
    pub wx: Tensor<B, 2>,
    /// `[d_hidden, gates·d_hidden]`
    pub wh: Tensor<B, 2>,
    /// `[gates·d_hidden]`
    pub b: Option<Tensor<B, 1>>,
}

impl<B: Backend> Weights<B> {
    /// `None` for a sequence of no steps, which the reference path has an answer to.
    pub(crate) fn new(
        wh: &Param<Tensor<B, 2>>,
        b: &Option<Param<Tensor<B, 1>>>,
        wx: Tensor<B, 2>,
        input: &Input<B>,
    ) -> Option<Self> {
        let (wh, b) = (wh.val(), b.as_ref().map(Param::val));
        (input.shape()[1] > 0).then_some(Weights { wx, wh, b })
    }

    /// # Panics
    ///
    /// Panics if shapes do not agree.
    pub(crate) fn check(&self, input: &Input<B>, states: &[&Tensor<B, 2>]) {
        let ([d_input, width], [d_hidden, _]) = (self.wx.dims(), self.wh.dims());
        assert_eq!(
            self.wh.dims(),
            [d_hidden, width],
            "wh: [d_hidden, gates·d_hidden]"
        );
        if let Some(b) = &self.b {
            assert_eq!(b.dims(), [width], "b: [gates·d_hidden]");
        }
        if let Input::Vectors(x) = input {
            assert_eq!(x.dims()[2], d_input, "input: [batch, time, d_input]");
        }
        for state in states {
            assert_eq!(
                state.dims(),
                [input.shape()[0], d_hidden],
                "state: [batch, d_hidden]"
            );
        }
    }
}

/// Kernels of a backend. Each method may decline, by `None`, what it is not made for.
///
/// Shapes have been checked when a method is called.
pub trait SequenceKernels<B: Backend>: Send + Sync + 'static {
    /// [`Rnn`](crate::Rnn) over a sequence, from state `[batch, d_hidden]`: the output `[batch, time,
    /// d_hidden]`, and the last state.
    fn rnn(
        &self,
        weights: &Weights<B>,
        input: &Input<B>,
        hidden: &Tensor<B, 2>,
    ) -> Option<(Tensor<B, 3>, Tensor<B, 2>)>;

    /// [`Lstm`](crate::Lstm) over a sequence, from states `[batch, d_hidden]`, hidden and cell: the
    /// output `[batch, time, d_hidden]`, and the last states.
    fn lstm(
        &self,
        weights: &Weights<B>,
        input: &Input<B>,
        state: [&Tensor<B, 2>; 2],
    ) -> Option<(Tensor<B, 3>, [Tensor<B, 2>; 2])>;

    /// The mean cross-entropy `[1]` of `[n]` targets, from hidden states `[n, d_hidden]` through a head
    /// `[d_hidden, vocabulary]` with bias `[vocabulary]`.
    fn cross_entropy(
        &self,
        hidden: &Tensor<B, 2>,
        weight: &Tensor<B, 2>,
        bias: &Tensor<B, 1>,
        targets: &Tensor<B, 1, Int>,
    ) -> Option<Tensor<B, 1>>;
}

/// The kernels of a backend, whichever it is: an `Arc<dyn SequenceKernels<B>>` under the type of `B`.
type Registry = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(|| {
    let mut registry = Registry::new();
    #[cfg(feature = "ndarray")]
    host::register::<burn_ndarray::NdArray>(&mut registry);
    #[cfg(feature = "flex")]
    host::register::<burn_flex::Flex>(&mut registry);
    RwLock::new(registry)
});

/// Gives a backend kernels, in place of those that it had.
pub fn register<B: Backend>(kernels: impl SequenceKernels<B>) {
    insert::<B>(
        &mut REGISTRY.write().expect("no panic while it is held"),
        kernels,
    );
}

fn insert<B: Backend>(registry: &mut Registry, kernels: impl SequenceKernels<B>) {
    let kernels: Arc<dyn SequenceKernels<B>> = Arc::new(kernels);
    registry.insert(TypeId::of::<B>(), Box::new(kernels));
}

/// The kernels of a backend, unless it has none or [`reference`](fn@reference) is in force.
pub fn kernels<B: Backend>() -> Option<Arc<dyn SequenceKernels<B>>> {
    if FORCE_REFERENCE.get() {
        return None;
    }
    let registry = REGISTRY.read().expect("no panic while it is held");
    let kernels = registry.get(&TypeId::of::<B>())?;
    kernels.downcast_ref().cloned()
}

thread_local! {
    static FORCE_REFERENCE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` with every sequence on the reference path: for tests, and for doubt.
///
/// It holds for what `f` does on this thread.
pub fn reference<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCE_REFERENCE.set(self.0);
        }
    }
    let _restore = Restore(FORCE_REFERENCE.replace(true));
    f()
}
