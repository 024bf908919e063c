//! Opens a backend's default device and checks that it computes.

#[cfg(feature = "wgpu")]
use std::iter;
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
    /// Whether it is a GPU that the CPU imitates, slower than the CPU itself.
    pub is_software: bool,
    /// The names of the other devices that are there.
    pub others: Vec<String>,
}

/// A device, for people.
struct Described {
    name: String,
    is_software: bool,
    others: Vec<String>,
}

impl From<String> for Described {
    fn from(name: String) -> Self {
        Described {
            name,
            is_software: false,
            others: Vec::new(),
        }
    }
}

#[cfg(feature = "cuda")]
pub(super) fn cuda() -> Result<OpenBackend<Autodiff<burn_cuda::Cuda>>> {
    open(BackendName::Cuda, false, |device| {
        format!("{device:?}").into()
    })
}

#[cfg(feature = "wgpu")]
pub(super) fn wgpu() -> Result<OpenBackend<Autodiff<burn_wgpu::Wgpu>>> {
    use burn_wgpu::{graphics::AutoGraphicsApi, init_setup};
    open(BackendName::Wgpu, false, |device| {
        let setup = init_setup::<AutoGraphicsApi>(device, Default::default());
        let all = pollster::block_on(setup.instance.enumerate_adapters(Default::default()));
        let all = all.iter().map(|adapter| adapter.get_info());
        let all = iter::once(setup.adapter.get_info()).chain(all);
        let mut all = all.map(|info| Described {
            name: format!("{} ({}, {:?})", info.name, info.backend, info.device_type),
            // The type has no name here: the crate `wgpu` is not a dependency of this one.
            is_software: format!("{:?}", info.device_type) == "Cpu",
            others: Vec::new(),
        });
        let chosen = all.next().expect("the chosen one");
        let mut others: Vec<String> = all.map(|other| other.name).collect();
        if let Some(itself) = others.iter().position(|other| *other == chosen.name) {
            others.remove(itself);
        }
        Described { others, ..chosen }
    })
}

#[cfg(feature = "ndarray")]
pub(super) fn ndarray() -> Result<OpenBackend<Autodiff<burn_ndarray::NdArray<f32>>>> {
    open(BackendName::Ndarray, true, |_| cpu().into())
}

#[cfg(feature = "flex")]
pub(super) fn flex() -> Result<OpenBackend<Autodiff<burn_flex::Flex>>> {
    open(BackendName::Flex, true, |_| cpu().into())
}

/// Returns "CPU, 8 threads" on a machine with 8, unless `RAYON_NUM_THREADS` says another number.
#[cfg(any(feature = "ndarray", feature = "flex"))]
fn cpu() -> String {
    format!(
        "CPU, {}",
        crate::view::plural(rayon::current_num_threads(), "thread")
    )
}

/// Returns the default device of `B` after it has computed a sum. Burn 0.21 panics if a driver is
/// missing: the panic is caught and returned as an error.
fn open<B: AutodiffBackend>(
    name: BackendName,
    is_cpu: bool,
    describe: impl FnOnce(&B::Device) -> Described + panic::UnwindSafe,
) -> Result<OpenBackend<B>> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let answer = panic::catch_unwind(|| {
        let device = <B::Device as Default>::default();
        let described = describe(&device);
        let sum = Tensor::<B::InnerBackend, 1>::ones([2], &device).sum();
        (sum.into_scalar().elem::<f64>() == 2.0).then_some((device, described))
    });
    panic::set_hook(hook);

    let feature = name.feature();
    match answer {
        Ok(Some((device, described))) => Ok(OpenBackend {
            device,
            name: feature,
            device_name: described.name,
            is_cpu,
            is_software: described.is_software,
            others: described.others,
        }),
        _ => anyhow::bail!(
            "--backend {feature}: no device found; {}, or choose another backend (--list-backends)",
            name.hint()
        ),
    }
}
