//! Which backend runs a program: Cargo features compile them in, `--backend` picks among those.

mod args;
mod name;
mod open;

pub use args::{BackendArg, ListBackendsArg};
pub use name::BackendName;
pub use open::OpenBackend;

use anyhow::Result;
use burn::tensor::backend::AutodiffBackend;

use crate::exit::UsageError;

/// Something that runs on any backend.
pub trait Program {
    /// Runs it on this one.
    ///
    /// # Errors
    ///
    /// Whatever it may fail with.
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()>;
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
        BackendName::Cuda => program.run(open::cuda()?),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => program.run(open::wgpu()?),
        #[cfg(feature = "ndarray")]
        BackendName::Ndarray => program.run(open::ndarray()?),
        #[cfg(feature = "flex")]
        BackendName::Flex => program.run(open::flex()?),
        #[allow(unreachable_patterns)]
        _ => unreachable!("a backend that is compiled in"),
    }
}

/// A line for each backend: its name, its device, and whether it answers.
pub fn list() -> String {
    struct Name<'a>(&'a mut String);
    impl Program for Name<'_> {
        fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
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
