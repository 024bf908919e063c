//! Weights in and out: other frameworks' layouts, and their files.

mod archive;
mod array;
pub mod burn_nn;
mod error;
mod file;
mod keras;
mod layer_weights;
mod modules;
mod networks;
mod npz;
mod onnx;
mod onnx_constants;
mod onnx_file;
mod onnx_model;
mod onnx_proto;
mod pickle;
mod pytorch;
mod pytorch_file;
mod safetensors_file;
mod state_dict;
mod stored;
mod to_safetensors;

pub use array::Array;
pub use error::WeightsError;
pub use file::WeightFile;
pub use keras::{KerasLayer, keras_layers};
pub use layer_weights::{Form, LayerWeights, of_another_cell};
pub(crate) use layer_weights::{array, only, param};
pub use modules::{LoadReport, load_pytorch, module_to_pytorch};
pub use networks::CharLmNames;
pub use onnx::OnnxLayer;
pub use onnx_file::OnnxFile;
pub use pytorch::PyTorchLayer;
pub use to_safetensors::{NamedArrays, to_safetensors};
