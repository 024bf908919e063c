//! Weights in and out: what other frameworks call our weights, and their files.
//!
//! A layer's weights go from one world to another in two steps, through our own layout on the host:
//!
//! ```text
//! PyTorchLayer ─┐                                   ┌─ Lstm, Gru, Rnn, …
//! OnnxLayer ────┼─ into_ours ▶ LayerWeights ◀ to_… ─┤  Stack::from_layers, Stack::to_layers
//! KerasLayer ───┘◀ to_…                             └─ AnyCell
//! ```
//!
//! | from or to | a layer's tensors | a network | a file |
//! |---|---|---|---|
//! | PyTorch | [`PyTorchLayer`] | [`Stack::from_pytorch`], [`Stack::to_pytorch`], [`CharLm::from_pytorch`], [`CharLm::to_pytorch`]; any module: [`load_pytorch`], [`module_to_pytorch`] | safetensors, `.pt`, `.pth`: [`WeightFile`], [`to_safetensors()`] |
//! | ONNX | [`OnnxLayer`] | [`Stack::from_onnx`], [`Stack::to_onnx`], [`CharLm::to_onnx`] | [`OnnxFile`] |
//! | Keras | [`KerasLayer`] | [`keras_layers`], then [`Stack::from_layers`] | `.npz`: [`WeightFile`] |
//! | burn-nn 0.21 | [`burn_nn`] | | |
//!
//! The page of each kind of layer has the equations of its layout. What reads and writes files needs the
//! feature `files`.
//!
//! [`Stack::from_pytorch`]: crate::Stack::from_pytorch
//! [`Stack::to_pytorch`]: crate::Stack::to_pytorch
//! [`Stack::from_onnx`]: crate::Stack::from_onnx
//! [`Stack::to_onnx`]: crate::Stack::to_onnx
//! [`Stack::from_layers`]: crate::Stack::from_layers
//! [`CharLm::from_pytorch`]: crate::CharLm::from_pytorch
//! [`CharLm::to_pytorch`]: crate::CharLm::to_pytorch
//! [`CharLm::to_onnx`]: crate::CharLm::to_onnx

mod array;
pub mod burn_nn;
mod error;
#[cfg(feature = "files")]
mod files;
mod keras;
mod layer_weights;
mod onnx;
mod pytorch;
mod stacks;

pub use array::Array;
pub use error::WeightsError;
#[cfg(feature = "files")]
pub use files::*;
pub use keras::KerasLayer;
pub use layer_weights::{Form, LayerWeights, of_another_cell};
pub(crate) use layer_weights::{array, only, param};
pub use onnx::OnnxLayer;
pub use pytorch::PyTorchLayer;
