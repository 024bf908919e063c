//! Keras's variables in a file, by their paths: `sequential/lstm/lstm_cell/kernel`.

use burn::tensor::Element;

use super::{
    error::WeightsError,
    file::WeightFile,
    keras::KerasLayer,
    layer_weights::{LayerWeights, check_chain},
};

/// Returns the weights of the Keras layers of these names, from the input upwards, each in one or both
/// directions, of a file of variables by path: `numpy.savez(file, **{v.path: v.numpy() for v in
/// model.weights})`.
///
/// A name is the start of the path, such as `sequential/lstm`. Of a `Bidirectional` layer it is the layer's
/// own.
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
    check_chain(&layers)?;
    Ok(layers)
}

const END: &str = "recurrent_kernel";

fn layer<T: Element>(file: &WeightFile, name: &str) -> Result<Vec<LayerWeights<T>>, WeightsError> {
    let start = name.trim_matches('/');
    let is_inside = |path: &str| {
        let inside = format!("/{start}/");
        start.is_empty() || format!("/{path}").contains(&inside)
    };
    let paths = file
        .names()
        .filter(|path| path.ends_with(END) && is_inside(path));
    let paths: Vec<&str> = paths.collect();
    // The two directions are beside each other.
    let is_backward = |path: &&str| {
        let forward = path.replacen("/backward_", "/forward_", 1);
        forward != **path && paths.contains(&forward.as_str())
    };
    let (backward, forward): (Vec<&str>, Vec<&str>) =
        paths.iter().partition(|path| is_backward(path));
    match (&forward[..], &backward[..]) {
        ([forward], []) => Ok(vec![direction(file, forward)?]),
        ([forward], [backward]) => Ok(vec![direction(file, forward)?, direction(file, backward)?]),
        ([], _) => Err(WeightsError::Missing {
            what: "variable",
            name: format!("{start}/…/{END}"),
            hint: file.names().map(str::to_owned).collect(),
        }),
        _ => Err(WeightsError::Ambiguous {
            name: format!("{start}/…/{END}"),
            candidates: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    }
}

fn direction<T: Element>(file: &WeightFile, path: &str) -> Result<LayerWeights<T>, WeightsError> {
    let start = path.strip_suffix(END).unwrap_or(path);
    let recurrent_kernel = file.read_exact(path)?;
    let bias = file.read_if_there(&format!("{start}bias"))?;
    let layer = KerasLayer {
        form: KerasLayer::form(&recurrent_kernel, bias.as_ref())?,
        kernel: file.read_exact(&format!("{start}kernel"))?,
        recurrent_kernel,
        bias,
    };
    layer
        .into_ours()
        .map_err(|error| error.within(|name| format!("{start}{name}")))
}
