//! What a training run reports.

use serde::Serialize;

/// Something that happened in a run.
///
/// A run reports its events to a listener and writes them to its log, `metrics.jsonl`: one event a line, a
/// JSON object with the fields of one variant and the name of the variant as `event`.
///
/// ```json
/// {"event":"update","update":37,"epoch":1.0,"loss":2.4,"bits_per_char":3.46,"grad_norm":0.8, …}
/// {"event":"epoch","update":37,"epoch":1,"train_loss":2.7,"val_loss":2.4,"saved":true, …}
/// ```
///
/// A number that is missing or not finite is `null`. Readers of a log must ignore events and fields that they
/// do not know. [`History`](crate::History) reads the losses back.
///
/// Losses are mean cross-entropies in nats per symbol; [`bits_per_char`] converts them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Before the first update.
    Start {
        /// Trainable parameters of the model.
        parameters: usize,
        /// Distinct symbols.
        vocab_size: usize,
        /// Symbols that an epoch learns from.
        train_symbols: usize,
        /// Symbols that validation predicts.
        val_symbols: usize,
        /// Symbols of the text in neither, because they fill no window.
        unused_symbols: usize,
        /// Documents that an epoch learns from, unless the text is one long document.
        train_documents: Option<usize>,
        /// Documents that validation predicts.
        val_documents: Option<usize>,
        /// Characters of an average symbol that validation predicts: 1, unless symbols are words or pieces.
        chars_per_symbol: f64,
        /// Updates in an epoch.
        epoch_length: usize,
        /// Updates in the whole run, unless [`patience`](crate::RunConfig::patience) ends it earlier.
        updates: usize,
        /// Processes that train together.
        ranks: usize,
    },
    /// The run resumes from a checkpoint. Reported but not logged: the log reads as if the run had never
    /// stopped.
    Resume {
        /// Updates done.
        update: usize,
        /// Epochs finished.
        epoch: usize,
        /// Why newer checkpoints were passed over.
        passed_over: Vec<String>,
    },
    /// After each skipped update, which learned nothing from its batch ([`Trainer`](crate::Trainer)).
    Skipped {
        /// Which, from 1.
        update: usize,
        /// Loss of the batch; `null` in JSON if it is not finite.
        loss: f64,
        /// Euclidean norm of the gradient, likewise.
        grad_norm: f64,
        /// How many updates in a row were skipped, including this one.
        in_a_row: usize,
    },
    /// After each update that was not skipped.
    Update {
        /// Which, from 1.
        update: usize,
        /// Epochs done, including the fraction of the current one.
        epoch: f64,
        /// Loss of the batch, before the update.
        loss: f64,
        /// The same in bits per character, or per byte.
        bits_per_char: f64,
        /// Euclidean norm of the gradient, before clipping.
        grad_norm: f64,
        /// Learning rate of the update, with its schedule.
        learning_rate: f64,
        /// Symbols learned from per second in this update, on all ranks, without validation and logging.
        chars_per_second: f64,
        /// The share of the update's time that the sum over all ranks took, if there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        communicating: Option<f64>,
        /// The share of the update's time that rank 0 waited for the slowest, if there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting: Option<f64>,
    },
    /// Within an epoch, as often as [`eval_every`](crate::RunConfig::eval_every) says.
    Evaluation {
        /// Updates done.
        update: usize,
        /// Epochs done, including the fraction of the current one.
        epoch: f64,
        /// Mean loss of the epoch's batches so far, each before its update.
        train_loss: f64,
        /// Held-out loss, if some text is held out.
        val_loss: Option<f64>,
    },
    /// At the end of each epoch.
    Epoch {
        /// Updates done.
        update: usize,
        /// Epochs done.
        epoch: usize,
        /// Mean loss of the epoch's batches, each before its update.
        train_loss: f64,
        /// Held-out loss, if some text is held out.
        val_loss: Option<f64>,
        /// Whether these weights were saved: the held-out loss is the lowest so far, or no text is
        /// held out.
        saved: bool,
        /// The most main memory that the process has held so far, in bytes
        /// ([`peak_memory`](crate::peak_memory)).
        peak_memory: Option<u64>,
    },
    /// A text that the model wrote, a few times in a run.
    Sample {
        /// Epochs done.
        epoch: usize,
        /// The text; bytes that are not UTF-8 are replaced.
        text: String,
    },
}

/// Converts nats to bits.
pub fn bits_per_char(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}
