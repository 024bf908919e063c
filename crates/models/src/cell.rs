//! What a recurrent cell is: a state to start from, and one step.

use burn::{
    config::Config,
    module::{AutodiffModule, Module, ModuleDisplay},
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    fused::{self, Input, KernelLayer},
    init::{Init, Initializer, Remember},
    lengths::Lengths,
    scan::{scan, scan_padded},
    weights::{LayerWeights, WeightsError, of_another_cell},
};

/// Returns zeros on the device and in the precision of `near`.
pub(crate) fn zeros<B: Backend, const D: usize>(
    shape: [usize; D],
    near: &Tensor<B, 2>,
) -> Tensor<B, D> {
    Tensor::zeros(shape, (&near.device(), near.dtype()))
}

/// A recurrent cell: the pure function `(x[t], state[t-1]) → (y[t], state[t])`.
///
/// A cell of your own needs only [`initial_state`](Self::initial_state) and [`step`](Self::step). That is
/// enough to run it over sequences ([`forward`](Self::forward)), to stream it
/// ([`Stepper`](crate::Stepper)), and to put it into a [`Stack`](crate::Stack).
///
/// ```
/// use burn::tensor::{Tensor, backend::Backend};
/// use burn_ndarray::NdArray;
/// use models::{RecurrentCell, RecurrentState};
///
/// /// `h[t] = ½·h[t-1] + x[t]`
/// struct Fading<B: Backend>(B::Device);
///
/// #[derive(Clone)]
/// struct Trace<B: Backend>(Tensor<B, 2>);
///
/// impl<B: Backend> RecurrentState<B> for Trace<B> {
///     fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
///         Trace(f("trace", self.0))
///     }
/// }
///
/// impl<B: Backend> RecurrentCell<B> for Fading<B> {
///     type State = Trace<B>;
///
///     fn initial_state(&self, batch: usize) -> Trace<B> {
///         Trace(Tensor::zeros([batch, 1], &self.0))
///     }
///
///     fn step(&self, x: Tensor<B, 2>, state: Trace<B>) -> (Tensor<B, 2>, Trace<B>) {
///         let h = state.0 * 0.5 + x;
///         (h.clone(), Trace(h))
///     }
/// }
///
/// let cell = Fading::<NdArray>(Default::default());
/// let (y, _) = cell.forward(Tensor::ones([1, 3, 1], &cell.0), None);
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [1.0, 1.5, 1.75]);
/// ```
pub trait RecurrentCell<B: Backend> {
    /// What the cell remembers between steps.
    type State: RecurrentState<B>;

    /// Returns the state before the first step of `batch` sequences: zeros, on the device and in the
    /// precision of the weights.
    fn initial_state(&self, batch: usize) -> Self::State;

    /// Runs one step in time: the article's `next`.
    ///
    /// `x` is `[batch, d_input]`; the output is `[batch, d_hidden]`.
    ///
    /// # Panics
    ///
    /// Panics if the shapes of `x`, `state` and the weights do not agree.
    fn step(&self, x: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State);

    /// Runs a whole sequence: `[batch, time, d_input]` → `[batch, time, d_hidden]`, and the state after
    /// the last step. Without a `state` it starts from [`initial_state`](Self::initial_state).
    ///
    /// # Panics
    ///
    /// Panics on a sequence of no steps, or if shapes do not agree.
    fn forward(
        &self,
        input: Tensor<B, 3>,
        state: Option<Self::State>,
    ) -> (Tensor<B, 3>, Self::State)
    where
        Self: Sized,
    {
        let state = state.unwrap_or_else(|| self.initial_state(input.dims()[0]));
        self.sequence(input, None, state)
    }

    /// Runs sequences of unequal [`Lengths`], padded to `[batch, time, d_input]`. The output for padding is
    /// zero, and the state that is returned is that after each sequence's own last step. Padding has no
    /// influence and no gradient, even if it is NaN.
    ///
    /// This computes what PyTorch computes on a packed sequence.
    ///
    /// # Panics
    ///
    /// Panics if shapes do not agree.
    fn forward_padded(
        &self,
        input: Tensor<B, 3>,
        lengths: &Lengths,
        state: Option<Self::State>,
    ) -> (Tensor<B, 3>, Self::State)
    where
        Self: Sized,
    {
        let [batch, time, _] = input.dims();
        lengths.check(batch, time);
        let state = state.unwrap_or_else(|| self.initial_state(batch));
        self.sequence(input, Some(lengths), state)
    }

    /// Runs a sequence that is time-major, `[time, batch, d_input]` → `[time, batch, d_hidden]`: otherwise
    /// [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// Panics if [`forward`](Self::forward) does.
    fn forward_time_major(
        &self,
        input: Tensor<B, 3>,
        state: Option<Self::State>,
    ) -> (Tensor<B, 3>, Self::State)
    where
        Self: Sized,
    {
        let (output, state) = self.forward(input.swap_dims(0, 1), state);
        (output.swap_dims(0, 1), state)
    }

    /// Runs a long sequence in windows of `window` steps (the last may be shorter), each from the state that
    /// the one before it left: an iterator over the output of each window and the state after it.
    ///
    /// Together the outputs are what [`forward`](Self::forward) returns. The state is detached between
    /// windows, so a backward pass reaches back to the start of its window, as in truncated BPTT, and memory
    /// is bounded by the window if the caller drops each output.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use burn_ndarray::NdArray;
    /// use models::{LstmConfig, RecurrentCell};
    ///
    /// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&Default::default());
    /// let x = Tensor::zeros([2, 1000, 3], &Default::default());
    /// let steps = lstm.forward_chunked(x, 64, None).map(|(y, _)| y.dims()[1]);
    /// assert_eq!(steps.sum::<usize>(), 1000);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics on a window or a sequence of no steps; the iterator panics if shapes do not agree.
    fn forward_chunked(
        &self,
        input: Tensor<B, 3>,
        window: usize,
        state: Option<Self::State>,
    ) -> impl Iterator<Item = (Tensor<B, 3>, Self::State)>
    where
        Self: Sized,
    {
        let [batch, time, _] = input.dims();
        assert!(window > 0, "forward_chunked: a window of at least one step");
        assert!(
            time > 0,
            "forward_chunked: the input [batch, time, d_input] has no time steps"
        );
        let mut state = state.unwrap_or_else(|| self.initial_state(batch));
        (0..time).step_by(window).map(move |start| {
            let steps = window.min(time - start);
            let chunk = input.clone().narrow(1, start, steps);
            let (output, next) = self.sequence(chunk, None, state.clone().detach());
            state = next.clone();
            (output, next)
        })
    }

    /// Runs a whole sequence from `state`, of all steps or of `lengths`. The other `forward` methods call
    /// this one; a combinator, or a cell with a faster form, replaces it.
    ///
    /// This computes the same as [`scan`](crate::scan()), with kernels if there are any
    /// ([`fused`](mod@crate::fused)).
    ///
    /// # Panics
    ///
    /// Panics on a sequence of no steps, or if shapes do not agree.
    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: Self::State,
    ) -> (Tensor<B, 3>, Self::State)
    where
        Self: Sized,
    {
        let step = |x, state| self.step(x, state);
        let vectors = Input::Vectors(input.clone());
        let by_kernels = self.by_kernels(&vectors, None, lengths, &state);
        by_kernels.unwrap_or_else(|| match lengths {
            Some(lengths) => scan_padded(input, lengths, state, step),
            None => scan(input, state, step),
        })
    }

    /// Returns whether the cell can run one step at a time, as nearly all can; a
    /// [`Bidirectional`](crate::Bidirectional) one, which reads the future too, can't.
    fn streams(&self) -> bool {
        true
    }

    /// Runs one step by kernels, if there are some for this cell and backend: a sequence of one step.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    fn step_by_kernels(
        &self,
        x: &Tensor<B, 2>,
        state: &Self::State,
    ) -> Option<(Tensor<B, 2>, Self::State)> {
        fused::kernels::<B>()?;
        let input = Input::Vectors(x.clone().unsqueeze_dim(1));
        let (y, state) = self.by_kernels(&input, None, None, state)?;
        Some((y.squeeze_dim(1), state))
    }

    /// Returns the layers of this cell in the form that kernels take, from the input upwards; a single cell
    /// is one layer. Returns `None`, the default, if a layer has no kernel.
    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        None
    }

    /// Returns the weights of each direction on the host, for other frameworks ([`weights`](crate::weights)).
    /// Returns `None`, the default, if no other framework has this cell.
    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        None
    }

    /// Returns a cell with these weights, one for each direction, and takes them out of the list; if they are
    /// those of another cell, they stay there.
    ///
    /// # Errors
    ///
    /// Returns an error if they are those of another cell, as by default all are.
    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError>
    where
        Self: Sized,
    {
        let _ = device;
        Err(of_another_cell(weights))
    }

    /// Runs a whole sequence, of all steps or of `lengths`, by kernels, if there are some for this cell and
    /// backend. For tokens, `table` turns `Wx` into the `x·Wx` of each ([`Input::Tokens`]).
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    fn by_kernels(
        &self,
        input: &Input<B>,
        table: Option<&dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>>,
        lengths: Option<&Lengths>,
        state: &Self::State,
    ) -> Option<(Tensor<B, 3>, Self::State)> {
        fused::kernels::<B>()?;
        let [mut layer] = <[_; 1]>::try_from(self.kernel_layers()?).ok()?;
        if let Some(table) = table {
            layer.wx = table(layer.wx);
        }
        let states = state.tensors();
        let (output, tensors) = fused::forward(&[&layer], input, lengths, &[&states])?;
        Some((output, state.clone().with_tensors(tensors)))
    }

    /// Runs a whole sequence by kernels in both directions, `backward` from the end: the output of both side by
    /// side, and the state of each.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    fn by_kernels_both_ways(
        &self,
        backward: &Self,
        input: &Tensor<B, 3>,
        lengths: Option<&Lengths>,
        states: [&Self::State; 2],
    ) -> Option<(Tensor<B, 3>, [Self::State; 2])>
    where
        Self: Sized,
    {
        fused::kernels::<B>()?;
        let of = |cell: &Self| <[_; 1]>::try_from(cell.kernel_layers()?).ok();
        let ([first], [second]) = (of(self)?, of(backward)?);
        let is_same = first.kernel.name() == second.kernel.name();
        if !is_same || first.d_hidden() != second.d_hidden() {
            return None;
        }
        let [forward_state, backward_state] = states.map(|state| state.tensors());
        let (output, mut tensors) = fused::forward(
            &[&first, &second],
            &Input::Vectors(input.clone()),
            lengths,
            &[&forward_state, &backward_state],
        )?;
        let of_backward = tensors.split_off(forward_state.len());
        let [forward, backward] = states.map(Clone::clone);
        let states = [
            forward.with_tensors(tensors),
            backward.with_tensors(of_backward),
        ];
        Some((output, states))
    }
}

/// What a cell carries from one step to the next: a record of `[batch, d_hidden]` tensors. The first is
/// the hidden state.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell, RecurrentState};
///
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&Default::default());
/// let mut names = Vec::new();
/// let ones = lstm.initial_state(2).map(&mut |name, tensor: Tensor<NdArray, 2>| {
///     names.push(name.to_owned());
///     tensor + 1.0
/// });
/// assert_eq!(names, ["hidden", "cell"]);
/// assert_eq!(ones.hidden().sum().into_scalar(), 2.0 * 8.0);
///
/// let kept = ones.to_data(); // and back, on any device
/// let again = lstm.initial_state(2).with_data(kept);
/// assert_eq!(again.cell.into_data(), ones.cell.into_data());
/// ```
pub trait RecurrentState<B: Backend>: Clone {
    /// Returns the same record with `f` applied to each tensor and its name, in the order of the fields.
    ///
    /// A checkpoint stores the tensors under these names, so no two may be the same.
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self;

    /// Returns the hidden state, which is the output of the last step.
    fn hidden(&self) -> Tensor<B, 2> {
        self.tensors().swap_remove(0)
    }

    /// Returns a state of `f(name, of self, of other)` for each tensor.
    ///
    /// # Panics
    ///
    /// Panics if `other` has a different number of tensors.
    fn zip(
        self,
        other: Self,
        mut f: impl FnMut(&str, Tensor<B, 2>, Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Self {
        let others = other.tensors();
        let mut others = others.into_iter();
        let state = self.map(&mut |name, tensor| {
            f(
                name,
                tensor,
                others.next().expect("states of the same form"),
            )
        });
        assert!(others.next().is_none(), "states of the same form");
        state
    }

    /// Returns the same values, detached from the graph: no gradient crosses this point. This is the
    /// boundary of truncated BPTT.
    fn detach(self) -> Self {
        self.map(&mut |_, tensor| tensor.detach())
    }

    /// Moves the state to another device.
    fn to_device(self, device: &B::Device) -> Self {
        self.map(&mut |_, tensor| tensor.to_device(device))
    }

    /// Returns the state unchanged, after checking that its tensors are `[batch, size]`, with one of the
    /// `sizes` each, in the order of the fields. Without this check a state of one row or column would be
    /// broadcast silently.
    ///
    /// # Panics
    ///
    /// Panics if they are not, or if there are not as many `sizes` as tensors.
    fn of_shape(self, batch: usize, sizes: &[usize]) -> Self {
        let mut left = sizes.iter();
        let state = self.map(&mut |name, tensor| {
            let size = left.next().expect("a size for each tensor of the state");
            let (dims, expected) = (tensor.dims(), [batch, *size]);
            assert!(
                dims == expected,
                "the state's {name} is {dims:?}, not {expected:?} for this input and layer"
            );
            tensor
        });
        assert!(left.next().is_none(), "a tensor of the state for each size");
        state
    }

    /// Returns the tensors, in the order of the fields.
    fn tensors(&self) -> Vec<Tensor<B, 2>> {
        let mut tensors = Vec::new();
        self.clone().map(&mut |_, tensor| {
            tensors.push(tensor.clone());
            tensor
        });
        tensors
    }

    /// Returns a state of this form that holds `tensors`, in the order of the fields.
    ///
    /// # Panics
    ///
    /// Panics unless `tensors` is as long as the list that [`tensors`](Self::tensors) returns.
    fn with_tensors(self, tensors: Vec<Tensor<B, 2>>) -> Self {
        let mut tensors = tensors.into_iter();
        let mut next = || tensors.next().expect("too few tensors for this state");
        let state = self.map(&mut |_, _| next());
        assert!(tensors.next().is_none(), "too many tensors for this state");
        state
    }

    /// Returns the values, in the order of the fields.
    fn to_data(&self) -> Vec<TensorData> {
        self.tensors().into_iter().map(Tensor::into_data).collect()
    }

    /// Returns a state of this form that holds `data`, as [`to_data`](Self::to_data) returned it, on the
    /// device and in the precision of this one.
    ///
    /// # Panics
    ///
    /// Panics unless `data` has one element for each tensor of the state.
    fn with_data(self, data: Vec<TensorData>) -> Self {
        let like = self.tensors();
        assert!(data.len() >= like.len(), "too few tensors for this state");
        assert!(data.len() <= like.len(), "too many tensors for this state");
        let tensors = data.into_iter().zip(like).map(|(data, like)| {
            let options = (&like.device(), like.dtype());
            Tensor::from_data(data, options)
        });
        self.with_tensors(tensors.collect())
    }
}

/// The states of several layers, from the input upwards. The layer's number precedes each name: `0.hidden`.
impl<B: Backend, S: RecurrentState<B>> RecurrentState<B> for Vec<S> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        let layers = self.into_iter().enumerate();
        let layer = |(i, state): (usize, S)| {
            state.map(&mut |name, tensor| f(&format!("{i}.{name}"), tensor))
        };
        layers.map(layer).collect()
    }

    fn hidden(&self) -> Tensor<B, 2> {
        self.last().expect("a layer").hidden()
    }
}

/// A cell that a [`Stack`](crate::Stack) or a [`CharLm`](crate::CharLm) can create from its sizes, and that
/// the command line or a checkpoint can name: a Burn module with a [`Description`].
///
/// [`cells!`](crate::cells!) makes a list of such cells, from which one is chosen at run time.
///
/// ```
/// use burn::module::Module;
/// use burn_ndarray::NdArray;
/// use models::{Cell, CellOptions, Init, Lstm, Rnn};
///
/// /// Returns the size of a fresh cell of any type.
/// fn size<C: Cell<NdArray>>() -> usize {
///     let mut init = Init::from_seed(1, &Default::default());
///     let cell = C::init(C::Kind::default(), &CellOptions::new(3, 8), &mut init);
///     Module::num_params(&cell)
/// }
/// assert_eq!(size::<Lstm<NdArray>>(), 4 * size::<Rnn<NdArray>>());
/// ```
pub trait Cell<B: Backend>: RecurrentCell<B> + Module<B> + ModuleDisplay + 'static {
    /// Which cell to create: `()` if the type is a single cell, an entry of the list if it is a list of
    /// cells.
    type Kind: Kind;

    /// Describes the cells of this kind.
    fn description(kind: Self::Kind) -> &'static Description;

    /// Returns which kind of cell this is: by default the default one, which is right for a type with one kind.
    fn kind(&self) -> Self::Kind {
        Self::Kind::default()
    }

    /// Returns a cell with fresh weights, drawn from `init`.
    fn init(kind: Self::Kind, options: &CellOptions, init: &mut Init<B>) -> Self;
}

/// What a [`Cell::Kind`] is: a plain value that can be compared and written to a file.
///
/// For example `()` of an [`Lstm`](crate::Lstm), and a [`CellKind`](crate::CellKind) of an
/// [`AnyCell`](crate::AnyCell).
pub trait Kind:
    Copy + Default + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Kind for K where
    K: Copy
        + Default
        + PartialEq
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// What is known about a cell before it has weights. Counts are floats, because they must be right even for
/// sizes that no machine has the memory for.
///
/// ```
/// use burn::module::Module;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, lstm::DESCRIPTION};
///
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&Default::default());
/// assert_eq!((DESCRIPTION.parameters)(3.0, 8.0), lstm.num_params() as f64);
/// assert_eq!((DESCRIPTION.state)(8.0), 16.0); // h and c
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name on the command line and in files: `lstm`.
    pub name: &'static str,
    /// The name of the type: `Lstm`.
    pub title: &'static str,
    /// Trainable numbers, given `d_input` and `d_hidden`.
    pub parameters: fn(f64, f64) -> f64,
    /// Whether the hidden state goes through weights, the parameter `wh`.
    pub recurrent_weights: bool,
    /// Numbers in the state of one sequence, given `d_hidden`.
    pub state: fn(f64) -> f64,
    /// Numbers that a step of one sequence leaves for the backward pass, given `d_hidden`.
    pub saved: fn(f64) -> f64,
}

/// The sizes of a cell, and how its weights start. A cell ignores the options that it has no use for.
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::{Cell, CellOptions, Gru, Init, Remember, Reset};
///
/// let mut init = Init::<NdArray>::from_seed(1, &Default::default());
/// let options = CellOptions::new(3, 8).with_remember(Remember::Bias(2.0));
/// let gru = Gru::init(Reset::AfterProduct, &options, &mut init);
/// let z = gru.b.unwrap().val().narrow(0, 8, 8); // the update gate's biases
/// assert_eq!(z.into_data().to_vec::<f32>().unwrap(), [2.0; 8]);
/// ```
#[derive(Config, Debug, PartialEq)]
#[non_exhaustive]
pub struct CellOptions {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the hidden state.
    pub d_hidden: usize,
    /// Whether there are biases.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// Whether the recurrent weights start as random orthogonal matrices.
    #[config(default = false)]
    pub orthogonal_recurrent: bool,
    /// How far the gates that keep memory are open at first.
    #[config(default = "Remember::ByDefault")]
    pub remember: Remember,
}

/// A [`Cell`] that Burn's autodiff can train, and whose form without autodiff is a cell of the same kind.
/// Every cell with `#[derive(Module)]` is one; the trait only names the bounds.
///
/// ```
/// use burn::tensor::{Tensor, backend::AutodiffBackend};
/// use burn_autodiff::Autodiff;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell, TrainableCell};
///
/// /// Runs a cell without autodiff.
/// fn evaluate<B: AutodiffBackend, C: TrainableCell<B>>(
///     cell: &C,
///     x: Tensor<B::InnerBackend, 3>,
/// ) -> Tensor<B::InnerBackend, 3> {
///     cell.valid().forward(x, None).0
/// }
///
/// let lstm = LstmConfig::new(3, 8).init::<Autodiff<NdArray>>(&Default::default());
/// let y = evaluate(&lstm, Tensor::zeros([2, 5, 3], &Default::default()));
/// assert_eq!(y.dims(), [2, 5, 8]);
/// ```
pub trait TrainableCell<B: AutodiffBackend>:
    Cell<B> + AutodiffModule<B, InnerModule = Self::Inner>
{
    /// The cell without autodiff.
    type Inner: Cell<B::InnerBackend, Kind = <Self as Cell<B>>::Kind>;
}

impl<B: AutodiffBackend, C> TrainableCell<B> for C
where
    C: Cell<B> + AutodiffModule<B>,
    C::InnerModule: Cell<B::InnerBackend, Kind = <C as Cell<B>>::Kind>,
{
    type Inner = C::InnerModule;
}
