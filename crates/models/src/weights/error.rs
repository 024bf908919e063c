//! What can be wrong with weights.

use std::path::PathBuf;

/// Why weights could not be read, or could not be written. Each message says what is wrong and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not of its format, or is damaged.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something is missing.
    #[error("there is no {what} {name}{}", or_hint(hint))]
    Missing {
        /// What it is: a tensor, an operator.
        what: &'static str,
        /// Its name.
        name: String,
        /// What there is.
        hint: Vec<String>,
    },
    /// Several tensors have the name that was asked for.
    #[error("several fit {name}: {}; give a longer name", list(candidates))]
    Ambiguous {
        /// The name that was asked for.
        name: String,
        /// The tensors that end in it.
        candidates: Vec<String>,
    },
    /// A tensor has another shape.
    #[error("{name} is {found:?}, not {expected:?}")]
    Misshapen {
        /// Its name.
        name: String,
        /// The shape that follows from the other tensors, or from the module.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor holds no numbers that can be weights.
    #[error("{name} holds {found}; weights are f16, bf16, f32 or f64")]
    WrongType {
        /// Its name.
        name: String,
        /// The type.
        found: String,
    },
    /// No cell has these weights.
    #[error("{0}")]
    NoSuchCell(String),
    /// Another framework has no such layer.
    #[error("{0}")]
    NotPortable(String),
}

impl WeightsError {
    #[cfg(feature = "files")]
    pub(super) fn damaged(path: impl Into<PathBuf>, problem: impl ToString) -> Self {
        WeightsError::Damaged {
            path: path.into(),
            problem: problem.to_string(),
        }
    }

    pub(crate) fn missing(name: impl Into<String>) -> Self {
        WeightsError::Missing {
            what: "tensor",
            name: name.into(),
            hint: Vec::new(),
        }
    }

    pub(super) fn misshapen(name: &str, expected: &[usize], found: &[usize]) -> Self {
        WeightsError::Misshapen {
            name: name.into(),
            expected: expected.to_vec(),
            found: found.to_vec(),
        }
    }

    pub(super) fn not_gates(name: &str, shape: &[usize]) -> Self {
        WeightsError::NoSuchCell(format!(
            "{name} is {shape:?}: an RNN has as many rows as columns, a GRU 3 times, an LSTM 4 times as many"
        ))
    }

    pub(super) fn empty(name: &str) -> Self {
        WeightsError::NoSuchCell(format!("{name}: a size of 0"))
    }

    /// Puts the place before the name of a tensor: `weight_ih` of the layer `rnn.` is `rnn.weight_ih`.
    #[cfg(feature = "files")]
    pub(super) fn within(mut self, place: impl Fn(&str) -> String) -> Self {
        match &mut self {
            WeightsError::Missing { name, .. }
            | WeightsError::Misshapen { name, .. }
            | WeightsError::WrongType { name, .. } => *name = place(name),
            WeightsError::NoSuchCell(problem) | WeightsError::NotPortable(problem) => {
                *problem = place(problem);
            }
            WeightsError::Io { .. }
            | WeightsError::Damaged { .. }
            | WeightsError::Ambiguous { .. } => {}
        }
        self
    }
}

/// Names that a message has room for.
const SHOWN: usize = 8;

fn list(names: &[String]) -> String {
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names[..names.len().min(SHOWN)].join(", ") + more
}

fn or_hint(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; it has {}", list(names)),
    }
}
