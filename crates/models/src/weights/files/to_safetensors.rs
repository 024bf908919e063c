//! Safetensors files of arrays.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{DType, Element, TensorData};
use safetensors::{Dtype, tensor::TensorView};

use super::array::Array;

/// Arrays by name, sorted.
pub type NamedArrays<T> = BTreeMap<String, Array<T>>;

/// Returns the content of a safetensors file of these arrays: the same bytes for the same arrays. `about` are
/// texts for its header.
///
/// ```
/// use models::weights::{Array, NamedArrays, WeightFile, to_safetensors};
///
/// let arrays = NamedArrays::from([("a".into(), Array::new([2], vec![1f32, 2.0]))]);
/// let file = WeightFile::from_bytes("memory", to_safetensors(&arrays, &[]))?;
/// assert_eq!(file.read::<f32>("a")?, arrays["a"]);
/// # Ok::<(), models::weights::WeightsError>(())
/// ```
///
/// # Panics
///
/// Panics if `T` is not f16, bf16, f32 or f64.
pub fn to_safetensors<T: Element>(arrays: &NamedArrays<T>, about: &[(&str, &str)]) -> Vec<u8> {
    let dtype = match T::dtype() {
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::F32 | DType::Flex32 => Dtype::F32,
        DType::F64 => Dtype::F64,
        other => panic!("weights of {other:?}"),
    };
    let data: Vec<(&String, TensorData)> = arrays
        .iter()
        .map(|(name, array)| {
            (
                name,
                TensorData::new(array.values.clone(), array.shape.clone()),
            )
        })
        .collect();
    let views = data.iter().map(|(name, data)| {
        let shape = arrays[*name].shape.clone();
        let view = TensorView::new(dtype, shape, data.as_bytes());
        (name, view.expect("as long as its shape says"))
    });
    let about = about
        .iter()
        .map(|&(key, text)| (key.to_owned(), text.to_owned()));
    let about: HashMap<String, String> = about.collect();
    let about = (!about.is_empty()).then_some(about);
    safetensors::serialize(views, about).expect("a header that is not too long")
}
