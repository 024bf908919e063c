//! `char_lstm plot`: plots the losses of runs, in the terminal and in files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use console::Term;
use demos::{
    exit::{UsageError, complain, with_flags},
    view::{self, loss_curves::LossCurves, loss_svg, loss_terminal, png},
};
use train::{History, run::METRICS};

use crate::{args::PlotArgs, runs::newest_run};

pub fn run(args: PlotArgs) -> Result<()> {
    let folders = match args.runs {
        runs if runs.is_empty() => vec![newest_run(METRICS)?],
        runs => runs,
    };
    let runs = histories(&folders)?;
    let files = match args.no_files {
        true => Vec::new(),
        false => files(args.out.as_deref(), runs[0].0)?,
    };
    let curves = LossCurves::new(&runs, args.x);
    let (_, width) = Term::stdout().size();
    let chart = loss_terminal::draw(&curves, width.into(), args.height.into());
    view::tell(&chart)?;

    let svg = loss_svg::draw(&curves)?;
    for file in &files {
        let content = match is(file, "png") {
            true => {
                let (png, missing) = png::from_svg(&svg)?;
                if !missing.is_empty() {
                    let missing: String = missing.iter().collect();
                    let file = file.display();
                    complain(&format!(
                        "{file} shows boxes for {missing}, which no font here has"
                    ));
                }
                png
            }
            false => svg.clone().into_bytes(),
        };
        fs::write(file, content).with_context(|| file.display().to_string())?;
        view::tell(&format!("wrote {}\n", file.display()))?;
    }
    Ok(())
}

/// Returns the runs that have a loss to plot, and reports the others on standard error. It is an error
/// if no run is left.
fn histories(folders: &[PathBuf]) -> Result<Vec<(&Path, History)>> {
    let mut runs = Vec::new();
    let mut skipped = Vec::new();
    for folder in folders {
        match History::read(folder) {
            Err(error) => skipped.push(with_flags(&error)),
            Ok(history) => {
                let log = folder.join(METRICS);
                if let Some(first) = history.damaged.first() {
                    let lines = view::plural(history.damaged.len(), "damaged line");
                    skipped.push(format!("{}: {lines}, from line {first} on", log.display()));
                }
                if history.training.is_empty() && history.validation.is_empty() {
                    skipped.push(format!("{}: no losses yet", log.display()));
                } else {
                    runs.push((folder.as_path(), history));
                }
            }
        }
    }
    if runs.is_empty() {
        bail!("nothing to plot: {}", skipped.join("; "));
    }
    for problem in skipped {
        eprintln!("skipped: {problem}");
    }
    Ok(runs)
}

/// Returns the files to write: those that `--out` asks for, by default next to the log of the first run.
fn files(out: Option<&Path>, run: &Path) -> Result<Vec<PathBuf>> {
    let folder = match out {
        None => run,
        Some(file) if !file.is_dir() && (is(file, "svg") || is(file, "png")) => {
            return Ok(vec![file.to_owned()]);
        }
        Some(folder) if folder.is_dir() || folder.extension().is_none() => folder,
        Some(other) => {
            let given = other.display();
            let problem = format!("--out {given}: must be a folder or end in .svg or .png");
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
