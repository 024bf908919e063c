//! What the programs share: the choice of a backend, data sets, and everything that people see.
//!
//! # Features
//!
//! Each is a backend that `--backend` can name; a program can have several.
//!
//! | feature | device |
//! |---|---|
//! | `ndarray` (default) | CPU |
//! | `flex` | CPU, by Burn's newer backend |
//! | `wgpu` | GPU by Vulkan, Metal or DirectX 12 |
//! | `cuda` | NVIDIA GPU |
//!
//! The feature `mpi` is none: with it, `char_lstm train` runs on many processes ([`ranks`]).

pub mod allocator;
pub mod backend;
pub mod choices;
pub mod command_line;
pub mod datasets;
pub mod exit;
mod hints;
pub mod memory;
pub mod open_files;
pub mod ranks;
pub mod shell;
pub mod stop;
pub mod view;
