//! How a whole sequence reaches kernels, which are faster than [`scan`](crate::scan()) and compute the same.
//!
//! [`RecurrentCell::forward`](crate::RecurrentCell::forward) and [`CharLm`](crate::CharLm) look here for kernels of their backend.
//! `NdArray` (with integers of 64 or 32 bits) and `Flex` (features `ndarray` and `flex`), plain and under
//! `Autodiff`, have the kernels of the crate [`kernels`](mod@kernels), for f32. [`register`] gives them to an
//! `NdArray` with other integers, and kernels to a backend of your own. If there are none for a backend, a
//! cell or a precision, the sequence takes the reference path: `scan`, in ordinary tensor operations.
//! [`without_kernels`] forces it, and [`paths`] says which one was taken.
//!
//! Under `Autodiff` a sequence is one node of the graph, with a backward pass written by hand.
//!
//! ```
//! use burn::tensor::{Distribution, Tensor};
//! use burn_ndarray::NdArray;
//! use models::{LstmConfig, RecurrentCell, fused};
//!
//! let device = Default::default();
//! let lstm = LstmConfig::new(3, 8).init::<NdArray>(&device);
//! let x = Tensor::random([2, 5, 3], Distribution::Default, &device);
//!
//! let ((fast, _), paths) = fused::paths(|| lstm.forward(x.clone(), None));
//! assert_eq!((paths.kernels, paths.reference), (1, 0)); // if the feature `ndarray` is on
//! let (readable, _) = fused::without_kernels(|| lstm.forward(x, None));
//! assert!((fast - readable).abs().max().into_scalar() < 1e-5);
//! ```
//!
//! A cell hands its layer over as a [`KernelLayer`]:
//!
//! ```
//! use burn::tensor::Tensor;
//! use burn_ndarray::NdArray;
//! use models::{
//!     LstmConfig, RecurrentCell, RecurrentState,
//!     fused::{self, Input},
//! };
//!
//! let lstm = LstmConfig::new(3, 8).init::<NdArray>(&Default::default());
//! let layers = lstm.kernel_layers().expect("an Lstm has kernels");
//! let input = Input::Vectors(Tensor::zeros([2, 5, 3], &Default::default()));
//! assert_eq!(input.shape(), [2, 5]);
//!
//! let state = lstm.initial_state(2).tensors();
//! let output = fused::forward(&[&layers[0]], &input, None, &[&state]);
//! let (y, state) = output.expect("kernels for this backend");
//! assert_eq!((y.dims(), state.len()), ([2, 5, 8], 2)); // h and c
//! ```
//!
//! | to read about | see |
//! |---|---|
//! | backends whose tensors lie in main memory | [`CpuBackend`] |
//! | sequences without gradients | [`CpuInference`] |
//! | sequences with gradients: nodes of the graph | [`CpuAutodiff`] |
//!
//! # Numbers that are not finite
//!
//! Output and state are NaN, infinite or finite where those of the reference path are. In the gradients of
//! a sequence with such a number, or one near the largest f32, the two paths may differ in which of them are
//! NaN and which infinite: they add up the same terms in another order.
//!
//! # Threads
//!
//! The kernels of a process share one team of threads: `RAYON_NUM_THREADS`, or else one for each processor.
//! Inside a rayon pool a sequence is cut into no more pieces than that pool has threads. The memory of
//! the last sequences is kept for the next ones; [`release_memory`] gives it back.
//!
//! A module may be used by many threads at once, each with its own sequences:
//!
//! - without autodiff, anywhere;
//! - in training, on threads of your own, each with a [`fork`](burn::module::Module::fork) of the module. It has
//!   the same weights; their gradients have the same identifiers, and can be added up.
//!
//! Do not train inside a job of a rayon pool. Burn 0.21 holds a lock during a backward pass, and some of its own
//! operations are jobs for that pool: products of tensors of three dimensions or more, as in its `Linear` over
//! sequences, and in `Flex` sums of large tensors too. A worker that waits for them may take up another job of
//! yours, which waits for the lock, and so for good. The kernels and [`linear`](crate::linear()) do not do that.
//! If your jobs come from a pool, start a thread in each:
//!
//! ```
//! use std::thread;
//!
//! use burn::{module::Module, tensor::Tensor};
//! use burn_autodiff::Autodiff;
//! use burn_ndarray::NdArray;
//! use models::{LstmConfig, RecurrentCell};
//!
//! let device = Default::default();
//! let lstm = LstmConfig::new(3, 8).init::<Autodiff<NdArray>>(&device);
//! let job = |batch: usize| {
//!     let lstm = lstm.clone().fork(&device);
//!     let (y, _) = lstm.forward(Tensor::ones([batch, 5, 3], &device), None);
//!     let grads = y.sum().backward();
//!     lstm.wx.val().grad(&grads).expect("tracked")
//! };
//! let in_a_pool = |batch| thread::scope(|scope| scope.spawn(|| job(batch)).join());
//! assert_eq!(in_a_pool(2).unwrap().dims(), [3, 32]);
//! ```

mod autodiff;
mod cpu_backend;
mod inference;
mod order;
mod sequence;

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
#[cfg(any(feature = "ndarray", feature = "flex"))]
use burn_autodiff::{
    Autodiff,
    checkpoint::strategy::{BalancedCheckpointing, NoCheckpointing},
};
use kernels::Kernel;

use crate::lengths::Lengths;

pub use ::kernels::release_memory;
pub use autodiff::CpuAutodiff;
pub use cpu_backend::CpuBackend;
pub use inference::CpuInference;

/// The input of a layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<B: Backend> {
    /// `[batch, time, d_input]`
    Vectors(Tensor<B, 3>),
    /// `[batch, time]` rows of a table: [`KernelLayer::wx`] is then `[vocabulary, gates·d_hidden]`, and a
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

/// What a layer returns for a sequence: its output `[batch, time, d_hidden]` (for two directions `[batch, time,
/// 2·d_hidden]`), and the tensors of its state after each sequence's own last step, those of the forward
/// direction first.
pub type SequenceOutput<B> = (Tensor<B, 3>, Vec<Tensor<B, 2>>);

/// A layer in the form that kernels take.
#[derive(Clone, Debug)]
pub struct KernelLayer<B: Backend> {
    /// The kernels of its cell.
    pub kernel: &'static dyn Kernel,
    /// `[d_input, gates·d_hidden]`
    pub wx: Tensor<B, 2>,
    /// `[d_hidden, gates·d_hidden]`, or `None` if the gates do not see the hidden state
    pub wh: Option<Tensor<B, 2>>,
    /// `[biases·d_hidden]`, of which the kernel's [`Gates`](kernels::recurrent::Gates) say how many there are
    pub b: Option<Tensor<B, 1>>,
}

impl<B: Backend> KernelLayer<B> {
    /// Returns a layer with these parameters.
    pub fn new(
        kernel: &'static dyn Kernel,
        wx: &Param<Tensor<B, 2>>,
        wh: &Param<Tensor<B, 2>>,
        b: &Option<Param<Tensor<B, 1>>>,
    ) -> Self {
        KernelLayer {
            kernel,
            wx: wx.val(),
            wh: Some(wh.val()),
            b: b.as_ref().map(Param::val),
        }
    }

    /// Returns the size of the hidden state.
    pub fn d_hidden(&self) -> usize {
        self.wx.dims()[1] / self.kernel.gates().count()
    }

    /// Checks that the shapes agree.
    fn check(&self, input: &Input<B>, state: &[Tensor<B, 2>]) {
        let ([d_input, width], d_hidden) = (self.wx.dims(), self.d_hidden());
        let gates = self.kernel.gates();
        let whole = gates.count() * d_hidden;
        assert_eq!(width, whole, "wx: [d_input, gates·d_hidden]");
        if let Some(wh) = &self.wh {
            let shape = [d_hidden, width];
            assert_eq!(wh.dims(), shape, "wh: [d_hidden, gates·d_hidden]");
        }
        if let Some(b) = &self.b {
            let biases = gates.biases() * d_hidden;
            assert_eq!(b.dims(), [biases], "b: [biases·d_hidden]");
        }
        if let Input::Vectors(x) = input {
            assert_eq!(x.dims()[2], d_input, "input: [batch, time, d_input]");
        }
        for state in state {
            assert_eq!(
                state.dims(),
                [input.shape()[0], d_hidden],
                "state: [batch, d_hidden]"
            );
        }
    }
}

/// Runs a layer over sequences from `states`, tensors `[batch, d_hidden]`, if the backend has kernels for it: one
/// direction, or a forward and a backward one. A sequence of no steps is left to the reference path, which
/// rejects it.
///
/// # Panics
///
/// Panics if the shapes do not agree.
pub fn forward<B: Backend>(
    layers: &[&KernelLayer<B>],
    input: &Input<B>,
    lengths: Option<&Lengths>,
    states: &[&[Tensor<B, 2>]],
) -> Option<SequenceOutput<B>> {
    let kernels = kernels::<B>()?;
    if input.shape()[1] == 0 {
        return None;
    }
    for (layer, state) in layers.iter().zip(states) {
        layer.check(input, state);
    }
    let output = kernels.sequence(layers, input, lengths, states)?;
    count(|paths| paths.kernels += 1);
    Some(output)
}

/// How many sequences took which path. A step by kernels is a sequence of one step.
///
/// See the example of [`fused`](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Paths {
    /// By kernels: layers, or layers of both directions.
    pub kernels: usize,
    /// Step by step or by [`linear_scan`](crate::linear_scan()), in ordinary tensor operations.
    pub reference: usize,
}

/// Runs `f`, and returns what it returns and the paths of the sequences that it ran on this thread.
pub fn paths<R>(f: impl FnOnce() -> R) -> (R, Paths) {
    let before = PATHS.get();
    let result = f();
    let after = PATHS.get();
    let paths = Paths {
        kernels: after.kernels - before.kernels,
        reference: after.reference - before.reference,
    };
    (result, paths)
}

/// Counts a sequence of this thread.
pub(crate) fn count(add: impl FnOnce(&mut Paths)) {
    let mut paths = PATHS.get();
    add(&mut paths);
    PATHS.set(paths);
}

/// The kernels of a backend. A method returns `None` for what it does not support.
///
/// Shapes are checked before a method is called. [`register`] shows an implementation.
pub trait SequenceKernels<B: Backend>: Send + Sync + 'static {
    /// Runs a layer over sequences: one direction, or a forward and a backward one, of the same cell and
    /// `d_hidden`, whose outputs lie side by side. Each starts from its own of the `states`: the hidden state
    /// and, if there is one, the cell, each `[batch, d_hidden]`. If there are `lengths`, what follows a
    /// sequence is padding, to be neither read nor, in the output, anything but zero.
    fn sequence(
        &self,
        layers: &[&KernelLayer<B>],
        input: &Input<B>,
        lengths: Option<&Lengths>,
        states: &[&[Tensor<B, 2>]],
    ) -> Option<SequenceOutput<B>>;

    /// Returns the mean cross-entropy `[1]` of `[n]` targets, given hidden states `[n, d_hidden]` and a head
    /// `[d_hidden, vocabulary]` with bias `[vocabulary]`.
    fn cross_entropy(
        &self,
        hidden: &Tensor<B, 2>,
        weight: &Tensor<B, 2>,
        bias: &Tensor<B, 1>,
        targets: &Tensor<B, 1, Int>,
    ) -> Option<Tensor<B, 1>>;
}

/// The kernels of each backend: an `Arc<dyn SequenceKernels<B>>` under the type of `B`.
type Registry = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(|| {
    let registry = RwLock::default();
    #[cfg(feature = "ndarray")]
    {
        use burn_ndarray::NdArray;
        register_cpu::<NdArray<f32, i64>>(&registry);
        register_cpu::<NdArray<f32, i32>>(&registry);
    }
    #[cfg(feature = "flex")]
    register_cpu::<burn_flex::Flex>(&registry);
    registry
});

/// Registers the kernels of a backend, replacing any that it had.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
///
/// use burn::tensor::{Int, Tensor};
/// use burn_ndarray::NdArray;
/// use models::{
///     Lengths, LstmConfig, RecurrentCell,
///     fused::{self, CpuInference, Input, KernelLayer, SequenceKernels, SequenceOutput},
/// };
///
/// static CALLS: AtomicUsize = AtomicUsize::new(0);
///
/// /// The kernels for CPUs, which count the sequences that they run.
/// struct Counting;
///
/// impl SequenceKernels<NdArray> for Counting {
///     fn sequence(
///         &self,
///         layers: &[&KernelLayer<NdArray>],
///         input: &Input<NdArray>,
///         lengths: Option<&Lengths>,
///         states: &[&[Tensor<NdArray, 2>]],
///     ) -> Option<SequenceOutput<NdArray>> {
///         CALLS.fetch_add(1, Relaxed);
///         CpuInference.sequence(layers, input, lengths, states)
///     }
///
///     fn cross_entropy(
///         &self,
///         _: &Tensor<NdArray, 2>,
///         _: &Tensor<NdArray, 2>,
///         _: &Tensor<NdArray, 1>,
///         _: &Tensor<NdArray, 1, Int>,
///     ) -> Option<Tensor<NdArray, 1>> {
///         None // the reference path
///     }
/// }
///
/// fused::register::<NdArray>(Counting);
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&device);
/// lstm.forward(Tensor::zeros([2, 5, 3], &device), None);
/// assert_eq!(CALLS.load(Relaxed), 1);
/// ```
pub fn register<B: Backend>(kernels: impl SequenceKernels<B>) {
    insert::<B>(&REGISTRY, kernels);
}

/// Registers the kernels of a backend, plain and under `Autodiff`.
#[cfg(any(feature = "ndarray", feature = "flex"))]
fn register_cpu<B: CpuBackend>(registry: &RwLock<Registry>) {
    insert::<B>(registry, CpuInference);
    insert::<Autodiff<B, NoCheckpointing>>(registry, CpuAutodiff);
    insert::<Autodiff<B, BalancedCheckpointing>>(registry, CpuAutodiff);
}

fn insert<B: Backend>(registry: &RwLock<Registry>, kernels: impl SequenceKernels<B>) {
    let kernels: Arc<dyn SequenceKernels<B>> = Arc::new(kernels);
    let mut registry = registry.write().expect("no panic while it is held");
    registry.insert(TypeId::of::<B>(), Box::new(kernels));
}

/// Returns the kernels of a backend, or `None` if it has none or inside [`without_kernels`].
pub fn kernels<B: Backend>() -> Option<Arc<dyn SequenceKernels<B>>> {
    if WITHOUT_KERNELS.get() {
        return None;
    }
    let registry = REGISTRY.read().expect("no panic while it is held");
    let kernels = registry.get(&TypeId::of::<B>())?;
    kernels.downcast_ref().cloned()
}

thread_local! {
    static WITHOUT_KERNELS: Cell<bool> = const { Cell::new(false) };
    /// Of all sequences of this thread so far.
    static PATHS: Cell<Paths> = const { Cell::new(Paths { kernels: 0, reference: 0 }) };
}

/// Runs `f` on this thread with every sequence on the reference path: for tests, and to find out whether a
/// problem lies in the kernels.
pub fn without_kernels<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            WITHOUT_KERNELS.set(self.0);
        }
    }
    let _restore = Restore(WITHOUT_KERNELS.replace(true));
    f()
}
