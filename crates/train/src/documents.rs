//! Many short texts that have nothing to do with one another, each read from a state of zeros.
//!
//! ```text
//! text     a n n ↵ b o ↵ c l a r a ↵        ↵ ends a document: it is the last thing to predict
//!
//! inputs   ↵ a n n                          it also stands before the first symbol
//!          ↵ b o ·
//! targets  a n n ↵
//!          b o ↵ ·                          · is padding, which counts for nothing
//! ```
//!
//! A batch holds `batch_size` documents of nearly one length. It is cut in windows of `seq_length`
//! steps until the longest ends. In an epoch each document is read once, in an order that the seed and
//! the epoch decide: pools of documents that follow one another in the text come in random order, so do
//! the batches of a pool, and documents of nearly one length are dealt to them anew.
//!
//! What is in memory is where the documents of one pool are.

use std::{cell::RefCell, ops::Range};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    config::RunConfig,
    corpus::Corpus,
    error::Error,
    lanes::{Split, Window, least},
    separator::Separator,
};

/// Documents in a pool.
const POOL: usize = 1 << 16;

/// The documents of a text that are trained on, or those that are held out.
#[derive(Debug)]
pub struct Documents<'a> {
    corpus: &'a Corpus,
    separator: Vec<u32>,
    config: RunConfig,
    /// In the whole text.
    n_documents: usize,
    are_held_out: bool,
    pools: Vec<Pool>,
    /// That of the last window, for the next.
    plan: RefCell<Plan>,
}

/// [`POOL`] documents, of which some are ours.
#[derive(Clone, Debug)]
struct Pool {
    /// Number of its first document.
    first: usize,
    /// Where that begins in the text.
    place: usize,
    /// How many windows our documents make. That does not depend on the epoch.
    n_windows: usize,
    /// How many symbols they have, separators included.
    n_targets: usize,
}

/// The batches of one pool in one epoch.
#[derive(Debug, Default)]
struct Plan {
    epoch: usize,
    /// Which windows of the epoch these are.
    windows: Range<usize>,
    batches: Vec<Batch>,
}

#[derive(Debug)]
struct Batch {
    /// Its first window in the epoch.
    first: usize,
    /// Where each row is in the text, its separator included.
    documents: Vec<Range<usize>>,
}

/// The documents of a corpus to train on and, where a part is held out, those to validate on: of all
/// documents evenly, or those at the end ([`Split::Tail`]).
///
/// # Errors
///
/// Where there are too few, or the text cannot be read.
pub fn split<'a>(
    corpus: &'a Corpus,
    separator: &Separator,
    config: &RunConfig,
) -> Result<(Documents<'a>, Option<Documents<'a>>), Error> {
    // A separator with a symbol that the text does not have is nowhere in it.
    let tokens = corpus.vocab.encode(&separator.0).unwrap_or_default();
    let mut places = vec![0];
    let mut n = 0;
    for document in Scan::new(corpus, &tokens, 0) {
        n += 1;
        if n % POOL == 0 {
            places.push(document?.end);
        }
    }

    let held_out = |n| n_held_out(n, config);
    let fits = |n| n > 1 && n > held_out(n) && (held_out(n) > 0 || config.val_frac == 0.0);
    if !fits(n) {
        return Err(Error::FewDocuments {
            name: corpus.name.clone(),
            separator: separator.clone(),
            found: n,
            needed: least(n, fits),
            val_frac: config.val_frac,
        });
    }
    let part = |are_held_out| {
        let pools = (0..)
            .step_by(POOL)
            .zip(&places)
            .map(|(first, &place)| Pool {
                first,
                place,
                n_windows: 0,
                n_targets: 0,
            });
        let mut part = Documents {
            corpus,
            separator: tokens.clone(),
            config: config.clone(),
            n_documents: n,
            are_held_out,
            pools: pools.collect(),
            plan: RefCell::default(),
        };
        part.measure()?;
        Ok(part)
    };
    let val = (held_out(n) > 0).then(|| part(true)).transpose()?;
    Ok((part(false)?, val))
}

/// How many of `n` documents are held out.
fn n_held_out(n: usize, config: &RunConfig) -> usize {
    (n as f64 * config.val_frac) as usize
}

impl Documents<'_> {
    /// Counts the windows and the symbols of each pool.
    fn measure(&mut self) -> Result<(), Error> {
        for i in 0..self.pools.len() {
            let documents = self.documents_of(&self.pools[i])?;
            self.pools[i].n_targets = documents.iter().map(Range::len).sum();
            self.pools[i].n_windows = self
                .dealt(documents)
                .iter()
                .map(|documents| self.n_windows_of(documents))
                .sum();
        }
        Ok(())
    }

    /// How many symbols are predicted in one pass.
    pub fn targets(&self) -> usize {
        self.pools.iter().map(|pool| pool.n_targets).sum()
    }

    /// How many windows an epoch has.
    pub fn n_windows(&self) -> usize {
        self.pools.iter().map(|pool| pool.n_windows).sum()
    }

    /// Window number `index` of an epoch.
    ///
    /// # Errors
    ///
    /// Where the text cannot be read.
    ///
    /// # Panics
    ///
    /// Where `index` is not below [`n_windows`](Self::n_windows).
    pub fn window(&self, epoch: usize, index: usize) -> Result<Window, Error> {
        let mut plan = self.plan.borrow_mut();
        if plan.epoch != epoch || !plan.windows.contains(&index) {
            *plan = self.plan(epoch, index)?;
        }
        let next = plan.batches.partition_point(|batch| batch.first <= index);
        let batch = &plan.batches[next - 1];
        self.cut(&batch.documents, index - batch.first)
    }

    /// Window number `part` of these documents.
    fn cut(&self, documents: &[Range<usize>], part: usize) -> Result<Window, Error> {
        let seq_length = self.config.seq_length;
        let from = part * seq_length;
        let length = |document: &Range<usize>| document.len().saturating_sub(from).min(seq_length);
        let lengths: Vec<usize> = documents.iter().map(length).collect();
        let time = lengths.iter().copied().max().unwrap_or_default();

        let before = *self.separator.last().expect("a separator has symbols");
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let mut row = Vec::new();
        for (document, &length) in documents.iter().zip(&lengths) {
            row.clear();
            let start = document.start + from;
            match from {
                0 => {
                    row.push(before);
                    self.corpus.tokens(start..start + length, &mut row)?;
                }
                _ if length > 0 => self.corpus.tokens(start - 1..start + length, &mut row)?,
                _ => row.push(before),
            }
            row.resize(1 + time, before);
            inputs.extend_from_slice(&row[..time]);
            targets.extend_from_slice(&row[1..]);
        }
        Ok(Window {
            inputs,
            targets,
            shape: [documents.len(), time],
            lengths: Some(lengths),
            begins: part == 0,
        })
    }

    /// The batches of the pool that window `index` of an epoch is in.
    fn plan(&self, epoch: usize, index: usize) -> Result<Plan, Error> {
        let mut order: Vec<usize> = (0..self.pools.len()).collect();
        shuffle(&mut order, &mut self.rng(epoch, usize::MAX));
        let mut first = 0;
        for number in order {
            let pool = &self.pools[number];
            let windows = first..first + pool.n_windows;
            if !windows.contains(&index) {
                first = windows.end;
                continue;
            }
            let mut documents = self.documents_of(pool)?;
            let rng = &mut self.rng(epoch, number);
            shuffle(&mut documents, rng);
            let mut batches = self.dealt(documents);
            shuffle(&mut batches, rng);
            let batches = batches.into_iter().map(|documents| {
                let batch = Batch { first, documents };
                first += self.n_windows_of(&batch.documents);
                batch
            });
            return Ok(Plan {
                epoch,
                batches: batches.collect(),
                windows,
            });
        }
        panic!("window {index} is past the end");
    }

    /// Documents of nearly one length together, otherwise in the order that they come in.
    ///
    /// How many windows that makes in all does not depend on this order: the first key is how many
    /// windows a document makes, so the batches have the same numbers of them each time. Then come the
    /// first five binary digits of the length.
    fn dealt(&self, mut documents: Vec<Range<usize>>) -> Vec<Vec<Range<usize>>> {
        documents.sort_by_key(|document| {
            let length = document.len();
            let digits = length.ilog2().saturating_sub(4);
            (
                length.div_ceil(self.config.seq_length),
                length >> digits << digits,
            )
        });
        let batches = documents.chunks(self.config.batch_size);
        batches.map(<[Range<usize>]>::to_vec).collect()
    }

    fn n_windows_of(&self, documents: &[Range<usize>]) -> usize {
        let windows = |document: &Range<usize>| document.len().div_ceil(self.config.seq_length);
        documents.iter().map(windows).max().unwrap_or_default()
    }

    /// Where our documents of a pool are in the text.
    fn documents_of(&self, pool: &Pool) -> Result<Vec<Range<usize>>, Error> {
        let all = Scan::new(self.corpus, &self.separator, pool.place).take(POOL);
        let ours = (pool.first..).zip(all).filter(|(number, document)| {
            document.is_err() || self.is_held_out(*number) == self.are_held_out
        });
        ours.map(|(_, document)| document).collect()
    }

    fn is_held_out(&self, number: usize) -> bool {
        let held_out = |n| n_held_out(n, &self.config);
        match self.config.split {
            Split::Tail => number >= self.n_documents - held_out(self.n_documents),
            Split::Lanes => held_out(number + 1) > held_out(number),
        }
    }

    /// Random numbers for one pool in one epoch.
    fn rng(&self, epoch: usize, pool: usize) -> ChaCha8Rng {
        let mut seed = [0; 32];
        let words = [self.config.seed, epoch as u64, pool as u64];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        ChaCha8Rng::from_seed(seed)
    }
}

/// Every order is equally likely (Fisher and Yates 1938). Written out, for an order that no version of a
/// library changes.
fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        let below = u128::from(rng.next_u64()) * (i as u128 + 1);
        items.swap(i, (below >> 64) as usize);
    }
}

/// The documents of a text in their order, each with its separator, found by the algorithm of Knuth,
/// Morris and Pratt (1977).
struct Scan<'a> {
    corpus: &'a Corpus,
    separator: &'a [u32],
    /// For each part of the separator from its start, the longest shorter one that it ends in.
    borders: Vec<usize>,
    /// How much of the separator is before the next symbol.
    matched: usize,
    /// Where the document begins.
    start: usize,
    /// The place of the next symbol: `block[next]`.
    place: usize,
    block: Vec<u32>,
    next: usize,
}

/// Symbols that are read together.
const BLOCK: usize = 1 << 16;

impl<'a> Scan<'a> {
    fn new(corpus: &'a Corpus, separator: &'a [u32], start: usize) -> Self {
        let mut borders = vec![0; separator.len()];
        let mut matched = 0;
        for i in 1..separator.len() {
            matched = go_on(separator, &borders, matched, separator[i]);
            borders[i] = matched;
        }
        Scan {
            corpus,
            separator,
            borders,
            matched: 0,
            start,
            place: start,
            block: Vec::new(),
            next: 0,
        }
    }

    /// Whether there is another symbol.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.next == self.block.len() {
            let to = (self.place + BLOCK).min(self.corpus.n_symbols());
            self.block.clear();
            self.next = 0;
            self.corpus.tokens(self.place..to, &mut self.block)?;
        }
        Ok(!self.block.is_empty())
    }

    fn document(&mut self) -> Result<Range<usize>, Error> {
        while self.fill()? {
            let token = self.block[self.next];
            (self.next, self.place) = (self.next + 1, self.place + 1);
            self.matched = go_on(self.separator, &self.borders, self.matched, token);
            if self.matched == self.separator.len() && self.matched > 0 {
                self.matched = 0;
                break;
            }
        }
        let document = self.start..self.place;
        self.start = self.place;
        Ok(document)
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Range<usize>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.document();
        match &document {
            Ok(document) if document.is_empty() => None,
            _ => Some(document),
        }
    }
}

/// How much of the separator there is after one more symbol.
fn go_on(separator: &[u32], borders: &[usize], mut matched: usize, token: u32) -> usize {
    while matched > 0 && separator[matched] != token {
        matched = borders[matched - 1];
    }
    match separator.get(matched) {
        Some(&expected) if expected == token => matched + 1,
        _ => matched,
    }
}
