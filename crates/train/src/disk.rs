//! What reaches the disk, and comes back: files and folders that a crash leaves whole, and safetensors
//! files.

pub(crate) mod atomic;
pub(crate) mod tensors;

pub use atomic::{Disk, FileSystem};
