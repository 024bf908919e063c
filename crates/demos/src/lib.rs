//! What the programs share: the choice of a backend, and what people see.

pub mod backend;
pub mod exit;
pub mod stop;
pub mod view;
