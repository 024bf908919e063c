//! Weights in and out: files that PyTorch, ONNX exporters and Keras wrote, our own, and damaged ones.

mod char_lm;
mod onnx;
mod pytorch;
mod reference;
mod round_trips;
