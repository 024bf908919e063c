//! The names that PyTorch gives to the tensors of recurrent layers: `weight_ih_l0`, `bias_hh_l1_reverse`, …

use burn::tensor::Element;

use super::{
    bytes::count_numbers, error::WeightsError, file::WeightFile, layer_weights::LayerWeights,
    pytorch::PyTorchLayer, to_safetensors::NamedArrays,
};

/// Which layer of an `nn.RNN`, `nn.LSTM` or `nn.GRU`, or an `nn.RNNCell` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// `None` for a single cell, whose names have no number.
    pub layer: Option<usize>,
    /// Whether it reads from the end.
    pub reverse: bool,
}

/// The tensors of a layer.
pub(super) const TENSORS: [&str; 5] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"];

impl Place {
    /// Returns the end of a tensor's name.
    pub fn name(self, tensor: &str) -> String {
        match self.layer {
            None => tensor.to_owned(),
            Some(layer) if self.reverse => format!("{tensor}_l{layer}_reverse"),
            Some(layer) => format!("{tensor}_l{layer}"),
        }
    }
}

/// Returns a prefix that ends in a dot, or is empty.
pub(super) fn with_dot(prefix: &str) -> String {
    match prefix.is_empty() || prefix.ends_with('.') {
        true => prefix.to_owned(),
        false => format!("{prefix}."),
    }
}

/// Returns the full prefix of the recurrent layers that `prefix` means, and whether they are a single cell.
fn find_layers(file: &WeightFile, prefix: &str) -> Result<(String, bool), WeightsError> {
    let prefix = with_dot(prefix);
    let found = |tensor: &str| {
        let name = file.find(&format!("{prefix}{tensor}"))?;
        Ok(name[..name.len() - tensor.len()].to_owned())
    };
    let (layers, cell): (Result<String, _>, Result<String, _>) =
        (found("weight_ih_l0"), found("weight_ih"));
    match (layers, cell) {
        (Ok(layers), Ok(cell)) if layers != cell && prefix.is_empty() => {
            Err(WeightsError::Ambiguous {
                name: "the recurrent layers".into(),
                candidates: vec![layers, cell],
            })
        }
        (Ok(layers), _) => Ok((layers, false)),
        (Err(WeightsError::Missing { .. }), Ok(cell)) => Ok((cell, true)),
        (Err(WeightsError::Missing { .. }), Err(error @ WeightsError::Ambiguous { .. })) => {
            Err(error)
        }
        (Err(error), _) => Err(error),
    }
}

/// Returns the weights of a layer, or `None` if the file has none there.
pub(super) fn read_layer<T: Element>(
    file: &WeightFile,
    prefix: &str,
    place: Place,
) -> Result<Option<LayerWeights<T>>, WeightsError> {
    let full = |tensor: &str| format!("{prefix}{}", place.name(tensor));
    let read = |tensor: &str| file.read_if_there::<T>(&full(tensor));
    let Some(weight_ih) = read("weight_ih")? else {
        return Ok(None);
    };
    let layer = PyTorchLayer {
        weight_ih,
        weight_hh: file.read_exact(&full("weight_hh"))?,
        bias_ih: read("bias_ih")?,
        bias_hh: read("bias_hh")?,
        weight_hr: read("weight_hr")?,
    };
    let ours = layer.into_ours().map_err(|error| error.within(full))?;
    Ok(Some(ours))
}

/// Layers from the input upwards, each in one or both directions.
type Layers<T> = Vec<Vec<LayerWeights<T>>>;

/// Returns the full prefix of the layers that `prefix` means, and their weights, from the input upwards, each in
/// one or both directions.
pub(super) fn read_layers<T: Element>(
    file: &WeightFile,
    prefix: &str,
) -> Result<(String, Layers<T>), WeightsError> {
    let (prefix, is_cell) = find_layers(file, prefix)?;
    let read = |layer, reverse| read_layer(file, &prefix, Place { layer, reverse });
    if is_cell {
        let cell = read(None, false)?.into_iter().collect();
        return Ok((prefix, vec![cell]));
    }
    let (mut layers, mut numbers): (Layers<T>, usize) = (Vec::new(), 0);
    while let Some(forward) = read(Some(layers.len()), false)? {
        let backward = read(Some(layers.len()), true)?;
        let layer: Vec<LayerWeights<T>> = [forward].into_iter().chain(backward).collect();
        count_numbers(&layer, &mut numbers, file.bytes(), file.path())?;
        layers.push(layer);
    }
    // A file from which layers were left out.
    let is_above = |name: &str| {
        let end = name.strip_prefix(&prefix)?;
        let number = end.split_once("_l")?.1.trim_end_matches("_reverse");
        let is_part = TENSORS.iter().any(|tensor| end.starts_with(tensor));
        let layer: usize = number.parse().ok().filter(|_| is_part)?;
        (layer >= layers.len()).then_some(())
    };
    if file.names().any(|name| is_above(name).is_some()) {
        let place = Place {
            layer: Some(layers.len()),
            reverse: false,
        };
        let name = format!("{prefix}{}", place.name("weight_ih"));
        return Err(WeightsError::missing(name));
    }
    Ok((prefix, layers))
}

/// Adds the tensors of a layer in PyTorch's layout to `to`.
pub(super) fn write_layer<T: Element>(
    layer: &LayerWeights<T>,
    prefix: &str,
    place: Place,
    to: &mut NamedArrays<T>,
) -> Result<(), WeightsError> {
    let theirs = layer.to_pytorch().ok_or_else(|| {
        let form = layer.form;
        WeightsError::NotPortable(format!("{prefix}: PyTorch has no such cell as {form:?}"))
    })?;
    let tensors = [
        ("weight_ih", Some(theirs.weight_ih)),
        ("weight_hh", Some(theirs.weight_hh)),
        ("bias_ih", theirs.bias_ih),
        ("bias_hh", theirs.bias_hh),
        ("weight_hr", theirs.weight_hr),
    ];
    for (tensor, array) in tensors {
        let name = format!("{prefix}{}", place.name(tensor));
        to.extend(array.map(|array| (name, array)));
    }
    Ok(())
}
