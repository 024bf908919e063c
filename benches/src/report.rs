//! What a run reports: the table, the machine, and how it was measured.

use std::path::Path;

use anyhow::{Context, Result};
use time::OffsetDateTime;

use crate::{machine, peers::Peer, table, table::Row};

/// The results of a run.
#[derive(Debug)]
pub struct Report {
    /// The rows of the table.
    pub rows: Vec<Row>,
    /// The peers that took part, and their versions.
    pub found: Vec<(Peer, String)>,
    /// A line for each absent peer and for each failure.
    pub notes: Vec<String>,
    /// The number of threads of each peer.
    pub threads: usize,
    /// The number of rounds.
    pub rounds: usize,
    /// The load average before the run.
    pub load: f64,
    /// The command.
    pub command: String,
}

impl Report {
    /// The table and the notes.
    pub fn table(&self) -> String {
        let columns = Peer::COMPARED.into_iter();
        let columns = columns.filter(|peer| self.found.iter().any(|(found, _)| found == peer));
        let mut text = table::markdown(&self.rows, &columns.collect::<Vec<_>>());
        if !self.notes.is_empty() {
            text += "\n";
        }
        for note in &self.notes {
            text += &format!("- {note}\n");
        }
        text
    }

    /// The table, with everything needed to repeat it.
    pub fn page(&self) -> String {
        let versions: Vec<&str> = Peer::COMPARED
            .iter()
            .filter_map(|peer| self.found.iter().find(|(found, _)| found == peer))
            .map(|(_, version)| version.as_str())
            .collect();
        let date = OffsetDateTime::now_utc().date();
        let Report {
            threads,
            rounds,
            load,
            command,
            ..
        } = self;
        format!(
            "# The speed of ours, burn-nn, candle-nn and PyTorch\n\n    {command}\n\n{table}\n\
             | | |\n|---|---|\n\
             | date | {date} |\n\
             | machine | {machine} |\n\
             | load before the run | {load:.2} |\n\
             | threads | {threads} each |\n\
             | rounds | {rounds} |\n\
             | compiler | {rustc} |\n\
             | versions | {versions} |\n\n{HOW}",
            table = self.table(),
            machine = machine::machine(),
            rustc = machine::rustc(),
            versions = versions.join(", "),
        )
    }

    /// Writes the page to a file.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.page()).with_context(|| path.display().to_string())
    }
}

const HOW: &str = "\
## How

Times are medians over the rounds. In brackets: how many times as long as ours, as the median of the ratios
within each round. In a round every peer runs once, alone, each in its own process with the same number of
threads: one call that does not count, then as many as fit into 30 ms, at least one. Weights and inputs are
random, `f32`, `[batch, time, d]`; the state starts from zeros.

- *backward*: the gradients of the input and of all weights, from a gradient of ones.
- *bidirectional*: two layers, each of which reads in both directions and passes on both outputs; in PyTorch
  `num_layers=2, bidirectional=True`.
- *padded*: sequences of 1 to T steps, evenly spaced and in a mixed order; in PyTorch with
  `pack_padded_sequence` (`enforce_sorted=False`) and back. *Speed over no lengths*: the time of the same LSTM,
  which takes padding for input, over its time with lengths.
- *MinLstm*: a minimal LSTM, whose gates do not see the state. *Speed over an LSTM*: the time of an LSTM over its
  time.
- *update*: an embedding of 64, two LSTM layers and a head for 65 characters; mean cross-entropy, gradients,
  clipping of the whole gradient to norm 5, Adam (PyTorch's is the fused one); the state is carried on.
- *one character*: the same model with batch 1, one step from the state that the previous one left; then with
  GRU layers, and the time of these over that of LSTM layers.
- *best sgemm*: a product of two 2048×2048 matrices, the minimum time over all rounds, by PyTorch and by the
  crate `gemm` (in candle, which uses it without AVX-512). The share is of the faster of the two. A layer takes
  2·B·T·4H·(D+H) operations forward, and twice as many backward.
- *speed over one thread*: the time of ours with one thread over its time with all.
- *memory*: the largest resident set of a process that makes a few updates and does nothing else.
- –: not available. candle-nn has neither a plain RNN nor bidirectional layers, PyTorch has no MinLstm; whole
  models and padded batches are compared with PyTorch only.

All Rust is compiled as `cargo run` compiles it here: for any x86-64, without `-C target-cpu`.
";
