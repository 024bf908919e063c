//! Draws the figures.
//!
//! | file | content |
//! |---|---|
//! | `distance` | the result of each network against the distance |
//! | `curves` | the result of each network during training |
//! | `gradient` | how far back the gradient reaches, before and after training |
//! | `forget_gate` | how an LSTM keeps two numbers |

mod curves;
mod distance;
mod forget_gate;
mod gradient;
mod networks;
mod result_axis;

use std::{fs, path::Path};

use anyhow::{Context, Result};
use burn::tensor::backend::Backend;
use demos::view::{panels::Figure, png};

use crate::results::Results;

/// Writes each figure as SVG and as PNG, and returns a line for each file. A figure without data is
/// removed if an earlier experiment left one.
pub fn write<B: Backend>(folder: &Path, results: &Results<B>) -> Result<String> {
    let groups = results.groups();
    let pictures = [
        (
            "distance",
            (!groups.is_empty()).then(|| distance::figure(&groups)),
        ),
        (
            "curves",
            (!groups.is_empty()).then(|| curves::figure(&groups)),
        ),
        ("gradient", gradient::figure(&groups)),
        (
            "forget_gate",
            results.example.as_ref().map(forget_gate::figure),
        ),
    ];
    let note = results.what_is_missing();
    let mut told = String::new();
    for (name, figure) in pictures {
        let figure = figure.map(|figure| Figure {
            note: note.clone(),
            ..figure
        });
        for end in ["svg", "png"] {
            let path = folder.join(format!("{name}.{end}"));
            let write = || -> Result<bool> {
                let Some(figure) = &figure else {
                    if path.exists() {
                        fs::remove_file(&path)?;
                    }
                    return Ok(false);
                };
                let svg = figure.svg()?;
                let bytes = match end {
                    "png" => png::from_svg(&svg)?.0,
                    _ => svg.into_bytes(),
                };
                fs::write(&path, bytes)?;
                Ok(true)
            };
            if write().with_context(|| path.display().to_string())? {
                told += &format!("wrote {}\n", path.display());
            }
        }
    }
    Ok(told)
}
