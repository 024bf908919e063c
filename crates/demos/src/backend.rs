//! Which backend runs a program: Cargo features compile them in, `--backend` picks among those.

use std::panic;

use anyhow::Result;
use burn::tensor::{ElementConversion, Tensor, backend::AutodiffBackend};
use burn_autodiff::Autodiff;
use clap::ValueEnum;

use crate::exit::UsageError;

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

/// Something that runs on any backend.
pub trait Program {
    /// Runs it on this one.
    ///
    /// # Errors
    ///
    /// Whatever it may fail with.
    fn run<B: AutodiffBackend>(self, backend: Answering<B>) -> Result<()>;
}

/// A backend whose device answered.
pub struct Answering<B: AutodiffBackend> {
    /// The device.
    pub device: B::Device,
    /// Which backend it is.
    pub name: &'static str,
    /// What its device is called.
    pub device_name: String,
    /// Whether the device computes in the machine's main memory.
    pub is_cpu: bool,
}

impl BackendName {
    /// All, the likely fastest first. Without a choice, the first that is compiled in is taken.
    const ALL: [BackendName; 4] = [Self::Cuda, Self::Wgpu, Self::Ndarray, Self::Flex];

    fn is_compiled_in(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Ndarray => cfg!(feature = "ndarray"),
            Self::Flex => cfg!(feature = "flex"),
        }
    }

    /// The name on the command line, which is also the name of the Cargo feature.
    fn feature(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
            Self::Ndarray => "ndarray",
            Self::Flex => "flex",
        }
    }

    /// What a machine lacks on which its device does not answer.
    fn hint(self) -> &'static str {
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

/// Runs `program` on the backend of this name or, without one, on the first that is compiled in.
///
/// # Errors
///
/// Returns an error if the backend is not compiled in or finds no device, or if the program fails.
pub fn run(name: Option<BackendName>, program: impl Program) -> Result<()> {
    let name = match name {
        Some(name) if !name.is_compiled_in() => {
            let feature = name.feature();
            return Err(UsageError(format!(
                "--backend {feature}: not compiled in; build with --features {feature}"
            ))
            .into());
        }
        Some(name) => name,
        None => {
            let mut all = BackendName::ALL.into_iter();
            all.find(|name| name.is_compiled_in()).ok_or_else(|| {
                UsageError(
                    "no backend is compiled in; build with --features ndarray, flex, wgpu or cuda"
                        .into(),
                )
            })?
        }
    };
    match name {
        #[cfg(feature = "cuda")]
        BackendName::Cuda => program.run(cuda()?),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => program.run(wgpu()?),
        #[cfg(feature = "ndarray")]
        BackendName::Ndarray => program.run(ndarray()?),
        #[cfg(feature = "flex")]
        BackendName::Flex => program.run(flex()?),
        #[allow(unreachable_patterns)]
        _ => unreachable!("a backend that is compiled in"),
    }
}

/// A line for each backend: its name, its device, and whether it answers.
pub fn list() -> String {
    struct Name<'a>(&'a mut String);
    impl Program for Name<'_> {
        fn run<B: AutodiffBackend>(self, backend: Answering<B>) -> Result<()> {
            *self.0 = format!("answers: {}", backend.device_name);
            Ok(())
        }
    }
    let line = |name: BackendName| {
        let feature = name.feature();
        let mut answer = String::new();
        if !name.is_compiled_in() {
            answer = format!("not compiled in (build with --features {feature})");
        } else if run(Some(name), Name(&mut answer)).is_err() {
            answer = format!("does not answer: {}", name.hint());
        }
        format!("{feature:<9}{answer}\n")
    };
    BackendName::ALL.into_iter().map(line).collect()
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Answering<Autodiff<burn_cuda::Cuda>>> {
    answering(BackendName::Cuda, false, |device| format!("{device:?}"))
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Answering<Autodiff<burn_wgpu::Wgpu>>> {
    use burn_wgpu::{graphics::AutoGraphicsApi, init_setup};
    answering(BackendName::Wgpu, false, |device| {
        let adapter = init_setup::<AutoGraphicsApi>(device, Default::default()).adapter;
        let info = adapter.get_info();
        format!("{} ({}, {:?})", info.name, info.backend, info.device_type)
    })
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Result<Answering<Autodiff<burn_ndarray::NdArray<f32>>>> {
    answering(BackendName::Ndarray, true, |_| cpu())
}

#[cfg(feature = "flex")]
fn flex() -> Result<Answering<Autodiff<burn_flex::Flex>>> {
    answering(BackendName::Flex, true, |_| cpu())
}

/// "CPU, 8 threads"
#[cfg(any(feature = "ndarray", feature = "flex"))]
fn cpu() -> String {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    format!("CPU, {}", crate::view::plural(threads, "thread"))
}

/// The default device of `B`, once it has computed something. Drivers that are not there make Burn
/// 0.21 panic: that is caught, and told as an error.
fn answering<B: AutodiffBackend>(
    name: BackendName,
    is_cpu: bool,
    describe: impl FnOnce(&B::Device) -> String + panic::UnwindSafe,
) -> Result<Answering<B>> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let answer = panic::catch_unwind(|| {
        let device = <B::Device as Default>::default();
        let device_name = describe(&device);
        let two = Tensor::<B::InnerBackend, 1>::ones([2], &device).sum();
        (two.into_scalar().elem::<f64>() == 2.0).then_some((device, device_name))
    });
    panic::set_hook(hook);

    let feature = name.feature();
    match answer {
        Ok(Some((device, device_name))) => Ok(Answering {
            device,
            name: feature,
            device_name,
            is_cpu,
        }),
        _ => anyhow::bail!(
            "--backend {feature}: no device answers; {}, or choose another (--list-backends)",
            name.hint()
        ),
    }
}
