//! Chooses the backend that a program runs on: Cargo features compile backends in, `--backend` picks
//! one of them.

mod args;
mod name;
mod open;

pub use args::{BackendArg, ListBackendsArg};
pub use name::BackendName;
pub use open::OpenBackend;

use anyhow::Result;
use burn::tensor::backend::AutodiffBackend;

use crate::exit::UsageError;

/// A program that can run on any backend.
pub trait Program {
    /// Runs the program on `backend`.
    ///
    /// # Errors
    ///
    /// Returns an error if the program fails.
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()>;
}

/// Runs `program` on the backend called `name` or, without a name, on the first one compiled in; but not on a GPU that
/// is emulated in software, if a CPU backend is compiled in.
///
/// # Errors
///
/// Returns an error if the backend is not compiled in or finds no device, or if the program fails.
pub fn run(name: Option<BackendName>, program: impl Program) -> Result<()> {
    if let Some(name) = name {
        let feature = name.feature();
        return match name.is_compiled_in() {
            true => run_on(name, program),
            false => Err(UsageError(format!(
                "--backend {feature}: not compiled in; build with --features {feature}"
            ))
            .into()),
        };
    }
    let mut all = BackendName::ALL
        .into_iter()
        .filter(|name| name.is_compiled_in());
    let first = all.next().ok_or_else(|| {
        UsageError(
            "no backend is compiled in; build with --features ndarray, flex, wgpu or cuda".into(),
        )
    })?;
    match (first, all.next()) {
        #[cfg(feature = "wgpu")]
        (BackendName::Wgpu, Some(cpu)) => {
            let found = match open::wgpu() {
                Ok(gpu) if !gpu.is_software => return program.run(gpu),
                Ok(gpu) => format!("only {}, a GPU emulated in software", gpu.device_name),
                Err(_) => "no device".to_owned(),
            };
            crate::exit::complain(&format!(
                "wgpu finds {found}; using {} (--backend wgpu overrides this)",
                cpu.feature(),
            ));
            run_on(cpu, program)
        }
        (first, _) => run_on(first, program),
    }
}

fn run_on(name: BackendName, program: impl Program) -> Result<()> {
    match name {
        #[cfg(feature = "cuda")]
        BackendName::Cuda => program.run(open::cuda()?),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => program.run(open::wgpu()?),
        #[cfg(feature = "ndarray")]
        BackendName::Ndarray => program.run(open::ndarray()?),
        #[cfg(feature = "flex")]
        BackendName::Flex => program.run(open::flex()?),
        #[allow(unreachable_patterns)]
        _ => unreachable!("the backend is compiled in"),
    }
}

/// Returns a line for each backend: its name and its device, or why there is none.
pub fn list() -> String {
    struct DeviceName<'a>(&'a mut String);
    impl Program for DeviceName<'_> {
        fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
            *self.0 = format!("ready: {}", backend.device_name);
            for other in &backend.others {
                *self.0 += &format!("\n         also there: {other}");
            }
            Ok(())
        }
    }
    let line = |name: BackendName| {
        let feature = name.feature();
        let mut status = String::new();
        if !name.is_compiled_in() {
            status = format!("not compiled in (build with --features {feature})");
        } else if run(Some(name), DeviceName(&mut status)).is_err() {
            status = format!("no device found: {}", name.hint());
        }
        format!("{feature:<9}{status}\n")
    };
    BackendName::ALL.into_iter().map(line).collect()
}
