//! Runs the experiment, prints its report and writes its tables and figures.

use std::{fs, ops::ControlFlow, path::Path, sync::Mutex, thread, time::Instant};

use anyhow::{Context, Result, bail};
use burn::tensor::backend::AutodiffBackend;
use demos::{
    backend::{self, OpenBackend, Program},
    exit::Signalled,
    memory,
    stop::Stop,
    view,
};
use long_memory::{Experiment, ExperimentEvent, TimeLeft};
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
        view::say(&view::wrapped(&format!(
            "{} of at most {}, {} at a time, on {} ({})\n",
            view::plural(jobs.len(), "training run"),
            view::plural(experiment.budget.updates, "update"),
            workers,
            backend.name,
            backend.device_name,
        )));
        let began = Instant::now();
        let time = Mutex::new(TimeLeft::new(&experiment));
        let bar = view::training_bar(None).with_message("longest first");
        let shown = bar.clone();
        let stop = Stop::on_signals(move || view::note_above(&shown, STOPPING))?;
        let trained = experiment.run::<B>(&backend.device, workers, |event| {
            let (job, done) = match &event {
                ExperimentEvent::Update(job) => (*job, None),
                ExperimentEvent::Trained(done) => (&done.job, Some(done)),
            };
            let mut time = time.lock().expect("nobody panics with it");
            let now = began.elapsed();
            time.note(job, done.is_some(), now);
            if let Some((spent, left)) = time.seconds(now) {
                // In milliseconds.
                bar.set_length((1000.0 * (spent + left)) as u64);
                bar.set_position((1000.0 * spent) as u64);
            }
            if let Some(done) = done {
                bar.set_message(report::line(done));
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
