//! What a training run tells whoever listens, and writes to its log: `metrics.jsonl`, one event a line,
//! each a JSON object of the fields of one variant of [`Event`] and its name as `event`.
//!
//! ```json
//! {"event":"update","update":37,"epoch":1.0,"loss":2.4,"bits_per_char":3.46,"grad_norm":0.8, …}
//! {"event":"epoch","update":37,"epoch":1,"train_loss":2.7,"val_loss":2.4,"saved":true, …}
//! ```
//!
//! A number that is not finite, and one that there is none of, is `null`. Who reads a log passes over
//! events and fields that they do not know. [`History`](crate::History) reads the losses back.

use serde::Serialize;

/// Something that happened in a run. Losses are mean cross-entropies in nats per symbol; divide by
/// ln 2 for bits per character ([`bits_per_char`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Before the first update.
    Start {
        /// Trainable numbers in the model.
        parameters: usize,
        /// Distinct symbols.
        vocab_size: usize,
        /// Symbols that an epoch learns from.
        train_symbols: usize,
        /// Symbols that validation predicts.
        val_symbols: usize,
        /// Updates in an epoch.
        epoch_length: usize,
        /// Updates in the whole run, if no [`patience`](crate::RunConfig::patience) ends it before.
        updates: usize,
    },
    /// After each update.
    Update {
        /// Which, from 1.
        update: usize,
        /// Epochs done, with the present one's fraction.
        epoch: f64,
        /// Loss of the window, before the update.
        loss: f64,
        /// The same in bits.
        bits_per_char: f64,
        /// Euclidean norm of the gradient, before clipping.
        grad_norm: f64,
        /// Learning rate of the update, by the schedule.
        learning_rate: f64,
        /// Symbols learned from in a second, in this update alone: without validation and this log.
        chars_per_second: f64,
    },
    /// At the end of each epoch.
    Epoch {
        /// Updates done.
        update: usize,
        /// Epochs done.
        epoch: usize,
        /// Mean loss of the epoch's windows, each before its update.
        train_loss: f64,
        /// Loss on the held-out text, if there is any.
        val_loss: Option<f64>,
        /// Whether these weights were saved: the held-out loss is the lowest so far, or no text is
        /// held out.
        saved: bool,
        /// The most main memory that the process has held so far, in bytes
        /// ([`memory::peak`](crate::memory::peak)).
        peak_memory: Option<u64>,
    },
    /// Now and then: what the model writes.
    Sample {
        /// Epochs done.
        epoch: usize,
        /// The text, with what is not UTF-8 replaced.
        text: String,
    },
}

/// Nats per symbol in bits per symbol.
pub fn bits_per_char(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}
