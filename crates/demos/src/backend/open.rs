//! Opens a backend's default device and checks that it computes.

use std::panic;

use anyhow::Result;
use burn::tensor::{ElementConversion, Tensor, backend::AutodiffBackend};
use burn_autodiff::Autodiff;

use super::name::BackendName;

/// A backend whose device works.
pub struct OpenBackend<B: AutodiffBackend> {
    /// The device.
    pub device: B::Device,
    /// The backend's name.
    pub name: &'static str,
    /// The device's name, for people.
    pub device_name: String,
    /// Whether the device is the CPU and computes in main memory.
    pub is_cpu: bool,
}

#[cfg(feature = "cuda")]
pub(super) fn cuda() -> Result<OpenBackend<Autodiff<burn_cuda::Cuda>>> {
    open(BackendName::Cuda, false, |device| format!("{device:?}"))
}

#[cfg(feature = "wgpu")]
pub(super) fn wgpu() -> Result<OpenBackend<Autodiff<burn_wgpu::Wgpu>>> {
    use burn_wgpu::{graphics::AutoGraphicsApi, init_setup};
    open(BackendName::Wgpu, false, |device| {
        let adapter = init_setup::<AutoGraphicsApi>(device, Default::default()).adapter;
        let info = adapter.get_info();
        format!("{} ({}, {:?})", info.name, info.backend, info.device_type)
    })
}

#[cfg(feature = "ndarray")]
pub(super) fn ndarray() -> Result<OpenBackend<Autodiff<burn_ndarray::NdArray<f32>>>> {
    open(BackendName::Ndarray, true, |_| cpu())
}

#[cfg(feature = "flex")]
pub(super) fn flex() -> Result<OpenBackend<Autodiff<burn_flex::Flex>>> {
    open(BackendName::Flex, true, |_| cpu())
}

/// Returns "CPU, 8 threads" on a machine with 8.
#[cfg(any(feature = "ndarray", feature = "flex"))]
fn cpu() -> String {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    format!("CPU, {}", crate::view::plural(threads, "thread"))
}

/// Returns the default device of `B` after it has computed a sum. Burn 0.21 panics if a driver is
/// missing: the panic is caught and returned as an error.
fn open<B: AutodiffBackend>(
    name: BackendName,
    is_cpu: bool,
    describe: impl FnOnce(&B::Device) -> String + panic::UnwindSafe,
) -> Result<OpenBackend<B>> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let answer = panic::catch_unwind(|| {
        let device = <B::Device as Default>::default();
        let device_name = describe(&device);
        let sum = Tensor::<B::InnerBackend, 1>::ones([2], &device).sum();
        (sum.into_scalar().elem::<f64>() == 2.0).then_some((device, device_name))
    });
    panic::set_hook(hook);

    let feature = name.feature();
    match answer {
        Ok(Some((device, device_name))) => Ok(OpenBackend {
            device,
            name: feature,
            device_name,
            is_cpu,
        }),
        _ => anyhow::bail!(
            "--backend {feature}: no device found; {}, or choose another backend (--list-backends)",
            name.hint()
        ),
    }
}
