//! Keras's layout: `SimpleRNN`, `LSTM` and `GRU`.

use burn::tensor::Element;

use super::{
    array::Array,
    error::WeightsError,
    layer_weights::{Form, LayerWeights, check_shape},
};

/// The variables of one direction of a Keras layer. With G gates (LSTM i, f, c, o, which are ours; GRU z, r,
/// h):
///
/// ```text
/// wx = kernel              [d_input, G·d_hidden]
/// wh = recurrent_kernel    [d_hidden, G·d_hidden]
/// b  = bias                [G·d_hidden]
///
/// GRU with reset_after=True (the default), our form after the product:  bias [2, 3·d_hidden] of x and h
///     b = bias of x + [bias of h of z and r, 0]     bhn = bias of h of h
/// GRU with reset_after=False, our form before the product
/// ```
///
/// and the gates in our order. On the way out the bias of h is 0 but for its last part, so that the sum is
/// exact.
///
/// ```
/// use models::weights::{Array, Form, LayerWeights};
///
/// let gates = Array::new([1, 3], vec![1f32, 2.0, 3.0]); // r, z, n of one number
/// let ours = LayerWeights::new(Form::OriginalGru, gates.clone(), gates);
/// let theirs = ours.to_keras().unwrap();
/// assert_eq!(theirs.kernel.values, [2.0, 1.0, 3.0]); // z, r, h
/// assert_eq!(theirs.into_ours().unwrap(), ours);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KerasLayer<T> {
    /// The layer and its options, for not all show in the shapes.
    pub form: Form,
    /// `[d_input, G·d_hidden]`
    pub kernel: Array<T>,
    /// `[d_hidden, G·d_hidden]`
    pub recurrent_kernel: Array<T>,
    /// `[G·d_hidden]`, or `[2, 3·d_hidden]`
    pub bias: Option<Array<T>>,
}

/// Returns the gates of one order by their places in the other.
fn order(form: Form) -> &'static [usize] {
    match form {
        Form::TanhRnn | Form::ReluRnn => &[0],
        Form::Lstm | Form::PeepholeLstm | Form::ProjectedLstm => &[0, 1, 2, 3],
        Form::Gru | Form::OriginalGru => &[1, 0, 2],
    }
}

impl<T: Element> KerasLayer<T> {
    /// Returns the equations that variables of such shapes belong to. A GRU without biases is taken for one
    /// with `reset_after=True`, a SimpleRNN for one with tanh, as they are by default.
    ///
    /// # Errors
    ///
    /// Returns an error if no layer has such shapes.
    pub fn form(
        recurrent_kernel: &Array<T>,
        bias: Option<&Array<T>>,
    ) -> Result<Form, WeightsError> {
        let (h, columns) = (recurrent_kernel.rows(), recurrent_kernel.columns());
        match (columns.checked_div(h), bias) {
            (Some(1), _) if columns == h => Ok(Form::TanhRnn),
            (Some(4), _) if columns == 4 * h => Ok(Form::Lstm),
            (Some(3), Some(bias)) if columns == 3 * h && bias.shape.len() == 1 => {
                Ok(Form::OriginalGru)
            }
            (Some(3), _) if columns == 3 * h => Ok(Form::Gru),
            _ => Err(WeightsError::NoSuchCell(format!(
                "recurrent_kernel is {:?}: a SimpleRNN has as many columns as rows, a GRU 3 times, an LSTM 4 times as many",
                recurrent_kernel.shape
            ))),
        }
    }

    /// Returns the same weights in our layout.
    ///
    /// # Errors
    ///
    /// Returns an error if the shapes do not agree.
    pub fn into_ours(self) -> Result<LayerWeights<T>, WeightsError> {
        let (form, order) = (self.form, order(self.form));
        let (d, h) = (self.kernel.rows(), self.recurrent_kernel.rows());
        let width = order.len() * h;
        check_shape("kernel", Some(&self.kernel), &[d, width])?;
        check_shape(
            "recurrent_kernel",
            Some(&self.recurrent_kernel),
            &[h, width],
        )?;
        let two = form == Form::Gru;
        let expected = if two { vec![2, width] } else { vec![width] };
        check_shape("bias", self.bias.as_ref(), &expected)?;
        let (wx, wh) = (
            self.kernel.with_blocks(order),
            self.recurrent_kernel.with_blocks(order),
        );
        let mut ours = LayerWeights::new(form, wx, wh);
        if let Some(bias) = self.bias {
            let of_x = bias.part(0..width).with_blocks(order);
            ours.b = Some(of_x.clone());
            if two {
                let mut of_h = bias.part(width..2 * width).with_blocks(order);
                ours.bhn = Some(of_h.part(2 * h..3 * h));
                of_h.values[2 * h..].fill(T::from_elem(0.0f64));
                ours.b = Some(of_x.plus(&of_h));
            }
        }
        ours.checked()
    }
}

impl<T: Element> LayerWeights<T> {
    /// Returns the same weights in Keras's layout, or `None` if Keras has no such layer.
    pub fn to_keras(&self) -> Option<KerasLayer<T>> {
        if [Form::ProjectedLstm, Form::PeepholeLstm].contains(&self.form) {
            return None;
        }
        let order = order(self.form);
        let bias = self.b.as_ref().map(|b| {
            let of_x = b.clone().with_blocks(order);
            let Some(bhn) = &self.bhn else {
                return of_x;
            };
            let zeros = Array::zeros([2 * bhn.values.len()]);
            let both = Array::joined(&[&of_x, &zeros, bhn]);
            Array::new([2, of_x.values.len()], both.values)
        });
        Some(KerasLayer {
            form: self.form,
            kernel: self.wx.clone().with_blocks(order),
            recurrent_kernel: self.wh.clone().with_blocks(order),
            bias,
        })
    }
}
