//! Writes all numbers as CSV.
//!
//! | file | row |
//! |---|---|
//! | `results.csv` | a trained network |
//! | `curves.csv` | an evaluation on held-out sequences during training |
//! | `gradients.csv` | `hidden`: `‖∂loss_T/∂h_{T−k}‖` at one `k`; `cell`: `‖∂loss_T/∂c_{T−k}‖` |
//! | `pasts.csv` | a network's answer to a pair of bits after one of many pasts |
//! | `example.csv` | a step of the example: the number, the mark, the sum so far, the answer so far |
//! | `gates.csv` | the gates and the cell state of one unit at a step of the example |

use std::{fs, path::Path};

use anyhow::{Context, Result};
use burn::tensor::backend::Backend;
use long_memory::NetworkKind;
use serde::Serialize;

use crate::results::Results;

#[derive(Serialize)]
struct ResultRow {
    task: &'static str,
    distance: usize,
    network: NetworkKind,
    seed: u64,
    d_hidden: usize,
    parameters: usize,
    updates: usize,
    measure: &'static str,
    result: f64,
    floor: f64,
    chance: f64,
    solved: bool,
}

#[derive(Serialize)]
struct CurveRow {
    task: &'static str,
    distance: usize,
    network: NetworkKind,
    seed: u64,
    update: usize,
    result: f64,
}

#[derive(Serialize)]
struct GradientRow {
    task: &'static str,
    distance: usize,
    network: NetworkKind,
    seed: u64,
    training: &'static str,
    k: usize,
    hidden: f64,
    cell: Option<f64>,
}

#[derive(Serialize)]
struct PastRow {
    distance: usize,
    network: NetworkKind,
    seed: u64,
    a: f32,
    b: f32,
    past: usize,
    answer: f64,
}

#[derive(Serialize)]
struct ExampleRow {
    distance: usize,
    seed: u64,
    t: usize,
    number: f64,
    mark: f64,
    sum: f64,
    answer: f64,
}

#[derive(Serialize)]
struct GateRow {
    t: usize,
    unit: usize,
    input: f64,
    forget: f64,
    cell: f64,
}

/// Writes all files, and returns a line for each.
pub fn write<B: Backend>(folder: &Path, results: &Results<B>) -> Result<String> {
    let mut told = String::new();
    let rows = results.trained.iter().map(|done| {
        let (job, answer) = (done.job, done.job.task.answer());
        ResultRow {
            task: job.task.name(),
            distance: job.distance,
            network: job.kind,
            seed: job.seed,
            d_hidden: done.d_hidden,
            parameters: done.parameters,
            updates: done.updates,
            measure: answer.measure(),
            result: done.result,
            floor: job.task.floor(job.distance),
            chance: job.task.chance(job.distance),
            solved: answer.is_solved(done.result),
        }
    });
    told += &table(folder, "results.csv", rows)?;

    let curves = results.trained.iter().flat_map(|done| {
        done.curve.iter().map(|point| CurveRow {
            task: done.job.task.name(),
            distance: done.job.distance,
            network: done.job.kind,
            seed: done.job.seed,
            update: point.update,
            result: point.result,
        })
    });
    told += &table(folder, "curves.csv", curves)?;

    let gradients = results.trained.iter().flat_map(|done| {
        let reach = done.reach.iter().flatten().zip(["start", "end"]);
        reach.flat_map(move |(reach, training)| {
            reach
                .hidden()
                .iter()
                .enumerate()
                .map(move |(k, &hidden)| GradientRow {
                    task: done.job.task.name(),
                    distance: done.job.distance,
                    network: done.job.kind,
                    seed: done.job.seed,
                    training,
                    k,
                    hidden,
                    cell: reach.of("cell").map(|cell| cell[k]),
                })
        })
    });
    told += &table(folder, "gradients.csv", gradients)?;

    let pasts = results.pasts.iter().flat_map(|past| {
        past.answers.iter().enumerate().map(|(i, &answer)| PastRow {
            distance: past.distance,
            network: past.kind,
            seed: past.seed,
            a: past.pair[0],
            b: past.pair[1],
            past: i,
            answer,
        })
    });
    told += &table(folder, "pasts.csv", pasts)?;

    let steps = results.example.iter().flat_map(|example| {
        let steps = example.steps.iter().zip(&example.sums).enumerate();
        steps.map(|(t, (step, &sum))| ExampleRow {
            distance: example.distance,
            seed: example.seed,
            t,
            number: step.x[0],
            mark: step.x[1],
            sum,
            answer: step.answer[0],
        })
    });
    told += &table(folder, "example.csv", steps)?;

    let gates = results.example.iter().flat_map(|example| {
        example.steps.iter().enumerate().flat_map(|(t, step)| {
            (0..step.f.len()).map(move |unit| GateRow {
                t,
                unit,
                input: step.i[unit],
                forget: step.f[unit],
                cell: step.c[unit],
            })
        })
    });
    told += &table(folder, "gates.csv", gates)?;
    Ok(told)
}

/// Writes a file and says so; without rows, it removes one left by an earlier experiment.
fn table(
    folder: &Path,
    name: &str,
    mut rows: impl Iterator<Item = impl Serialize>,
) -> Result<String> {
    let path = folder.join(name);
    let mut write = || -> Result<bool> {
        let mut bytes = csv::Writer::from_writer(Vec::new());
        rows.try_for_each(|row| bytes.serialize(row))?;
        let bytes = bytes.into_inner()?;
        match bytes.is_empty() {
            true if path.exists() => fs::remove_file(&path)?,
            true => (),
            false => fs::write(&path, &bytes)?,
        }
        Ok(!bytes.is_empty())
    };
    let written = write().with_context(|| path.display().to_string())?;
    Ok(match written {
        true => format!("wrote {}\n", path.display()),
        false => String::new(),
    })
}
