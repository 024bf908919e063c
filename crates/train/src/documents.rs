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

use std::{cell::RefCell, collections::BTreeMap, mem, ops::Range};

use memchr::memmem::Finder;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    codes::Codes,
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

/// What documents of a pool make, before they are dealt.
#[derive(Default)]
struct Count {
    n_targets: usize,
    /// How many documents make one window, two, ….
    by_windows: BTreeMap<usize, usize>,
}

impl Count {
    fn add(&mut self, document: &Range<usize>, config: &RunConfig) {
        self.n_targets += document.len();
        let n_windows = document.len().div_ceil(config.seq_length);
        *self.by_windows.entry(n_windows).or_default() += 1;
    }

    /// A batch has as many windows as its longest document, which is its last one before the shuffle.
    fn pool(self, first: usize, place: usize, config: &RunConfig) -> Pool {
        let size = config.batch_size;
        let (mut dealt, mut n_windows, mut last) = (0, 0, 0);
        for (windows, documents) in self.by_windows {
            let full = (dealt + documents) / size - dealt / size;
            (dealt, n_windows, last) = (dealt + documents, n_windows + windows * full, windows);
        }
        if !dealt.is_multiple_of(size) {
            n_windows += last;
        }
        Pool {
            first,
            place,
            n_windows,
            n_targets: self.n_targets,
        }
    }
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
/// Returns an error if there are too few, or the text cannot be read.
pub fn split<'a>(
    corpus: &'a Corpus,
    separator: &Separator,
    config: &RunConfig,
) -> Result<(Documents<'a>, Option<Documents<'a>>), Error> {
    // A separator with a symbol that the text does not have is nowhere in it.
    let tokens = corpus.vocab.encode(&separator.0).unwrap_or_default();
    let part = |are_held_out| Documents {
        corpus,
        separator: tokens.clone(),
        config: config.clone(),
        n_documents: 0,
        are_held_out,
        pools: Vec::new(),
        plan: RefCell::default(),
    };
    let (mut train, mut val) = (part(false), part(true));
    let mut place = 0;
    let mut n = 0;
    let mut counts = [Count::default(), Count::default()];
    for document in Scan::new(corpus, &tokens, 0) {
        let document = document?;
        // Which are the last ones shows at the end only.
        let is_held_out = config.split == Split::Lanes && train.is_held_out(n);
        counts[usize::from(is_held_out)].add(&document, config);
        n += 1;
        if n % POOL == 0 {
            let [ours, held_out] = mem::take(&mut counts);
            train.pools.push(ours.pool(n - POOL, place, config));
            val.pools.push(held_out.pool(n - POOL, place, config));
            place = document.end;
        }
    }
    let first = n / POOL * POOL;
    let [ours, held_out] = counts;
    train.pools.push(ours.pool(first, place, config));
    val.pools.push(held_out.pool(first, place, config));
    (train.n_documents, val.n_documents) = (n, n);

    let held_out = |n| n_held_out(n, config);
    let fits = |n| n > 1 && n > held_out(n) && (held_out(n) > 0 || config.val_frac == 0.0);
    if !fits(n) {
        return Err(Error::FewDocuments {
            name: corpus.name.clone(),
            separator: separator.to_string(),
            found: n,
            needed: least(n, fits),
            val_frac: config.val_frac,
        });
    }
    if config.split == Split::Tail {
        let from = (n - held_out(n)) / POOL;
        train.count_again(from)?;
        val.count_again(from)?;
    }
    Ok((train, (held_out(n) > 0).then_some(val)))
}

/// How many of `n` documents are held out.
fn n_held_out(n: usize, config: &RunConfig) -> usize {
    (n as f64 * config.val_frac) as usize
}

impl Documents<'_> {
    /// Counts what the pools from this one on have of ours.
    fn count_again(&mut self, from: usize) -> Result<(), Error> {
        for i in from..self.pools.len() {
            let Pool { first, place, .. } = self.pools[i];
            let mut count = Count::default();
            for document in self.documents_of(&self.pools[i])? {
                count.add(&document, &self.config);
            }
            self.pools[i] = count.pool(first, place, &self.config);
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
    /// Returns an error if the text cannot be read.
    ///
    /// # Panics
    ///
    /// Panics if `index` is not below [`n_windows`](Self::n_windows).
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

/// The documents of a text in their order, each with its separator.
struct Scan<'a> {
    /// `None` where a symbol of it is nowhere in the text.
    separator: Option<Finder<'static>>,
    search: Search<'a>,
    /// Where the document begins, in bytes of codes.
    start: u64,
}

impl<'a> Scan<'a> {
    fn new(corpus: &'a Corpus, separator: &[u32], start: usize) -> Self {
        let width = corpus.codes.width;
        let code = |token| {
            let code = corpus.tokens.iter().position(|found| found == token)?;
            Some(code.to_le_bytes().into_iter().take(width))
        };
        let codes: Option<Vec<_>> = separator.iter().map(code).collect();
        let codes: Vec<u8> = codes.into_iter().flatten().flatten().collect();
        let start = (start * width) as u64;
        Scan {
            separator: (!codes.is_empty()).then(|| Finder::new(&codes).into_owned()),
            search: Search {
                codes: &corpus.codes,
                length: (corpus.n_symbols() * width) as u64,
                block: Vec::new(),
                place: start,
                next: 0,
            },
            start,
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Range<usize>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.search.length;
        if self.start == length {
            return None;
        }
        let end = match &self.separator {
            Some(separator) => self.search.end_of(separator),
            None => Ok(length),
        };
        let width = self.search.codes.width as u64;
        let document = end.map(|end| {
            let start = mem::replace(&mut self.start, end);
            (start / width) as usize..(end / width) as usize
        });
        Some(document)
    }
}

/// Looks for something in the codes of a text, from one place to the next.
struct Search<'a> {
    codes: &'a Codes,
    /// In bytes, as are all places here.
    length: u64,
    /// What is at `place`, searched up to `next`.
    block: Vec<u8>,
    place: u64,
    next: usize,
}

/// Bytes of codes that are read together.
const BLOCK: usize = 1 << 18;

impl Search<'_> {
    /// Where the next one ends; the end of the text, if there is none.
    fn end_of(&mut self, needle: &Finder) -> Result<u64, Error> {
        let length = needle.needle().len();
        loop {
            match needle.find(&self.block[self.next..]) {
                Some(at) => {
                    let at = self.next + at;
                    // It may be the end of one code and the beginning of another.
                    if (self.place + at as u64).is_multiple_of(self.codes.width as u64) {
                        self.next = at + length;
                        return Ok(self.place + self.next as u64);
                    }
                    self.next = at + 1;
                }
                None if self.read_on(length - 1)? => (),
                None => return Ok(self.length),
            }
        }
    }

    /// Reads the next block, after up to `kept` bytes of this one, with which something may begin. Gives
    /// whether there is one.
    fn read_on(&mut self, kept: usize) -> Result<bool, Error> {
        let kept = kept.min(self.block.len() - self.next);
        let gone = self.block.len() - kept;
        self.block.drain(..gone);
        (self.place, self.next) = (self.place + gone as u64, 0);
        let from = self.place + kept as u64;
        let n = (self.length - from).min(BLOCK as u64) as usize;
        self.block.resize(kept + n, 0);
        self.codes.read(from, &mut self.block[kept..])?;
        Ok(n > 0)
    }
}
