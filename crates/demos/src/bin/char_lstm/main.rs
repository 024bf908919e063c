//! A character-level language model: trains on a text, then generates more of it.

mod args;
mod export;
mod habits;
mod import;
mod plot;
mod runs;
mod sample;
mod score;
mod train_run;
mod write_text;

use std::process::ExitCode;

use args::{Cli, Mode};
use clap::FromArgMatches;
use demos::{backend, command_line, exit, view};
use habits::HABITS;

/// Every update frees and allocates the same large blocks. This allocator keeps them in between instead
/// of returning them to the system, which saves a sixth of the processor time (measured).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let given = match command_line::parse(args::command(), HABITS) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let cli = Cli::from_arg_matches(&given).expect("clap has checked the arguments");
    exit::report(match cli.command {
        Some(Mode::Sample(args)) => sample::run(args),
        Some(Mode::Plot(args)) => plot::run(args),
        Some(Mode::Score(args)) => score::run(&args),
        Some(Mode::Export(args)) => export::run(&args),
        Some(Mode::Import(args)) => import::run(args),
        Some(Mode::Train(args)) => {
            let given = given.subcommand_matches("train").expect("train's flags");
            train_run::run(&args, given)
        }
        None if cli.list.list_backends => view::tell(&backend::list()),
        None => train_run::run(&cli.train, &given),
    })
}
