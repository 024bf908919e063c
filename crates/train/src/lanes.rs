//! A text cut into lanes that are read side by side, and lanes cut into windows.
//!
//! ```text
//! text    t h e q u i c k b r o w n f o x .
//!
//! lane 0  t h e q │ u i c k      a batch holds the same window of every lane, so that
//! lane 1  b r o w │ n f o x      each lane goes on where its last window ended
//!         window 0  window 1
//! ```

use serde::{Deserialize, Serialize};

use crate::{config::RunConfig, corpus::Corpus, error::Error};

/// Which part of a text is held out for validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The end of the text; of documents the last ones.
    #[default]
    Tail,
    /// The last windows of every lane, as char-rnn does; of documents some from everywhere.
    Lanes,
}

/// Contiguous pieces of one length, read side by side. The target of each token is the next one.
#[derive(Clone, Debug)]
pub struct Lanes<'a> {
    corpus: &'a Corpus,
    starts: Vec<usize>,
    length: usize,
}

/// The same stretch of every lane, or of every document of a batch: `[rows, time]` in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What the model reads.
    pub inputs: Vec<u32>,
    /// What it should have said at each place: the symbol that follows.
    pub targets: Vec<u32>,
    /// How many rows, and how many steps.
    pub shape: [usize; 2],
    /// How many steps of each row are text; what comes after them is padding. Without it, all are.
    pub lengths: Option<Vec<usize>>,
    /// Whether the rows begin here, from a state of zeros.
    pub begins: bool,
}

impl Window {
    /// How many symbols it predicts.
    pub fn n_targets(&self) -> usize {
        match &self.lengths {
            None => self.targets.len(),
            Some(lengths) => lengths.iter().sum(),
        }
    }
}

impl<'a> Lanes<'a> {
    /// As many lanes as `starts`, each of `length` inputs.
    ///
    /// # Panics
    ///
    /// Panics if a lane and its last target reach past the end of the text.
    pub fn new(corpus: &'a Corpus, starts: Vec<usize>, length: usize) -> Self {
        let end = corpus.n_symbols();
        assert!(starts.iter().all(|start| start + length < end));
        Lanes {
            corpus,
            starts,
            length,
        }
    }

    /// How many symbols are predicted in one pass.
    pub fn targets(&self) -> usize {
        self.starts.len() * self.length
    }

    /// How many windows of `seq_length` steps there are; the last may be shorter.
    pub fn n_windows(&self, seq_length: usize) -> usize {
        self.length.div_ceil(seq_length)
    }

    /// Window number `index` of every lane.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be read.
    ///
    /// # Panics
    ///
    /// Panics if `index` is not below [`n_windows`](Self::n_windows).
    pub fn window(&self, index: usize, seq_length: usize) -> Result<Window, Error> {
        let from = index * seq_length;
        assert!(from < self.length, "window {index} is past the end");
        let to = self.length.min(from + seq_length);
        let shape = [self.starts.len(), to - from];
        let size = shape.iter().product();
        let (mut inputs, mut targets) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let mut lane = Vec::new();
        for start in &self.starts {
            lane.clear();
            self.corpus
                .tokens(start + from..start + to + 1, &mut lane)?;
            inputs.extend_from_slice(&lane[..to - from]);
            targets.extend_from_slice(&lane[1..]);
        }
        Ok(Window {
            inputs,
            targets,
            shape,
            lengths: None,
            begins: index == 0,
        })
    }

    /// The windows in the order of time.
    pub fn windows(&self, seq_length: usize) -> impl Iterator<Item = Result<Window, Error>> {
        (0..self.n_windows(seq_length)).map(move |index| self.window(index, seq_length))
    }
}

/// Cuts a corpus into lanes to train on and, where a part is held out, lanes to validate on.
///
/// Training lanes are a whole number of windows long: what is left over at their end is not used,
/// so that every update weighs the same number of symbols. Validation uses all it can.
///
/// # Errors
///
/// Returns an error if the text is too short.
///
/// # Panics
///
/// Panics on settings that [`RunConfig::validate`] refuses.
pub fn split<'a>(
    corpus: &'a Corpus,
    config: &RunConfig,
) -> Result<(Lanes<'a>, Option<Lanes<'a>>), Error> {
    let n = corpus.n_symbols();
    let parts = |n| match config.split {
        Split::Tail => tail_parts(n, config),
        Split::Lanes => lane_parts(n, config),
    };
    let fits = |n| {
        let (to_train, held_out) = parts(n);
        to_train > 0 && (held_out > 0 || config.val_frac == 0.0)
    };
    if !fits(n) {
        return Err(Error::TooShort {
            name: corpus.name.clone(),
            found: n,
            needed: least(n, fits),
            batch_size: config.batch_size,
            seq_length: config.seq_length,
            val_frac: config.val_frac,
        });
    }

    let (batch_size, seq_length) = (config.batch_size, config.seq_length);
    let (windows, held_out) = parts(n);
    match config.split {
        Split::Lanes => {
            let lanes = |first: usize, length: usize| {
                let start = |lane| (lane * (windows + held_out) + first) * seq_length;
                let starts = (0..batch_size).map(start).collect();
                Lanes::new(corpus, starts, length * seq_length)
            };
            let val = (held_out > 0).then(|| lanes(windows, held_out));
            Ok((lanes(0, windows), val))
        }
        Split::Tail => {
            let even_lanes = |first: usize, n_lanes: usize, length: usize| {
                let starts = (0..n_lanes).map(|lane| first + lane * length);
                Lanes::new(corpus, starts.collect(), length)
            };
            let train = even_lanes(0, batch_size, windows * seq_length);
            let val = (held_out > 0).then(|| {
                // A lane starts from nothing: few and long ones, or the first symbols of each,
                // which no context helps, would weigh too much.
                let targets = held_out - 1;
                let n_lanes = (targets / (MIN_VAL_WINDOWS * seq_length)).clamp(1, batch_size);
                even_lanes(n - held_out, n_lanes, targets / n_lanes)
            });
            Ok((train, val))
        }
    }
}

/// Windows to train on, and symbols to hold out at the end; of one symbol nothing can be predicted.
fn tail_parts(n: usize, config: &RunConfig) -> (usize, usize) {
    let held_out = (n as f64 * config.val_frac) as usize;
    let held_out = if held_out < 2 { 0 } else { held_out };
    (windows(n - held_out, config), held_out)
}

/// Windows to train on, and windows to hold out, with the arithmetic of char-rnn.
fn lane_parts(n: usize, config: &RunConfig) -> (usize, usize) {
    let windows = windows(n, config);
    let to_train = (windows as f64 * (1.0 - config.val_frac)) as usize;
    (to_train, windows - to_train)
}

/// How many whole windows a text of `n` symbols has in each lane; the last symbol is a target only.
fn windows(n: usize, config: &RunConfig) -> usize {
    n.saturating_sub(1) / config.batch_size.saturating_mul(config.seq_length)
}

/// The least number above `low`, which does not fit, that fits.
pub(crate) fn least(mut low: usize, fits: impl Fn(usize) -> bool) -> usize {
    let mut high = low.max(1);
    while !fits(high) {
        low = high;
        high = high.saturating_mul(2);
        if low == high {
            return high;
        }
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            high = middle
        } else {
            low = middle
        }
    }
    high
}

/// How many windows a validation lane has at least, where the text allows.
const MIN_VAL_WINDOWS: usize = 10;
