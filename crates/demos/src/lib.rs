//! What the programs share: the choice of a backend, data sets, and everything that people see.

pub mod backend;
pub mod choices;
pub mod datasets;
pub mod exit;
pub mod memory;
pub mod open_files;
pub mod stop;
pub mod view;
