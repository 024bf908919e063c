//! Runs the experiment, prints its report and writes its tables and figures.

use std::{fs, ops::ControlFlow, path::Path, thread};

use anyhow::{Context, Result, bail};
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    exit::Signalled,
    memory,
    stop::Stop,
    view,
};
use indicatif::ProgressBar;
use long_memory::{Experiment, ExperimentEvent, Job, NetworkKind};
use train::RunFolder;

use crate::{args::Args, csv_files, figures, report, results::Results};

const STOPPING: &str = "stopping; what has finished will be reported";

pub fn run(args: &Args) -> Result<()> {
    let experiment = args.experiment()?;
    backend::run(args.backend.name, Run { args, experiment })
}

struct Run<'a> {
    args: &'a Args,
    experiment: Experiment,
}

impl Program for Run<'_> {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let Run { args, experiment } = self;
        let workers = match backend.is_cpu {
            true => thread::available_parallelism().map_or(1, Into::into),
            false => 1,
        };
        if backend.is_cpu {
            let flags = "--hidden-size, --batch-size or --distances";
            memory::check(experiment.memory(workers), flags)?;
        }
        let folder = &match &args.out {
            Some(folder) => {
                create(folder)?;
                folder.clone()
            }
            None => RunFolder::create_numbered(Path::new("runs"), "long_memory")?
                .path()
                .to_owned(),
        };
        write_settings(folder, &experiment)?;

        let jobs = experiment.jobs();
        view::say(&format!(
            "{} of at most {}, {} at a time, on {} ({})\n",
            view::plural(jobs.len(), "training run"),
            view::plural(experiment.budget.updates, "update"),
            workers,
            backend.name,
            backend.device_name,
        ));
        let bar = bar(&experiment, &jobs);
        let shown = bar.clone();
        let stop = Stop::on_signals(move || view::note_above(&shown, STOPPING))?;
        let trained = experiment.run::<B>(&backend.device, workers, |event| {
            match event {
                ExperimentEvent::Update(job) => bar.inc(cost(job)),
                ExperimentEvent::Trained(done) => {
                    let left = experiment.budget.updates - done.updates;
                    bar.inc(left as u64 * cost(&done.job));
                    bar.set_message(report::line(done));
                }
            }
            match stop.signal() {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        bar.finish_and_clear();

        let results = Results::new(&experiment, trained, &backend.device);
        let tables = csv_files::write(folder, &results)?;
        let pictures = figures::write(folder, &results)?;
        view::tell(&report::draw(&results, view::width()))?;
        view::tell(&format!("\n{pictures}{tables}"))?;
        match stop.signal() {
            Some(signal) => {
                let missing = jobs.len() - results.trained.len();
                let missing = view::plural(missing, "training run");
                view::say(&format!("\nstopped; {missing} did not finish\n"));
                Err(Signalled(signal).into())
            }
            None => Ok(()),
        }
    }
}

/// Returns a progress bar that counts time steps, since they are what takes the time.
fn bar(experiment: &Experiment, jobs: &[Job]) -> ProgressBar {
    let of_update: u64 = jobs.iter().map(cost).sum();
    let length = of_update * experiment.budget.updates as u64;
    view::training_bar(Some(length)).with_message("longest first")
}

/// Returns the time steps of one sequence that an update trains on.
fn cost(job: &Job) -> u64 {
    match job.kind {
        NetworkKind::FeedForward => 1,
        NetworkKind::Recurrent(_) => job.steps() as u64,
    }
}

fn create(folder: &Path) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        bail!(
            "{}: not a folder; choose another with --out",
            folder.display()
        );
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

fn write_settings(folder: &Path, experiment: &Experiment) -> Result<()> {
    let path = folder.join("settings.json");
    let json = serde_json::to_vec_pretty(experiment).context("settings")?;
    fs::write(&path, json).with_context(|| path.display().to_string())
}
