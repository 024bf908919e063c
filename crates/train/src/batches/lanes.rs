//! A text cut into lanes that are read side by side, and lanes cut into windows.
//!
//! ```text
//! text    t h e q u i c k b r o w n f o x .
//!
//! lane 0  t h e q │ u i c k      a batch holds the same window of every lane, so that
//! lane 1  b r o w │ n f o x      each lane continues where its last window ended
//!         window 0  window 1
//! ```

use std::ops::Range;

use super::{
    batch::{Batch, Whole},
    config::{BatchConfig, Split, shortest_that_fits},
};
use crate::{error::Error, ranks::Share, text::Corpus};

/// Contiguous stretches of one length, read side by side. The target of each token is the next token.
#[derive(Clone, Debug)]
pub struct Lanes<'a> {
    corpus: &'a Corpus,
    /// Those of this rank.
    starts: Vec<usize>,
    /// Of all ranks.
    n_lanes: usize,
    length: usize,
}

impl<'a> Lanes<'a> {
    /// Creates a lane of `length` inputs at each of `starts`.
    ///
    /// # Panics
    ///
    /// Panics if a lane, with its last target, reaches past the end of the text.
    pub fn new(corpus: &'a Corpus, starts: Vec<usize>, length: usize) -> Self {
        let end = corpus.n_symbols();
        assert!(starts.iter().all(|start| start + length < end));
        Lanes {
            corpus,
            n_lanes: starts.len(),
            starts,
            length,
        }
    }

    /// Keeps one rank's share of the lanes.
    pub fn keep(&mut self, share: Share) {
        self.starts = self.starts[share.of(self.starts.len())].to_vec();
    }

    /// Returns how many symbols one epoch predicts, on all ranks.
    pub fn targets(&self) -> usize {
        self.n_lanes * self.length
    }

    /// Returns how many batches of `seq_length` steps there are; the last may be shorter.
    pub fn n_batches(&self, seq_length: usize) -> usize {
        self.length.div_ceil(seq_length)
    }

    /// Returns batch number `index`: that window of every lane.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be read.
    ///
    /// # Panics
    ///
    /// Panics unless `index` is below [`n_batches`](Self::n_batches).
    pub fn batch(&self, index: usize, seq_length: usize) -> Result<Batch, Error> {
        let from = index * seq_length;
        assert!(from < self.length, "batch {index} is past the end");
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
        let is_part = self.starts.len() < self.n_lanes;
        let part_of = is_part.then(|| Whole {
            rows: self.n_lanes,
            targets: self.n_lanes * shape[1],
        });
        Ok(Batch {
            inputs,
            targets,
            shape,
            lengths: None,
            begins: index == 0,
            part_of,
        })
    }

    /// Returns the batches in the order of time.
    pub fn batches(&self, seq_length: usize) -> impl Iterator<Item = Result<Batch, Error>> {
        (0..self.n_batches(seq_length)).map(move |index| self.batch(index, seq_length))
    }
}

/// Cuts a corpus into lanes to train on and, if a part is held out, lanes to validate on.
///
/// Training lanes are a whole number of windows long, and the rest at their end is not used, so that every
/// update averages over the same number of symbols. Validation uses as much as it can.
///
/// # Errors
///
/// Returns an error if the text is too short.
///
/// # Panics
///
/// Panics on settings that [`BatchConfig::validate`] rejects.
pub fn split<'a>(
    corpus: &'a Corpus,
    config: &BatchConfig,
) -> Result<(Lanes<'a>, Option<Lanes<'a>>), Error> {
    let n = corpus.n_symbols();
    if !fits(n, config) {
        return Err(Error::TooShort {
            name: corpus.name.clone(),
            found: n,
            needed: shortest_that_fits(n, |n| fits(n, config)),
            batch_size: config.batch_size,
            seq_length: config.seq_length,
            val_frac: config.val_frac,
            that_fit: sizes_that_fit(n, config),
        });
    }

    let (train, val) = stretches(n, config);
    let lanes = |stretches: Stretches| Lanes::new(corpus, stretches.starts, stretches.length);
    Ok((lanes(train), val.map(lanes)))
}

/// Returns the lanes to validate on all that follows `from`, which is at least two symbols.
pub(super) fn to_validate<'a>(corpus: &'a Corpus, from: usize, config: &BatchConfig) -> Lanes<'a> {
    let Stretches { starts, length } = stretches_to_validate(corpus.n_symbols(), from, config);
    Lanes::new(corpus, starts, length)
}

/// Returns which of the `n` symbols of one long text a rank reads, to train and to validate, targets included
/// ([`Corpus::read_on`]); none if the text is too short.
pub fn needed(n: usize, config: &BatchConfig, share: Share) -> Vec<Range<usize>> {
    if !fits(n, config) {
        return Vec::new();
    }
    let (train, val) = stretches(n, config);
    let mut needed = train.of(share);
    needed.extend(val.into_iter().flat_map(|val| val.of(share)));
    needed
}

/// Returns which of the `n` symbols of a text to validate on a rank reads, targets included.
pub fn needed_to_validate(n: usize, config: &BatchConfig, share: Share) -> Vec<Range<usize>> {
    match n {
        0 | 1 => Vec::new(),
        _ => stretches_to_validate(n, 0, config).of(share),
    }
}

/// The starts of lanes, and the inputs of each.
struct Stretches {
    starts: Vec<usize>,
    length: usize,
}

impl Stretches {
    fn of(&self, share: Share) -> Vec<Range<usize>> {
        let starts = self.starts[share.of(self.starts.len())].iter();
        starts
            .map(|start| *start..start + self.length + 1)
            .collect()
    }
}

/// Returns the lanes to train on, and those to validate on.
fn stretches(n: usize, config: &BatchConfig) -> (Stretches, Option<Stretches>) {
    let (batch_size, seq_length) = (config.batch_size, config.seq_length);
    let (windows, held_out) = parts(n, config);
    match config.split {
        Split::Lanes => {
            let lanes = |first: usize, length: usize| {
                let start = |lane| (lane * (windows + held_out) + first) * seq_length;
                Stretches {
                    starts: (0..batch_size).map(start).collect(),
                    length: length * seq_length,
                }
            };
            let val = (held_out > 0).then(|| lanes(windows, held_out));
            (lanes(0, windows), val)
        }
        _ => {
            let starts = (0..batch_size).map(|lane| lane * windows * seq_length);
            let train = Stretches {
                starts: starts.collect(),
                length: windows * seq_length,
            };
            let val = (held_out > 0).then(|| stretches_to_validate(n, n - held_out, config));
            (train, val)
        }
    }
}

/// Each lane starts from a state of zeros. With few and long lanes, the first symbols, which have no context, weigh
/// little.
fn stretches_to_validate(n: usize, from: usize, config: &BatchConfig) -> Stretches {
    let targets = n - from - 1;
    let n_lanes = targets / (MIN_VAL_WINDOWS * config.seq_length);
    let n_lanes = n_lanes.clamp(1, config.batch_size);
    let length = targets / n_lanes;
    Stretches {
        starts: (0..n_lanes).map(|lane| from + lane * length).collect(),
        length,
    }
}

fn fits(n: usize, config: &BatchConfig) -> bool {
    let (to_train, held_out) = parts(n, config);
    to_train > 0 && (held_out > 0 || config.val_frac == 0.0)
}

/// Returns a smaller batch size and sequence length that a text of `n` symbols is long enough for, if there are
/// any.
fn sizes_that_fit(n: usize, config: &BatchConfig) -> Option<(usize, usize)> {
    let mut smaller = config.clone();
    while smaller.batch_size * smaller.seq_length > 1 {
        match smaller.batch_size > smaller.seq_length / 2 {
            true if smaller.batch_size > 1 => smaller.batch_size /= 2,
            _ => smaller.seq_length = (smaller.seq_length / 2).max(1),
        }
        if fits(n, &smaller) {
            return Some((smaller.batch_size, smaller.seq_length));
        }
    }
    None
}

/// Returns how much of a text of `n` symbols to train on, in windows of a lane, and how much to hold out.
fn parts(n: usize, config: &BatchConfig) -> (usize, usize) {
    match config.split {
        Split::Lanes => lane_parts(n, config),
        _ => tail_parts(n, config),
    }
}

/// Returns how many windows of a lane to train on, and how many symbols to hold out at the end: none or at
/// least two, because a single symbol predicts nothing.
fn tail_parts(n: usize, config: &BatchConfig) -> (usize, usize) {
    let held_out = (n as f64 * config.val_frac) as usize;
    let held_out = if held_out < 2 { 0 } else { held_out };
    (windows(n - held_out, config), held_out)
}

/// Returns how many windows of a lane to train on and how many to hold out, computed as char-rnn does.
fn lane_parts(n: usize, config: &BatchConfig) -> (usize, usize) {
    let windows = windows(n, config);
    let to_train = (windows as f64 * (1.0 - config.val_frac)) as usize;
    (to_train, windows - to_train)
}

/// Returns how many whole windows a text of `n` symbols has in each lane; the last symbol is only a target.
fn windows(n: usize, config: &BatchConfig) -> usize {
    n.saturating_sub(1) / config.batch_size.saturating_mul(config.seq_length)
}

/// The least number of windows of a validation lane, if the text is long enough.
const MIN_VAL_WINDOWS: usize = 10;
