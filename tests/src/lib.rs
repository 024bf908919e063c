//! Helpers that the tests share.

pub mod compare;
pub mod golden;
pub mod gradcheck;
pub mod in_threads;
pub mod interrupted;
pub mod network;
pub mod parity;
pub mod pytorch;
pub mod random;
pub mod refused;
pub mod small_gates;
pub mod tiny;
