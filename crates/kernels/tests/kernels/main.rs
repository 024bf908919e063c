//! The recurrent layers and the head on slices: against the equations in f64, bit for bit among
//! themselves, and at the edges of what they take.

mod bits;
mod compare;
mod contracts;
mod contracts_back;
mod equations;
mod finite_differences;
mod linear_cross_entropy;
mod non_finite;
mod padded;
mod problem;
mod reference;
mod run;
mod stepper;
