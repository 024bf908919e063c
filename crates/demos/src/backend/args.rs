//! The flags that every program shares: `--backend` and `--list-backends`.

use clap::Args;

use super::name::BackendName;

/// `--backend`.
#[derive(Args)]
pub struct BackendArg {
    /// cuda, wgpu, ndarray, flex [default: the first one compiled in]
    #[arg(id = "backend", long, value_name = "NAME", hide_possible_values = true)]
    pub name: Option<BackendName>,
}

/// `--list-backends`.
#[derive(Args)]
pub struct ListBackendsArg {
    /// List the backends and the devices they find
    #[arg(long)]
    pub list_backends: bool,
}
