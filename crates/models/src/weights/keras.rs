//! Keras's layout: `SimpleRNN`, `LSTM` and `GRU`.

use burn::tensor::Element;

use super::{
    array::Array,
    error::WeightsError,
    file::WeightFile,
    layer_weights::{Form, LayerWeights, check_shape},
};

/// The variables of one direction of a Keras layer. With G gates (LSTM i, f, c, o, which are ours; GRU z, r, h):
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
/// and the gates in our order. On the way out the bias of h is 0 but for its last part, so that the sum is exact.
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
    /// Returns the equations that variables of such shapes belong to. A GRU without biases is taken for one with
    /// `reset_after=True`, a SimpleRNN for one with tanh, as they are by default.
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

/// Returns the weights of the Keras layers of these names, from the input upwards, each in one or both directions, of a
/// file of variables by path: `numpy.savez(file, **{v.path: v.numpy() for v in model.weights})`.
///
/// A name is the start of the path, such as `sequential/lstm`. Of a `Bidirectional` layer it is the layer's own.
///
/// # Errors
///
/// Returns an error if there are no such variables, if several could be meant, or if the shapes do not agree.
pub fn keras_layers<T: Element>(
    file: &WeightFile,
    names: &[&str],
) -> Result<Vec<Vec<LayerWeights<T>>>, WeightsError> {
    let layers = names.iter().map(|name| layer(file, name));
    let layers = layers.collect::<Result<Vec<_>, _>>()?;
    super::state_dict::check_chain(&layers)?;
    Ok(layers)
}

const END: &str = "recurrent_kernel";

fn layer<T: Element>(file: &WeightFile, name: &str) -> Result<Vec<LayerWeights<T>>, WeightsError> {
    let start = name.trim_end_matches('/');
    let is_inside = |path: &str| match path.find(start) {
        _ if start.is_empty() => true,
        Some(at) => {
            let (before, after) = (&path[..at], &path[at + start.len()..]);
            (before.is_empty() || before.ends_with('/')) && after.starts_with('/')
        }
        None => false,
    };
    let paths: Vec<&str> = file
        .names()
        .filter(|path| path.ends_with(END) && is_inside(path))
        .collect();
    let (backward, forward): (Vec<&str>, Vec<&str>) =
        paths.iter().partition(|path| path.contains("backward_"));
    match (&forward[..], &backward[..]) {
        ([forward], []) => Ok(vec![direction(file, forward)?]),
        ([forward], [backward]) => Ok(vec![direction(file, forward)?, direction(file, backward)?]),
        ([], _) => Err(WeightsError::Missing {
            name: format!("{start}/…/{END}"),
            hint: file.names().take(8).map(str::to_owned).collect(),
        }),
        _ => Err(WeightsError::Ambiguous {
            name: format!("{start}/…/{END}"),
            candidates: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    }
}

fn direction<T: Element>(file: &WeightFile, path: &str) -> Result<LayerWeights<T>, WeightsError> {
    let start = path.strip_suffix(END).unwrap_or(path);
    let recurrent_kernel = file.read(path)?;
    let bias = format!("{start}bias");
    let bias = file.shape(&bias).map(|_| file.read(&bias)).transpose()?;
    let layer = KerasLayer {
        form: KerasLayer::form(&recurrent_kernel, bias.as_ref())?,
        kernel: file.read(&format!("{start}kernel"))?,
        recurrent_kernel,
        bias,
    };
    layer
        .into_ours()
        .map_err(|error| error.within(|name| format!("{start}{name}")))
}
