//! A safetensors file, a `.pt` or an `.npz` of any bytes gives an error or numbers.
#![no_main]

use burn_ndarray::NdArray;
use libfuzzer_sys::fuzz_target;
use models::{
    AnyCell, CharLm, Stack,
    weights::{CharLmNames, WeightFile, keras_layers},
};

type B = NdArray<f32>;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = WeightFile::from_bytes("file", bytes.to_vec()) else {
        return;
    };
    for name in file.names() {
        if let Ok(array) = file.read::<f32>(name) {
            assert_eq!(array.shape.iter().product::<usize>(), array.values.len());
        }
    }
    let device = Default::default();
    let _ = Stack::<B, AnyCell<B>>::from_pytorch(&file, "", &device);
    let _ = CharLm::<B, AnyCell<B>>::from_pytorch(&file, &CharLmNames::default(), &device);
    let _ = keras_layers::<f32>(&file, &[""]);
});
