//! The backends and their names.

use clap::ValueEnum;

/// A backend of Burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// NVIDIA GPUs through CUDA.
    Cuda,
    /// GPUs through Vulkan, Metal, DirectX 12 or WebGPU.
    Wgpu,
    /// The CPU, with the ndarray crate.
    Ndarray,
    /// The CPU, with Burn's newer kernels in Rust.
    Flex,
}

impl BackendName {
    /// All backends, the one that is likely fastest first.
    pub(super) const ALL: [BackendName; 4] = [Self::Cuda, Self::Wgpu, Self::Ndarray, Self::Flex];

    pub(super) fn is_compiled_in(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Ndarray => cfg!(feature = "ndarray"),
            Self::Flex => cfg!(feature = "flex"),
        }
    }

    /// The name on the command line, which is also the name of the Cargo feature.
    pub(super) fn feature(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
            Self::Ndarray => "ndarray",
            Self::Flex => "flex",
        }
    }

    /// Returns what to do on a machine where the backend finds no device.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Cuda => "install NVIDIA's driver and the CUDA toolkit",
            Self::Wgpu => {
                "install a Vulkan driver (on Debian: libvulkan1 and, to render in software, \
                 mesa-vulkan-drivers)"
            }
            Self::Ndarray | Self::Flex => "this is a bug: the CPU is always there",
        }
    }
}
