//! The files of other programs, and what they hold for our networks.

mod archive;
mod bytes;
mod file;
mod keras_file;
mod modules;
mod networks;
mod npz;
mod onnx_constants;
mod onnx_file;
mod onnx_model;
mod onnx_proto;
mod pickle;
mod pytorch_file;
mod safetensors_file;
mod state_dict;
mod stored;
mod to_safetensors;

use super::{array, error, keras, layer_weights, onnx, pytorch};

pub use file::WeightFile;
pub use keras_file::keras_layers;
pub use modules::{LoadReport, load_pytorch, module_to_pytorch};
pub use networks::CharLmNames;
pub use onnx_file::OnnxFile;
pub use to_safetensors::{NamedArrays, to_safetensors};
