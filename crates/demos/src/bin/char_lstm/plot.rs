//! `char_lstm plot`: the losses of runs, in the terminal and as pictures.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use console::Term;
use demos::{
    exit::UsageError,
    view::{self, chart::Chart, picture, terminal_chart},
};
use train::{History, run::METRICS};

use crate::{args::PlotArgs, sample::newest_run};

pub fn run(args: PlotArgs) -> Result<()> {
    let folders = match args.runs {
        runs if runs.is_empty() => vec![newest_run(METRICS)?],
        runs => runs,
    };
    let runs = histories(&folders)?;
    let files = files(args.out.as_deref(), runs[0].0)?;
    let chart = Chart::new(&runs);
    let (_, width) = Term::stdout().size();
    view::say(&terminal_chart::draw(&chart, width.into()));

    let svg = picture::svg(&chart)?;
    for file in &files {
        let content = match is(file, "png") {
            true => picture::png(&svg)?,
            false => svg.clone().into_bytes(),
        };
        fs::write(file, content).with_context(|| file.display().to_string())?;
        view::say(&format!("wrote {}\n", file.display()));
    }
    Ok(())
}

/// The runs that there is something to draw of. What is passed over is told on standard error; it is an
/// error where nothing is left.
fn histories(folders: &[PathBuf]) -> Result<Vec<(&Path, History)>> {
    let mut runs = Vec::new();
    let mut passed_over = Vec::new();
    for folder in folders {
        match History::read(folder) {
            Err(error) => passed_over.push(error.to_string()),
            Ok(history) => {
                let log = folder.join(METRICS);
                if let Some(first) = history.damaged.first() {
                    let lines = view::plural(history.damaged.len(), "damaged line");
                    passed_over.push(format!("{}: {lines}, from line {first} on", log.display()));
                }
                if history.training.is_empty() && history.validation.is_empty() {
                    passed_over.push(format!("{}: no loss in it yet", log.display()));
                } else {
                    runs.push((folder.as_path(), history));
                }
            }
        }
    }
    if runs.is_empty() {
        bail!("nothing to draw: {}", passed_over.join("; "));
    }
    for problem in passed_over {
        eprintln!("passed over: {problem}");
    }
    Ok(runs)
}

/// Where the pictures go: beside the log of the first run, or where `--out` says.
fn files(out: Option<&Path>, run: &Path) -> Result<Vec<PathBuf>> {
    let folder = match out {
        None => run,
        Some(file) if !file.is_dir() && (is(file, "svg") || is(file, "png")) => {
            return Ok(vec![file.to_owned()]);
        }
        Some(folder) if folder.is_dir() || folder.extension().is_none() => folder,
        Some(other) => {
            let given = other.display();
            let problem = format!("--out {given}: must be a folder, or end in .svg or .png");
            return Err(UsageError(problem).into());
        }
    };
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    Ok(["plot.svg", "plot.png"]
        .map(|file| folder.join(file))
        .into())
}

fn is(file: &Path, format: &str) -> bool {
    file.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case(format))
}
