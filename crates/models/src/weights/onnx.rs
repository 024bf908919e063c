//! ONNX's layout: the operators `RNN`, `LSTM` and `GRU`.

use burn::tensor::Element;

use super::{
    array::Array,
    error::WeightsError,
    layer_weights::{Form, LayerWeights, check_shape},
};

/// The tensors of one direction of an ONNX operator. With G gates (LSTM i, o, f, c; GRU z, r, h):
///
/// ```text
/// wx = Wᵀ        W [G·d_hidden, d_input]
/// wh = Rᵀ        R [G·d_hidden, d_hidden]
/// b  = Wb + Rb   B = [Wb, Rb], 2·G·d_hidden
/// p  = P         P [3·d_hidden], peepholes of i, o, f
///
/// GRU with linear_before_reset = 1, our form after the product:  b = Wb + [Rb of z and r, 0]   bhn = Rb of h
/// GRU with linear_before_reset = 0, our form before the product: b = Wb + Rb
/// ```
///
/// and the gates in our order. On the way out a bias goes into Wb, and Rb is 0 (except that of a GRU's h), so
/// that the sum is exact.
///
/// ```
/// use models::weights::{Array, Form, LayerWeights};
///
/// let gates = Array::new([1, 4], vec![1f32, 2.0, 3.0, 4.0]); // i, f, g, o of one number
/// let ours = LayerWeights::new(Form::Lstm, gates.clone(), gates);
/// let theirs = ours.to_onnx().unwrap();
/// assert_eq!(theirs.w.values, [1.0, 4.0, 2.0, 3.0]); // i, o, f, c
/// assert_eq!(theirs.into_ours().unwrap(), ours);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OnnxLayer<T> {
    /// The operator and its attributes.
    pub form: Form,
    /// `[G·d_hidden, d_input]`
    pub w: Array<T>,
    /// `[G·d_hidden, d_hidden]`
    pub r: Array<T>,
    /// `[2·G·d_hidden]`
    pub b: Option<Array<T>>,
    /// `[3·d_hidden]`
    pub p: Option<Array<T>>,
}

/// Returns the places of our gates in ONNX's order.
fn order(form: Form) -> &'static [usize] {
    match form {
        Form::TanhRnn | Form::ReluRnn => &[0],
        Form::Lstm | Form::PeepholeLstm | Form::ProjectedLstm => &[0, 2, 3, 1],
        Form::Gru | Form::OriginalGru => &[1, 0, 2],
    }
}

/// Returns the places of ONNX's gates in our order.
fn inverse(form: Form) -> &'static [usize] {
    match form {
        Form::Lstm | Form::PeepholeLstm | Form::ProjectedLstm => &[0, 3, 1, 2],
        other => order(other),
    }
}

impl<T: Element> OnnxLayer<T> {
    /// Returns the same weights in our layout.
    ///
    /// # Errors
    ///
    /// Returns an error if the shapes do not agree.
    pub fn into_ours(self) -> Result<LayerWeights<T>, WeightsError> {
        let (form, order) = (self.form, order(self.form));
        let (d, h) = (self.w.columns(), self.r.columns());
        let width = order.len() * h;
        check_shape("W", Some(&self.w), &[width, d])?;
        check_shape("R", Some(&self.r), &[width, h])?;
        check_shape("B", self.b.as_ref(), &[2 * width])?;
        check_shape("P", self.p.as_ref(), &[3 * h])?;
        let wx = self.w.transposed().with_blocks(order);
        let wh = self.r.transposed().with_blocks(order);
        let mut ours = LayerWeights::new(form, wx, wh);
        if let Some(b) = self.b {
            let wb = b.part(0..width).with_blocks(order);
            let mut rb = b.part(width..2 * width).with_blocks(order);
            if form == Form::Gru {
                ours.bhn = Some(rb.part(2 * h..3 * h));
                rb.values[2 * h..].fill(T::from_elem(0.0f64));
            }
            ours.b = Some(wb.plus(&rb));
        }
        ours.p = self.p.map(|p| p.with_blocks(&[0, 2, 1]));
        ours.checked()
    }
}

impl<T: Element> LayerWeights<T> {
    /// Returns the same weights in ONNX's layout, or `None` if ONNX has no such operator.
    pub fn to_onnx(&self) -> Option<OnnxLayer<T>> {
        if self.form == Form::ProjectedLstm {
            return None;
        }
        let order = inverse(self.form);
        let bias = |b: &Array<T>| {
            let mut rb: Array<T> = Array::zeros([b.values.len()]);
            if let Some(bhn) = &self.bhn {
                let n = rb.values.len() - bhn.values.len();
                rb.values[n..].copy_from_slice(&bhn.values);
            }
            Array::joined(&[&b.clone().with_blocks(order), &rb])
        };
        Some(OnnxLayer {
            form: self.form,
            w: self.wx.clone().with_blocks(order).transposed(),
            r: self.wh.clone().with_blocks(order).transposed(),
            b: self.b.as_ref().map(bias),
            p: self.p.as_ref().map(|p| p.clone().with_blocks(&[0, 2, 1])),
        })
    }
}
