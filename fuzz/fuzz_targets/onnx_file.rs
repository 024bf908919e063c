//! An ONNX model of any bytes gives an error or layers.
#![no_main]

use burn_ndarray::NdArray;
use libfuzzer_sys::fuzz_target;
use models::{AnyCell, Stack, weights::OnnxFile};

type B = NdArray<f32>;

fuzz_target!(|bytes: &[u8]| {
    // No file of that name is beside a file that weights could lie in.
    let Ok(file) = OnnxFile::from_bytes("/dev/null/model.onnx", bytes.to_vec()) else {
        return;
    };
    let names = file.operators();
    let _ = Stack::<B, AnyCell<B>>::from_onnx(&file, "", &Default::default());
    for name in names.iter().take(4) {
        let _ = file.layers_named::<f32>(&[name]);
    }
});
