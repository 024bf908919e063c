//! The article's argument as an experiment: networks with and without memory, on tasks that need it.

mod args;
mod csv_files;
mod experiment_run;
mod figures;
mod report;
mod results;

use std::process::ExitCode;

use args::Args;
use clap::{CommandFactory, FromArgMatches};
use demos::{backend, command_line, exit, view};

/// As in `char_lstm`: every update frees and allocates the same blocks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let given = match command_line::parse(Args::command(), &[]) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let args = Args::from_arg_matches(&given).expect("clap has checked the arguments");
    exit::report(match args.list.list_backends {
        true => view::tell(&backend::list()),
        false => experiment_run::run(&args),
    })
}
