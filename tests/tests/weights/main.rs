//! Weights in and out: files that PyTorch, ONNX exporters and Keras wrote, our own, and damaged ones.

mod burn_nn;
mod char_lm;
mod exports;
mod hostile;
mod keras;
mod modules;
mod onnx;
mod published;
mod pytorch;
mod reference;
mod round_trips;

// What it has compiled of the networks is not compiled again.
use tests as _;
