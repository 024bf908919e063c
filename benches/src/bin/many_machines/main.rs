//! How long an update takes when several ranks share it: measured on two, foretold for up to 1024.
//!
//! ```text
//! cargo build -p demos --features mpi
//! cargo run -p benches --bin many_machines -- measure --program target/debug/char_lstm --data FILE --out CSV
//! cargo run -p benches --bin many_machines -- model
//! ```
//!
//! `measure` trains on one rank and on two by turns, on one host and on two, and appends to a file. `model` fits a cost
//! model to such a file, by default to `benches/many-machines.csv`, tells how far it is off, and draws
//! `docs/many-machines.svg`.

mod costs;
mod figure;
mod fit;
mod forecast;
mod measure;
mod plan;
mod rows;
mod shape;
mod table;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Measure how training speeds up on two ranks, or foretell it for many.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train on one rank and on two, and append the times to a file
    Measure(measure::Args),
    /// Fit the cost model to such a file, and foretell the speed on many ranks
    Model {
        /// What `measure` wrote [default: benches/many-machines.csv]
        #[arg(long, value_name = "CSV")]
        file: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Measure(args) => measure::measure(&args),
        Command::Model { file } => {
            let file = file.unwrap_or_else(|| in_repository("benches/many-machines.csv"));
            forecast::forecast(&file)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the path of a file of this repository.
fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
