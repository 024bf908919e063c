//! A character-level language model: it trains on a text, then writes.

mod args;
mod plot;
mod runs;
mod sample;
mod train_run;
mod write_text;

use std::process::ExitCode;

use args::{Cli, Mode};
use clap::FromArgMatches;
use demos::{backend, exit, view};

/// Training frees and takes the same large pieces at each update; this allocator does not give them
/// back to the system in between (measured: a sixth of the processor time).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let given = match exit::parse(args::command()) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let cli = Cli::from_arg_matches(&given).expect("what clap has checked");
    exit::report(match cli.command {
        Some(Mode::Sample(args)) => sample::run(args),
        Some(Mode::Plot(args)) => plot::run(args),
        Some(Mode::Train(args)) => {
            let given = given.subcommand_matches("train").expect("train's flags");
            train_run::run(&args, given)
        }
        None if cli.list.list_backends => {
            view::say(&backend::list());
            Ok(())
        }
        None => train_run::run(&cli.train, &given),
    })
}
