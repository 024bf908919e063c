//! The article's argument as an experiment: networks with and without memory on tasks that need it.

mod args;
mod figures;
mod findings;
mod table;
mod tables;

use std::{fs, ops::ControlFlow, process::ExitCode, thread};

use anyhow::{Context, Result, bail};
use args::Args;
use burn::tensor::backend::AutodiffBackend;
use clap::{CommandFactory, FromArgMatches};
use demos::{
    backend::{self, Answering, Program},
    exit::{self, Signalled},
    memory,
    stop::Stop,
    view,
};
use findings::Findings;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use long_memory::{Experiment, ExperimentEvent, Job, Kind};

/// As in `char_lstm`: training frees and takes the same pieces at each update.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let given = match exit::parse(Args::command()) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let args = Args::from_arg_matches(&given).expect("what clap has checked");
    exit::report(run(&args))
}

fn run(args: &Args) -> Result<()> {
    if args.list_backends {
        view::say(&backend::list());
        return Ok(());
    }
    let experiment = args.experiment()?;
    backend::run(args.backend, Run { args, experiment })
}

struct Run<'a> {
    args: &'a Args,
    experiment: Experiment,
}

impl Program for Run<'_> {
    fn run<B: AutodiffBackend>(self, backend: Answering<B>) -> Result<()> {
        let Run { args, experiment } = self;
        let workers = match backend.is_cpu {
            true => thread::available_parallelism().map_or(1, Into::into),
            false => 1,
        };
        if backend.is_cpu {
            let flags = "--hidden-size, --batch-size or --distances";
            memory::check(experiment.memory(workers), flags)?;
        }
        let folder = &args.out;
        if folder.exists() && !folder.is_dir() {
            bail!(
                "{}: is no folder; name another with --out",
                folder.display()
            );
        }
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        tables::settings(folder, &experiment)?;

        let jobs = experiment.jobs();
        view::say(&format!(
            "{} of at most {}, {} at a time, on {} ({})\n",
            view::plural(jobs.len(), "training"),
            view::plural(experiment.budget.updates, "update"),
            workers,
            backend.name,
            backend.device_name,
        ));
        let stop = Stop::on_signals()?;
        let bar = bar(&experiment, &jobs);
        let trained = experiment.run::<B>(&backend.device, workers, |event| {
            match event {
                ExperimentEvent::Update(job) => bar.inc(cost(job)),
                ExperimentEvent::Trained(done) => {
                    let left = experiment.budget.updates - done.updates;
                    bar.inc(left as u64 * cost(&done.job));
                    bar.set_message(table::line(done));
                }
            }
            match stop.signal() {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        bar.finish_and_clear();

        let findings = Findings::new(&experiment, trained, &backend.device);
        view::say(&table::draw(&findings));
        tables::write(folder, &findings)?;
        let pictures = figures::write(folder, &findings)?;
        view::say(&format!("\n{pictures}"));
        match stop.signal() {
            Some(signal) => {
                let missing = jobs.len() - findings.trained.len();
                let missing = view::plural(missing, "training");
                view::say(&format!("\nstopped; {missing} missing in all of this\n"));
                Err(Signalled(signal).into())
            }
            None => Ok(()),
        }
    }
}

/// Counts steps that are trained on, on which the time goes. It is on standard error and hides where that is no
/// terminal.
fn bar(experiment: &Experiment, jobs: &[Job]) -> ProgressBar {
    let of_update: u64 = jobs.iter().map(cost).sum();
    let length = of_update * experiment.budget.updates as u64;
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(5));
    let template = "{bar:24} {percent:>3}%  {msg}  {eta} left";
    let bar = bar.with_style(ProgressStyle::with_template(template).expect("a valid template"));
    bar.with_message("the longest first")
}

/// Steps that an update trains on, for one sequence.
fn cost(job: &Job) -> u64 {
    match job.kind {
        Kind::FeedForward => 1,
        Kind::Rnn | Kind::Lstm => job.steps() as u64,
    }
}
