//! A layer and its sequences, in the backend's own form: one direction, or both.

use std::borrow::Cow;

use burn::tensor::{Tensor, TensorMetadata, backend::Backend};
use kernels::{Engine, Kernel, PackedLayer, Shape};

use super::{
    CpuBackend, KernelLayer,
    cpu_backend::{are_f32, primitive},
    order::Order,
};
use crate::lengths::Lengths;

/// A layer's weights and state for one direction, and the order in which it reads the steps.
pub(super) struct Direction<B: CpuBackend> {
    pub kernel: &'static dyn Kernel,
    pub wx: B::FloatTensorPrimitive,
    pub wh: Option<B::FloatTensorPrimitive>,
    pub b: Option<B::FloatTensorPrimitive>,
    pub h0: B::FloatTensorPrimitive,
    pub c0: Option<B::FloatTensorPrimitive>,
    pub order: Order,
}

/// The input of a layer, in the backend's own form.
#[derive(Clone, Debug)]
pub(super) enum HostInput<B: CpuBackend> {
    Vectors(B::FloatTensorPrimitive),
    Tokens(Vec<u32>),
}

/// One direction or two, which read the same input.
pub(super) struct Sequence<B: CpuBackend> {
    pub directions: Vec<Direction<B>>,
    pub shape: [usize; 2],
    pub d_hidden: usize,
    pub input: HostInput<B>,
}

impl<B: CpuBackend> Direction<B> {
    pub(super) fn new(
        layer: &KernelLayer<B>,
        state: &[Tensor<B, 2>],
        shape: [usize; 2],
        lengths: Option<&Lengths>,
        backwards: bool,
    ) -> Self {
        Direction {
            kernel: layer.kernel,
            wx: primitive(&layer.wx),
            wh: layer.wh.as_ref().map(primitive),
            b: layer.b.as_ref().map(primitive),
            h0: primitive(&state[0]),
            c0: state.get(1).map(primitive),
            order: Order::new(shape, lengths, backwards),
        }
    }

    /// `[d_input, gates·d_hidden]`
    pub(super) fn wx_shape(&self) -> [usize; 2] {
        self.wx.shape().dims()
    }
}

/// The values of one direction. Input and state are in its order.
pub(super) struct Values<'a> {
    pub kernel: &'static dyn Kernel,
    pub wx: Cow<'a, [f32]>,
    pub wh: Cow<'a, [f32]>,
    pub b: Cow<'a, [f32]>,
    pub h0: Cow<'a, [f32]>,
    pub c0: Cow<'a, [f32]>,
    pub order: &'a Order,
    input: InputValues<'a>,
    d_hidden: usize,
}

enum InputValues<'a> {
    Vectors(Cow<'a, [f32]>),
    Tokens(Cow<'a, [u32]>),
}

impl Values<'_> {
    pub(super) fn input(&self) -> kernels::Input<'_> {
        match &self.input {
            InputValues::Vectors(x) => kernels::Input::Vectors(x),
            InputValues::Tokens(tokens) => kernels::Input::Tokens(tokens),
        }
    }

    pub(super) fn pack(&self, engine: &Engine) -> Box<dyn PackedLayer + '_> {
        let wx = Cow::Borrowed(&*self.wx);
        let takes = self.input().kind();
        self.kernel
            .pack(engine, takes, self.d_hidden, wx, &self.wh, &self.b)
    }
}

impl<B: CpuBackend> Sequence<B> {
    /// Returns whether the kernels take it: 32-bit floats, and more than a single step unless the backend
    /// wants them for that too.
    pub(super) fn is_for_kernels(&self) -> bool {
        (self.shape != [1, 1] || B::KERNELS_FOR_SINGLE_STEPS) && self.is_f32()
    }

    fn is_f32(&self) -> bool {
        let of_input = match &self.input {
            HostInput::Vectors(x) => are_f32([x.dtype()]),
            HostInput::Tokens(_) => true,
        };
        let of_direction = |direction: &Direction<B>| {
            let Direction {
                wx, wh, b, h0, c0, ..
            } = direction;
            let options = [wh, b, c0].into_iter().flatten();
            let mut all = [wx, h0].into_iter().chain(options);
            all.all(|tensor| are_f32([tensor.dtype()]))
        };
        of_input && self.directions.iter().all(of_direction)
    }

    pub(super) fn kernel_shape(&self) -> Shape {
        let [batch, time] = self.shape;
        Shape { batch, time }
    }

    /// The width of the output: that of both directions side by side.
    pub(super) fn width(&self) -> usize {
        self.directions.len() * self.d_hidden
    }

    /// Returns whether the only direction's output is that of the layer.
    pub(super) fn is_natural(&self) -> bool {
        matches!(&self.directions[..], [only] if only.order.is_natural())
    }

    /// Calls `f` for each direction, with its values, one of the `given`, and an engine. Two directions
    /// share the threads.
    pub(super) fn each<T: Send, R: Send>(
        &self,
        given: Vec<T>,
        f: impl Fn(&Values, T, &Engine) -> R + Sync,
    ) -> Vec<R> {
        let values: Vec<_> = self.directions.iter().map(|d| self.values(d)).collect();
        let engine = Engine::new();
        let mut given = given.into_iter();
        let mut next = || given.next().expect("one for each direction");
        match &values[..] {
            [first, second] => {
                let (of_first, of_second) = (next(), next());
                let (first, second) = engine.join(
                    |engine| f(first, of_first, engine),
                    |engine| f(second, of_second, engine),
                );
                vec![first, second]
            }
            values => values.iter().map(|v| f(v, next(), &engine)).collect(),
        }
    }

    fn values<'a>(&'a self, direction: &'a Direction<B>) -> Values<'a> {
        let Direction {
            wx,
            wh,
            b,
            h0,
            c0,
            order,
            ..
        } = direction;
        let option = |tensor: &'a Option<B::FloatTensorPrimitive>| {
            tensor.as_ref().map_or(Cow::default(), |t| B::values(t))
        };
        let input = match &self.input {
            HostInput::Vectors(x) => {
                let [d_input, _] = direction.wx_shape();
                InputValues::Vectors(match B::values(x) {
                    Cow::Borrowed(x) => order.take(x, d_input, 0..d_input),
                    Cow::Owned(x) => order.take(&x, d_input, 0..d_input).into_owned().into(),
                })
            }
            HostInput::Tokens(tokens) => InputValues::Tokens(order.take(tokens, 1, 0..1)),
        };
        Values {
            kernel: direction.kernel,
            wx: B::values(wx),
            wh: option(wh),
            b: option(b),
            h0: order.take_rows(B::values(h0)),
            c0: order.take_rows(option(c0)),
            order,
            input,
            d_hidden: self.d_hidden,
        }
    }

    /// Returns the columns of the output, or of its gradient, that belong to a direction.
    pub(super) fn columns(&self, direction: usize) -> std::ops::Range<usize> {
        direction * self.d_hidden..(direction + 1) * self.d_hidden
    }

    /// Returns the output of the layer, `[batch, time, width]`, given that of each direction.
    pub(super) fn merge(&self, outputs: &[Vec<f32>]) -> Vec<f32> {
        let [batch, time] = self.shape;
        let width = self.width();
        let mut merged = vec![0.0; batch * time * width];
        for (i, (direction, output)) in self.directions.iter().zip(outputs).enumerate() {
            let columns = self.columns(i);
            direction.order.add_to(&mut merged, width, columns, output);
        }
        merged
    }
}

/// Returns the hidden state after each sequence's own last step, `[batch, d_hidden]` for each direction, given
/// the output `[batch, time, directions·d_hidden]`.
pub(super) fn last_hidden<B: Backend>(
    output: &Tensor<B, 3>,
    lengths: Option<&Lengths>,
    directions: usize,
) -> Vec<Tensor<B, 2>> {
    let [batch, time, width] = output.dims();
    let h = width / directions;
    let step = |t: usize, first: usize| {
        let at = output.clone().slice([0..batch, t..t + 1, first..first + h]);
        at.reshape([batch, h])
    };
    let of_forward = match lengths {
        Some(lengths) => lengths.last(output.clone()).narrow(1, 0, h),
        None => step(time - 1, 0),
    };
    let of_backward = (directions > 1).then(|| step(0, h));
    [of_forward].into_iter().chain(of_backward).collect()
}
