//! The weights of one layer in one direction, on the host, in our layout: what every mapping starts from or
//! ends in.

use burn::{
    module::Param,
    tensor::{Element, Tensor, backend::Backend},
};

use super::{array::Array, error::WeightsError};

/// The equations that weights belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// [`Rnn`](crate::Rnn) with tanh.
    TanhRnn,
    /// [`Rnn`](crate::Rnn) with ReLU.
    ReluRnn,
    /// [`Lstm`](crate::Lstm)
    Lstm,
    /// [`ProjectedLstm`](crate::ProjectedLstm)
    ProjectedLstm,
    /// [`PeepholeLstm`](crate::PeepholeLstm)
    PeepholeLstm,
    /// [`Gru`](crate::Gru) that resets after the product.
    Gru,
    /// [`Gru`](crate::Gru) that resets before the product.
    OriginalGru,
}

impl Form {
    /// Returns the number of gates, the candidate among them.
    pub fn gates(self) -> usize {
        match self {
            Form::TanhRnn | Form::ReluRnn => 1,
            Form::Lstm | Form::ProjectedLstm | Form::PeepholeLstm => 4,
            Form::Gru | Form::OriginalGru => 3,
        }
    }
}

/// The weights of one layer in one direction, in our layout: the fields of the modules, as arrays. With G
/// gates, and `d_cell` = `d_hidden` unless there is a projection:
///
/// | | shape | gates |
/// |---|---|---|
/// | `wx` | `[d_input, G·d_cell]` | `Lstm` i, f, g, o; `Gru` r, z, n |
/// | `wh` | `[d_hidden, G·d_cell]` | the same |
/// | `b` | `[G·d_cell]` | the same |
/// | `bhn` | `[d_hidden]` | the bias inside the reset gate, of a `Gru` that resets after the product |
/// | `p` | `[3·d_hidden]` | the peepholes of i, f, o |
/// | `wr` | `[d_cell, d_hidden]` | the projection |
#[derive(Clone, Debug, PartialEq)]
pub struct LayerWeights<T> {
    /// The equations.
    pub form: Form,
    /// From the input to the gates.
    pub wx: Array<T>,
    /// From the hidden state to the gates.
    pub wh: Array<T>,
    /// The biases, if there are any.
    pub b: Option<Array<T>>,
    /// The candidate's bias inside the reset gate.
    pub bhn: Option<Array<T>>,
    /// The peepholes.
    pub p: Option<Array<T>>,
    /// The projection.
    pub wr: Option<Array<T>>,
}

impl<T: Element> LayerWeights<T> {
    /// Returns weights without biases, peepholes and projection.
    pub fn new(form: Form, wx: Array<T>, wh: Array<T>) -> Self {
        LayerWeights {
            form,
            wx,
            wh,
            b: None,
            bhn: None,
            p: None,
            wr: None,
        }
    }

    /// Returns the size of an input vector.
    pub fn d_input(&self) -> usize {
        self.wx.rows()
    }

    /// Returns the size of the hidden state.
    pub fn d_hidden(&self) -> usize {
        self.wh.rows()
    }

    /// Returns how many numbers the two matrices have.
    #[cfg(feature = "files")]
    pub(super) fn numbers(&self) -> usize {
        self.wx.values.len() + self.wh.values.len()
    }

    /// Returns the same weights, with biases of 0 if there were none.
    pub fn with_biases(mut self) -> Self {
        let (width, h) = (self.wx.columns(), self.d_hidden());
        self.b.get_or_insert_with(|| Array::zeros([width]));
        if self.form == Form::Gru {
            self.bhn.get_or_insert_with(|| Array::zeros([h]));
        }
        self
    }

    /// Returns the weights unchanged, after checking the shape of each array.
    ///
    /// # Errors
    ///
    /// Returns the first array whose shape does not follow from those of `wx` and `wh`.
    pub fn checked(self) -> Result<Self, WeightsError> {
        let (gates, d, h) = (self.form.gates(), self.d_input(), self.d_hidden());
        let cells = self.wh.columns() / gates;
        let shapes = [
            ("wx", Some(&self.wx), vec![d, gates * cells]),
            ("wh", Some(&self.wh), vec![h, gates * cells]),
            ("b", self.b.as_ref(), vec![gates * cells]),
            ("bhn", self.bhn.as_ref(), vec![h]),
            ("p", self.p.as_ref(), vec![3 * h]),
            ("wr", self.wr.as_ref(), vec![cells, h]),
        ];
        for (name, array, expected) in shapes {
            check_shape(name, array, &expected)?;
        }
        if self.form != Form::ProjectedLstm {
            check_shape("wh", Some(&self.wh), &[h, gates * h])?;
        }
        let parts = [
            (
                "bhn",
                self.bhn.is_some(),
                self.b.is_some() && self.form == Form::Gru,
            ),
            ("p", self.p.is_some(), self.form == Form::PeepholeLstm),
            ("wr", self.wr.is_some(), self.form == Form::ProjectedLstm),
        ];
        for (name, is_there, is_needed) in parts {
            match (is_there, is_needed) {
                (false, true) => return Err(WeightsError::missing(name)),
                (true, false) => {
                    let form = self.form;
                    let problem = format!("{name} is no part of the cell {form:?}");
                    return Err(WeightsError::NoSuchCell(problem));
                }
                _ => {}
            }
        }
        match [d, h, cells].contains(&0) {
            true => Err(WeightsError::empty("wx and wh")),
            false => Ok(self),
        }
    }
}

/// Takes the weights of a layer out of the list, if it has one direction and one of these forms.
pub(crate) fn only<T>(
    weights: &mut Vec<LayerWeights<T>>,
    forms: &[Form],
) -> Result<LayerWeights<T>, WeightsError> {
    match &weights[..] {
        [one] if forms.contains(&one.form) => Ok(weights.remove(0)),
        _ => Err(of_another_cell(weights)),
    }
}

/// Returns the error for weights that are not those of the cell that was asked for.
#[doc(hidden)] // for the macro `cells!`
pub fn of_another_cell<T>(weights: &[LayerWeights<T>]) -> WeightsError {
    let forms = weights.iter().map(|one| one.form);
    WeightsError::NoSuchCell(match &forms.collect::<Vec<_>>()[..] {
        [] => "there are no weights".into(),
        [form] => format!("the weights are those of another cell: {form:?}"),
        [form, ..] => format!("the weights are those of a bidirectional layer: {form:?}"),
    })
}

/// Checks that each layer takes what the one below it gives.
pub(super) fn check_chain<T: Element>(layers: &[Vec<LayerWeights<T>>]) -> Result<(), WeightsError> {
    for (i, pair) in layers.windows(2).enumerate() {
        let (below, above) = (&pair[0], &pair[1]);
        let gives: usize = below.iter().map(LayerWeights::d_hidden).sum();
        let takes = above.iter().map(LayerWeights::d_input);
        if below.len() != above.len() {
            let (below, above) = (below.len(), above.len());
            return Err(WeightsError::NoSuchCell(format!(
                "layers {i} and {} have {below} and {above} directions",
                i + 1
            )));
        }
        if let Some(takes) = takes.into_iter().find(|&takes| takes != gives) {
            return Err(WeightsError::NoSuchCell(format!(
                "layer {i} gives {gives} numbers, but layer {} takes {takes}",
                i + 1
            )));
        }
    }
    Ok(())
}

/// Returns an error if there is an array of another shape.
pub(super) fn check_shape<T>(
    name: &str,
    array: Option<&Array<T>>,
    expected: &[usize],
) -> Result<(), WeightsError> {
    match array {
        Some(array) if array.shape != expected => {
            Err(WeightsError::misshapen(name, expected, &array.shape))
        }
        _ => Ok(()),
    }
}

/// Returns a parameter of these numbers.
pub(crate) fn param<B: Backend, const D: usize>(
    array: Array<B::FloatElem>,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    Param::from_tensor(array.into_tensor(device))
}

/// Returns the numbers of a parameter.
pub(crate) fn array<B: Backend, const D: usize>(
    param: &Param<Tensor<B, D>>,
) -> Array<B::FloatElem> {
    Array::of_tensor(param.val())
}
