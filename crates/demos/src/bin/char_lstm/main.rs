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

use anyhow::Result;
use args::{Cli, Mode};
use clap::{ArgMatches, FromArgMatches};
use demos::{
    allocator, backend, command_line,
    exit::{self, UsageError},
    ranks::{Ranks, launcher},
    view,
};
use habits::HABITS;

/// Every update frees and allocates the same large blocks. This allocator keeps them in between instead
/// of returning them to the system, which saves a sixth of the processor time (measured).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    let ranks = match Ranks::connect() {
        Ok(ranks) => ranks,
        Err(error) => return exit::report(Err(error)),
    };
    let given = match command_line::parse(args::command(), HABITS) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let result = run(&given, &ranks);
    ranks.report(result)
}

fn run(given: &ArgMatches, ranks: &Ranks) -> Result<()> {
    let cli = Cli::from_arg_matches(given).expect("clap has checked the arguments");
    let is_train = matches!(cli.command, None | Some(Mode::Train(_)));
    if ranks.communicator().size() > 1 && !is_train {
        let problem = "only train runs on several ranks; start this command without a launcher";
        return Err(UsageError(problem.to_owned()).into());
    }
    if let Some(n) = launcher::unconnected().filter(|_| is_train) {
        exit::complain(&format!(
            "srun started this program {n} times, each on its own; to train together, use srun --mpi=pmix"
        ));
    }
    match cli.command {
        Some(Mode::Sample(args)) => sample::run(args),
        Some(Mode::Plot(args)) => plot::run(args),
        Some(Mode::Score(args)) => score::run(&args),
        Some(Mode::Export(args)) => export::run(&args),
        Some(Mode::Import(args)) => import::run(args),
        Some(Mode::Train(args)) => {
            let given = given.subcommand_matches("train").expect("train's flags");
            train_run::run(&args, given, ranks)
        }
        None if cli.list.list_backends => view::tell(&backend::list()),
        None => train_run::run(&cli.train, given, ranks),
    }
}
