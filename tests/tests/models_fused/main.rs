//! Kernels for whole sequences equal the reference path, values and gradients, on every backend that
//! has them; and the stepper equals `step`.

mod cells;
mod char_lm;
mod registry;
mod sequences;
mod stepper;
