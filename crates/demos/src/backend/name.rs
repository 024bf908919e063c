//! The backends that there are, and their names.

use clap::ValueEnum;

/// A backend of Burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// NVIDIA GPUs by CUDA.
    Cuda,
    /// GPUs by Vulkan, Metal, DirectX 12 or WebGPU.
    Wgpu,
    /// The CPU, by the crate ndarray.
    Ndarray,
    /// The CPU, by Burn's newer kernels in Rust.
    Flex,
}

impl BackendName {
    /// All, the likely fastest first. Without a choice, the first that is compiled in is taken.
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

    /// What a machine lacks on which its device does not answer.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Cuda => "install NVIDIA's driver and the CUDA toolkit",
            Self::Wgpu => {
                "install a driver for Vulkan (on Debian: libvulkan1 and, for a device in software, \
                 mesa-vulkan-drivers)"
            }
            Self::Ndarray | Self::Flex => "this is a bug: the CPU is always there",
        }
    }
}
