//! PyTorch's layout: `nn.RNN`, `nn.LSTM`, `nn.GRU`, and `nn.RNNCell`, `nn.LSTMCell`, `nn.GRUCell`.

use burn::tensor::Element;

use super::{
    array::Array,
    error::WeightsError,
    layer_weights::{Form, LayerWeights, check_shape},
};

/// The tensors of one layer in one direction, as PyTorch keeps them. With G gates (LSTM i, f, g, o; GRU r, z,
/// n) and `c` = `hidden_size` cells, of which d_hidden is `proj_size` or, without a projection, all:
///
/// ```text
/// wx  = weight_ihᵀ               weight_ih [G·c, d_input]
/// wh  = weight_hhᵀ               weight_hh [G·c, d_hidden]
/// b   = bias_ih + bias_hh        both [G·c]
/// wr  = weight_hrᵀ               weight_hr [d_hidden, c]
///
/// GRU:  b = bias_ih + [bias_hh of r and z, 0]     bhn = bias_hh of n
/// ```
///
/// On the way out a bias goes into `bias_ih`, and `bias_hh` is 0 (except that of a GRU's n), so that the sum is
/// exact.
///
/// ```
/// use models::weights::{Array, Form, LayerWeights};
///
/// let column = |values: [f32; 2]| Array::new([2, 1], values.to_vec());
/// let ours = LayerWeights::new(
///     Form::TanhRnn,
///     Array::new([1, 2], vec![1.0, 2.0]),         // [d_input, d_hidden]
///     Array::new([2, 2], vec![1.0, 2.0, 3.0, 4.0]),
/// );
/// let theirs = ours.to_pytorch().unwrap();
/// assert_eq!(theirs.weight_ih, column([1.0, 2.0]));
/// assert_eq!(theirs.weight_hh.values, [1.0, 3.0, 2.0, 4.0]);
/// assert_eq!(theirs.into_ours().unwrap(), ours);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PyTorchLayer<T> {
    /// `[G·c, d_input]`
    pub weight_ih: Array<T>,
    /// `[G·c, d_hidden]`
    pub weight_hh: Array<T>,
    /// `[G·c]`
    pub bias_ih: Option<Array<T>>,
    /// `[G·c]`
    pub bias_hh: Option<Array<T>>,
    /// `[d_hidden, c]`, if there is a projection.
    pub weight_hr: Option<Array<T>>,
}

impl<T: Element> PyTorchLayer<T> {
    /// Returns the equations that these tensors belong to: their shapes say so, except that an RNN's tanh or
    /// ReLU stands nowhere in a file; it is taken for tanh, PyTorch's default.
    ///
    /// # Errors
    ///
    /// Returns an error if no layer has such shapes.
    pub fn form(&self) -> Result<Form, WeightsError> {
        let (weight, h) = (&self.weight_hh, self.weight_hh.columns());
        let rows = weight.rows();
        check_shape("weight_hh", Some(weight), &[rows, h])?;
        if let Some(projection) = &self.weight_hr {
            let cells = projection.columns();
            check_shape("weight_hr", Some(projection), &[h, cells])?;
            check_shape("weight_hh", Some(weight), &[4 * cells, h])?;
            return Ok(Form::ProjectedLstm);
        }
        match rows.checked_div(h) {
            Some(4) if rows == 4 * h => Ok(Form::Lstm),
            Some(3) if rows == 3 * h => Ok(Form::Gru),
            Some(1) if rows == h => Ok(Form::TanhRnn),
            _ => Err(WeightsError::not_gates("weight_hh", &weight.shape)),
        }
    }

    /// Returns the same weights in our layout.
    ///
    /// # Errors
    ///
    /// Returns an error if the shapes do not agree.
    pub fn into_ours(self) -> Result<LayerWeights<T>, WeightsError> {
        let form = self.form()?;
        let width = self.weight_hh.rows();
        let d = self.weight_ih.columns();
        check_shape("weight_ih", Some(&self.weight_ih), &[width, d])?;
        check_shape("bias_ih", self.bias_ih.as_ref(), &[width])?;
        check_shape("bias_hh", self.bias_hh.as_ref(), &[width])?;
        let (wx, wh) = (self.weight_ih.transposed(), self.weight_hh.transposed());
        let mut ours = LayerWeights::new(form, wx, wh);
        let (bias_ih, mut bias_hh) = match (self.bias_ih, self.bias_hh) {
            (Some(bias_ih), Some(bias_hh)) => (bias_ih, bias_hh),
            (None, None) => (Array::zeros([0]), Array::zeros([0])),
            (Some(_), None) => return Err(WeightsError::missing("bias_hh")),
            (None, Some(_)) => return Err(WeightsError::missing("bias_ih")),
        };
        if !bias_ih.values.is_empty() {
            if form == Form::Gru {
                let n = 2 * width / 3..width;
                ours.bhn = Some(bias_hh.part(n.clone()));
                bias_hh.values[n].fill(T::from_elem(0.0f64));
            }
            ours.b = Some(bias_ih.plus(&bias_hh));
        }
        ours.wr = self.weight_hr.map(|weight| weight.transposed());
        ours.checked()
    }
}

impl<T: Element> LayerWeights<T> {
    /// Returns the same weights in PyTorch's layout, or `None` if PyTorch has no such cell.
    pub fn to_pytorch(&self) -> Option<PyTorchLayer<T>> {
        let bias_hh = |b: &Array<T>| Array::zeros(b.shape.clone());
        let bias_hh = match self.form {
            Form::TanhRnn | Form::ReluRnn | Form::Lstm | Form::ProjectedLstm => {
                self.b.as_ref().map(bias_hh)
            }
            Form::Gru => self.bhn.as_ref().map(|bhn| {
                let of_r_and_z = Array::zeros([2 * bhn.values.len()]);
                Array::joined(&[&of_r_and_z, bhn])
            }),
            Form::OriginalGru | Form::PeepholeLstm => return None,
        };
        Some(PyTorchLayer {
            weight_ih: self.wx.transposed(),
            weight_hh: self.wh.transposed(),
            bias_ih: self.b.clone(),
            bias_hh,
            weight_hr: self.wr.as_ref().map(Array::transposed),
        })
    }
}
