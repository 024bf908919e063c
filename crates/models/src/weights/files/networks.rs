//! Whole networks in one call: a stack of layers, and a character model, from PyTorch's names and to them.

use burn::{
    module::{Module, ModuleDisplay},
    nn::{Embedding, Linear},
    tensor::{Element, backend::Backend},
};

use super::{
    array::Array,
    error::WeightsError,
    file::WeightFile,
    layer_weights::{LayerWeights, array, check_shape, param},
    onnx_file::OnnxFile,
    state_dict::{Place, read_layers, with_dot, write_layer},
    to_safetensors::NamedArrays,
};
use crate::{cell::RecurrentCell, char_lm::CharLm, stack::Stack};

impl<B: Backend, C: RecurrentCell<B>> Stack<B, C> {
    /// Returns the `nn.RNN`, `nn.LSTM` or `nn.GRU` at `prefix` of a file that PyTorch wrote, or the
    /// `nn.RNNCell`, `nn.LSTMCell` or `nn.GRUCell`. Sizes, number of layers, biases and projection are read off
    /// the tensors; the type `C` says what the layers are:
    ///
    /// | in PyTorch | `C` |
    /// |---|---|
    /// | `nn.LSTM` | [`Lstm`](crate::Lstm); with `proj_size`, [`ProjectedLstm`](crate::ProjectedLstm) |
    /// | `nn.GRU` | [`Gru`](crate::Gru) |
    /// | `nn.RNN` | [`Rnn`](crate::Rnn), with tanh: a file does not say if it was ReLU ([`Rnn::activation`](crate::Rnn::activation)) |
    /// | any of them | [`AnyCell`](crate::AnyCell) |
    /// | `bidirectional=True` | [`Bidirectional`](crate::Bidirectional) of these |
    ///
    /// An empty `prefix` means the only one in the file. It may lack the names in front, such as `module.` or
    /// `state_dict.`, as long as one place fits.
    ///
    /// ```
    /// use burn_ndarray::NdArray;
    /// use models::{Lstm, Stack, StackConfig, weights::{WeightFile, to_safetensors}};
    ///
    /// type B = NdArray<f32>;
    /// let device = Default::default();
    /// let stack: Stack<B, Lstm<B>> = StackConfig::new(3, 8).with_n_layers(2).init((), &device);
    /// let bytes = to_safetensors(&stack.to_pytorch("encoder.rnn.")?, &[]); // for load_state_dict
    ///
    /// let file = WeightFile::from_bytes("memory", bytes)?; // or WeightFile::open("model.pt")
    /// let again: Stack<B, Lstm<B>> = Stack::from_pytorch(&file, "rnn.", &device)?;
    /// assert_eq!(again.layers[1].wx.to_data(), stack.layers[1].wx.to_data());
    /// # Ok::<(), models::weights::WeightsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if there are no such tensors at `prefix`, if there are at several places, if the shapes
    /// do not agree, or if they are the weights of another cell than `C`.
    pub fn from_pytorch(
        file: &WeightFile,
        prefix: &str,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        Self::from_layers(read_layers(file, prefix)?.1, device)
    }

    /// Returns the recurrent operators of an ONNX model whose names start with `prefix`, one above the other.
    /// Sizes, layers, directions and biases are read off the model; the type `C` says what the layers are, and
    /// [`AnyCell`](crate::AnyCell) takes whatever there is:
    ///
    /// | operator | `C` |
    /// |---|---|
    /// | `LSTM` | [`Lstm`](crate::Lstm), with peepholes [`PeepholeLstm`](crate::PeepholeLstm) |
    /// | `GRU` | [`Gru`](crate::Gru) |
    /// | `RNN` | [`Rnn`](crate::Rnn) |
    /// | `direction` bidirectional | [`Bidirectional`](crate::Bidirectional) of these |
    ///
    /// The layers start from zeros unless they are given a state, whatever the model starts them from, and read
    /// `[batch, time, d_input]`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such operator, if they do not follow one another, if one has attributes
    /// that our cells have not, if its weights are no constants, or if they are those of another cell than `C`.
    pub fn from_onnx(
        file: &OnnxFile,
        prefix: &str,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        Self::from_layers(file.layers(prefix)?, device)
    }

    /// Returns the tensors that `load_state_dict` of PyTorch's module takes, with `prefix` before their names.
    ///
    /// # Errors
    ///
    /// Returns an error if PyTorch has no such layer.
    pub fn to_pytorch(&self, prefix: &str) -> Result<NamedArrays<B::FloatElem>, WeightsError> {
        let (prefix, mut arrays) = (with_dot(prefix), NamedArrays::new());
        let mut layers = self.to_layers()?;
        // In PyTorch all layers have biases, or none has.
        if layers.iter().flatten().any(|weights| weights.b.is_some()) {
            let with_biases = |weights: LayerWeights<_>| weights.with_biases();
            let all = layers.into_iter();
            layers = all
                .map(|layer| layer.into_iter().map(with_biases).collect())
                .collect();
        }
        for (layer, directions) in layers.iter().enumerate() {
            for (weights, reverse) in directions.iter().zip([false, true]) {
                let place = Place {
                    layer: Some(layer),
                    reverse,
                };
                write_layer(weights, &prefix, place, &mut arrays)?;
            }
        }
        Ok(arrays)
    }
}

/// The names of a character model's parts in a file that PyTorch wrote. What is `None` is found by its shape.
///
/// See [`CharLm::from_pytorch`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CharLmNames {
    /// The `nn.Embedding`, such as `encoder`; an empty name means that there is none, and characters are
    /// one-hot vectors.
    pub embedding: Option<String>,
    /// The `nn.RNN`, `nn.LSTM` or `nn.GRU`, such as `rnn`.
    pub rnn: Option<String>,
    /// The `nn.Linear` that gives a score for each character, such as `decoder`.
    pub head: Option<String>,
}

impl<B: Backend, C: RecurrentCell<B> + Module<B> + ModuleDisplay> CharLm<B, C> {
    /// Returns the character model of a file that PyTorch wrote: embedding, recurrent layers, linear layer.
    ///
    /// # Errors
    ///
    /// Returns an error if a part is not there, if several could be meant, or if the shapes do not agree.
    pub fn from_pytorch(
        file: &WeightFile,
        names: &CharLmNames,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        let rnn = names.rnn.as_deref().unwrap_or_default();
        let (rnn, layers) = read_layers(file, rnn)?;
        let sizes = |layer: &[LayerWeights<_>]| (layer[0].d_input(), layer[0].d_hidden());
        let (Some((d, _)), Some((_, h))) = (
            layers.first().map(|layer| sizes(layer)),
            layers.last().map(|layer| sizes(layer)),
        ) else {
            return Err(WeightsError::missing(format!("{rnn}weight_ih_l0")));
        };
        let stack = Stack::from_layers(layers, device)?;

        let head = match &names.head {
            Some(name) => file.find(&format!("{}weight", with_dot(name)))?.to_owned(),
            None => by_shape(
                file,
                &rnn,
                "head",
                true,
                &|shape| matches!(*shape, [_, columns] if columns == h),
            )?,
        };
        let weight = matrix::<B::FloatElem>(file, &head, h)?;
        let vocab_size = weight.rows();
        let bias_name = bias_of(&head).unwrap_or_default();
        let bias = match file.read_if_there(&bias_name)? {
            Some(bias) => {
                check_shape(&bias_name, Some(&bias), &[vocab_size])?;
                bias
            }
            None => Array::zeros([vocab_size]),
        };

        let embedding = match &names.embedding {
            Some(name) if name.is_empty() => None,
            Some(name) => Some(file.find(&format!("{}weight", with_dot(name)))?.to_owned()),
            None => {
                let fits = |shape: &[usize]| *shape == [vocab_size, d];
                let found = by_shape(file, &rnn, "embedding", false, &fits);
                let found = found.and_then(|name| match name == head {
                    true => Err(could_be("embedding", file)),
                    false => Ok(name),
                });
                match found {
                    Err(WeightsError::Missing { .. }) if d == vocab_size => None,
                    found => Some(found?),
                }
            }
        };
        refuse_others(file, &rnn, &[Some(&head), embedding.as_ref()])?;
        let embedding = embedding.map(|name| -> Result<_, WeightsError> {
            let table = matrix::<B::FloatElem>(file, &name, d)?;
            check_shape(&name, Some(&table), &[vocab_size, d])?;
            Ok(Embedding {
                weight: param(table, device),
            })
        });
        Ok(CharLm {
            embedding: embedding.transpose()?,
            stack,
            head: Linear {
                weight: param(weight.transposed(), device),
                bias: Some(param(bias, device)),
            },
            weight_dropout: 0.0,
        })
    }

    /// Returns the tensors of a PyTorch module with the parts `embedding`, an `nn.Embedding` (unless characters
    /// are one-hot vectors), `rnn`, and `head`, an `nn.Linear`.
    ///
    /// # Errors
    ///
    /// Returns an error if PyTorch has no such layers.
    pub fn to_pytorch(&self) -> Result<NamedArrays<B::FloatElem>, WeightsError> {
        let mut arrays = self.stack.to_pytorch("rnn.")?;
        if let Some(embedding) = &self.embedding {
            arrays.insert("embedding.weight".into(), array(&embedding.weight));
        }
        arrays.insert("head.weight".into(), array(&self.head.weight).transposed());
        let bias = self.head.bias.as_ref().map(array);
        arrays.extend(bias.map(|bias| ("head.bias".into(), bias)));
        Ok(arrays)
    }
}

/// Returns what stands before the names of all parts of the model with recurrent layers at `rnn`.
fn root(rnn: &str) -> String {
    let root = rnn.trim_end_matches('.').rsplit_once('.');
    root.map_or(String::new(), |(root, _)| format!("{root}."))
}

/// Returns the name of the bias beside a weight.
fn bias_of(weight: &str) -> Option<String> {
    Some(format!("{}bias", weight.strip_suffix("weight")?))
}

/// Returns an error if the model has other parts: without them its scores would be others.
fn refuse_others(
    file: &WeightFile,
    rnn: &str,
    parts: &[Option<&String>],
) -> Result<(), WeightsError> {
    let root = root(rnn);
    let others = file.names().filter(|&name| {
        let is_part = parts
            .iter()
            .flatten()
            .any(|&part| part == name || bias_of(part).as_deref() == Some(name));
        let is_optimiser = name
            .strip_prefix(&root)
            .is_some_and(|rest| rest.starts_with("optim"));
        name.starts_with(&root)
            && !name.starts_with(rnn)
            && !is_part
            && !is_optimiser
            && file.has_floats(name)
    });
    match &others.take(8).collect::<Vec<_>>()[..] {
        [] => Ok(()),
        others => Err(WeightsError::NoSuchCell(format!(
            "a character model here is an embedding, recurrent layers and a linear layer; this has more: {}",
            others.join(", ")
        ))),
    }
}

/// Returns the name of the only weight beside the recurrent layers at `rnn` that has a shape that `fits`, and a
/// bias if `with_bias` says so. Any other will do if no weight has what it says.
fn by_shape(
    file: &WeightFile,
    rnn: &str,
    what: &'static str,
    with_bias: bool,
    fits: &dyn Fn(&[usize]) -> bool,
) -> Result<String, WeightsError> {
    let root = root(rnn);
    let has_bias = |name: &str| bias_of(name).is_some_and(|bias| file.shape(&bias).is_some());
    let names = file.names().filter(|name| {
        let shape = file.shape(name);
        name.starts_with(&root) && name.ends_with("weight") && shape.is_some_and(fits)
    });
    let names: Vec<&str> = names.collect();
    let (right, other): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| has_bias(name) == with_bias);
    match &(if right.is_empty() { other } else { right })[..] {
        [only] => Ok((*only).to_owned()),
        [] => Err(could_be(what, file)),
        several => Err(WeightsError::Ambiguous {
            name: format!("the {what}"),
            candidates: several.iter().map(|name| (*name).to_owned()).collect(),
        }),
    }
}

fn could_be(what: &'static str, file: &WeightFile) -> WeightsError {
    WeightsError::Missing {
        what: "weight that could be the",
        name: what.into(),
        hint: file.names().map(str::to_owned).collect(),
    }
}

/// Returns a matrix of so many columns.
fn matrix<T: Element>(
    file: &WeightFile,
    name: &str,
    columns: usize,
) -> Result<Array<T>, WeightsError> {
    let array: Array<T> = file.read_exact(name)?;
    match *array.shape {
        [_, found] if found == columns => Ok(array),
        _ => {
            let expected = [array.rows(), columns];
            Err(WeightsError::misshapen(name, &expected, &array.shape))
        }
    }
}
