//! The bytes of files, and how many numbers may come of them.

use std::{fs, path::Path};

use burn::tensor::Element;

use super::{error::WeightsError, layer_weights::LayerWeights};

/// Reads a file.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, WeightsError> {
    fs::read(path).map_err(|source| WeightsError::Io {
        path: path.into(),
        source,
    })
}

/// Returns how many numbers a network or a constant from files of so many bytes may have, even if layers share
/// tensors: so many that they take twice the memory of the files, and 32 MiB.
pub(super) fn most_numbers(bytes: usize) -> usize {
    bytes / 2 + (8 << 20)
}

/// Adds the numbers of a layer to those of the layers below it, and returns an error if they are too many for
/// the bytes of the file.
pub(super) fn count_numbers<T: Element>(
    layer: &[LayerWeights<T>],
    numbers: &mut usize,
    bytes: usize,
    path: &Path,
) -> Result<(), WeightsError> {
    *numbers += layer.iter().map(LayerWeights::numbers).sum::<usize>();
    match *numbers <= most_numbers(bytes) {
        true => Ok(()),
        false => {
            let problem = "its layers have far more numbers than it has bytes";
            Err(WeightsError::damaged(path, problem))
        }
    }
}
