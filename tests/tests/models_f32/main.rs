//! The networks in f32, as they are used.

mod embedding_in_modules;
mod parity;
