//! Many short, independent documents, each read from a state of zeros.
//!
//! ```text
//! text     a n n ↵ b o ↵ c l a r a ↵        ↵ ends a document: it is the last symbol to predict
//!
//! inputs   ↵ a n n                          it also stands before the first symbol
//!          ↵ b o ·
//! targets  a n n ↵
//!          b o ↵ ·                          · is padding, which does not count
//! ```
//!
//! A group is `batch_size` documents of similar length. It is cut into batches of `seq_length` steps until
//! its longest document ends. An epoch reads each document once, in an order that the seed and the epoch
//! decide: consecutive documents form pools, the pools are shuffled, so are the groups of each pool, and
//! documents of similar length are dealt to the groups anew.
//!
//! Only the positions of one pool's documents are in memory.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    mem,
    ops::Range,
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    batch::{Batch, Whole},
    config::{BatchConfig, Split, shortest_that_fits},
    find_documents::DocumentScan,
};
use crate::{
    error::Error,
    ranks::Share,
    text::{Corpus, Separator},
};

/// Documents in a pool.
const POOL: usize = 1 << 16;

/// The documents of a text that are trained on, or those that are held out.
#[derive(Debug)]
pub struct Documents<'a> {
    corpus: &'a Corpus,
    separator: Vec<u32>,
    config: BatchConfig,
    /// How many documents the whole text has.
    n_documents: usize,
    are_held_out: bool,
    /// Which rows of each batch this rank reads.
    share: Share,
    pools: Vec<Pool>,
    /// The plan that the last batch came from.
    plan: RefCell<Plan>,
    /// The last draw: to draw again for each document of it would take most of the time of a scan.
    draw: Cell<Option<Draw>>,
}

/// One of some consecutive documents is held out.
#[derive(Clone, Copy, Debug)]
struct Draw {
    /// The numbers of the first and the last of them.
    among: (usize, usize),
    chosen: usize,
}

/// [`POOL`] consecutive documents, of which some are in this part.
#[derive(Clone, Debug)]
struct Pool {
    /// The number of its first document.
    first: usize,
    /// The start of that document in the text.
    place: usize,
    /// How many documents this part has, and how many batches they make, in every epoch.
    n_documents: usize,
    n_batches: usize,
    /// How many symbols they have, separators included.
    n_targets: usize,
}

/// Counts what the documents of a pool make, before they are dealt.
#[derive(Default)]
struct Count {
    n_targets: usize,
    /// How many documents make one window, two, ….
    by_windows: BTreeMap<usize, usize>,
}

impl Count {
    fn add(&mut self, document: &Range<usize>, config: &BatchConfig) {
        self.n_targets += document.len();
        let n_windows = document.len().div_ceil(config.seq_length);
        *self.by_windows.entry(n_windows).or_default() += 1;
    }

    /// A group makes as many batches as its longest document, its last before the shuffle, has windows.
    fn pool(self, first: usize, place: usize, config: &BatchConfig) -> Pool {
        let size = config.batch_size;
        let (mut dealt, mut n_batches, mut last) = (0, 0, 0);
        for (windows, documents) in self.by_windows {
            let full = (dealt + documents) / size - dealt / size;
            (dealt, n_batches, last) = (dealt + documents, n_batches + windows * full, windows);
        }
        if !dealt.is_multiple_of(size) {
            n_batches += last;
        }
        Pool {
            first,
            place,
            n_documents: dealt,
            n_batches,
            n_targets: self.n_targets,
        }
    }
}

/// The groups of one pool in one epoch.
#[derive(Debug, Default)]
struct Plan {
    epoch: usize,
    /// Which batches of the epoch they make.
    batches: Range<usize>,
    groups: Vec<Group>,
}

/// Documents that are read side by side.
#[derive(Debug)]
struct Group {
    /// The number of its first batch in the epoch.
    first: usize,
    /// The range of each document in the text, its separator included.
    documents: Vec<Range<usize>>,
}

/// Returns the documents of a corpus to train on and, if a part is held out, the documents to validate on:
/// random ones ([`Split::Random`]), or the last ones ([`Split::Tail`]). An empty document is none.
///
/// # Errors
///
/// Returns an error if there are too few documents, or the text cannot be read.
pub fn split<'a>(
    corpus: &'a Corpus,
    separator: &Separator,
    config: &BatchConfig,
) -> Result<(Documents<'a>, Option<Documents<'a>>), Error> {
    cut(corpus, separator, config, 2)
}

/// Returns all documents of a text to validate on; a single one is enough.
pub(super) fn to_validate<'a>(
    corpus: &'a Corpus,
    separator: &Separator,
    config: &BatchConfig,
) -> Result<Documents<'a>, Error> {
    let whole = BatchConfig {
        val_frac: 0.0,
        ..config.clone()
    };
    cut(corpus, separator, &whole, 1).map(|(all, _)| all)
}

/// Like [`split`], of at least so many documents.
fn cut<'a>(
    corpus: &'a Corpus,
    separator: &Separator,
    config: &BatchConfig,
    least: usize,
) -> Result<(Documents<'a>, Option<Documents<'a>>), Error> {
    // A separator with a symbol that the text lacks does not occur in it.
    let tokens = corpus.vocab.encode(&separator.0).unwrap_or_default();
    let part = |are_held_out| Documents {
        corpus,
        separator: tokens.clone(),
        config: config.clone(),
        // So far, there is no last one.
        n_documents: usize::MAX,
        are_held_out,
        share: Share::WHOLE,
        pools: Vec::new(),
        plan: RefCell::default(),
        draw: Cell::default(),
    };
    let (mut train, mut val) = (part(false), part(true));
    let mut place = 0;
    let mut n = 0;
    let mut counts = [Count::default(), Count::default()];
    for document in DocumentScan::new(corpus, &tokens, 0) {
        let document = document?;
        // Which documents are the last ones is known only at the end.
        let is_held_out = config.split != Split::Tail && train.is_held_out(n);
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
    let fits = |n| n >= least && n > held_out(n) && (held_out(n) > 0 || config.val_frac == 0.0);
    if !fits(n) {
        return Err(Error::FewDocuments {
            name: corpus.name.clone(),
            separator: separator.to_string(),
            found: n,
            needed: shortest_that_fits(n, fits),
            val_frac: config.val_frac,
        });
    }
    // The first document that the end of the text decides on.
    let first = match config.split {
        Split::Tail => n - held_out(n),
        _ if config.val_frac == 0.0 => n,
        _ => (held_out(n) as f64 / config.val_frac) as usize,
    };
    train.count_again(first.saturating_sub(1) / POOL)?;
    val.count_again(first.saturating_sub(1) / POOL)?;
    Ok((train, (held_out(n) > 0).then_some(val)))
}

/// Returns how many of `n` documents are held out.
fn n_held_out(n: usize, config: &BatchConfig) -> usize {
    (n as f64 * config.val_frac) as usize
}

impl Documents<'_> {
    /// Counts this part's documents again in the pools from number `from` on.
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

    /// Keeps one rank's share of the rows of each batch.
    pub fn keep(&mut self, share: Share) {
        self.share = share;
    }

    /// Returns how many documents an epoch reads.
    pub fn n_documents(&self) -> usize {
        self.pools.iter().map(|pool| pool.n_documents).sum()
    }

    /// Returns how many symbols an epoch predicts.
    pub fn targets(&self) -> usize {
        self.pools.iter().map(|pool| pool.n_targets).sum()
    }

    /// Returns how many batches an epoch has.
    pub fn n_batches(&self) -> usize {
        self.pools.iter().map(|pool| pool.n_batches).sum()
    }

    /// Returns batch number `index` of an epoch.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be read.
    ///
    /// # Panics
    ///
    /// Panics unless `index` is below [`n_batches`](Self::n_batches).
    pub fn batch(&self, epoch: usize, index: usize) -> Result<Batch, Error> {
        let mut plan = self.plan.borrow_mut();
        if plan.epoch != epoch || !plan.batches.contains(&index) {
            *plan = self.plan(epoch, index)?;
        }
        let next = plan.groups.partition_point(|group| group.first <= index);
        let group = &plan.groups[next - 1];
        self.cut(&group.documents, index - group.first)
    }

    /// Cuts window number `part` out of these documents.
    fn cut(&self, documents: &[Range<usize>], part: usize) -> Result<Batch, Error> {
        let seq_length = self.config.seq_length;
        let from = part * seq_length;
        let length = |document: &Range<usize>| document.len().saturating_sub(from).min(seq_length);
        let lengths: Vec<usize> = documents.iter().map(length).collect();
        let whole = Whole {
            rows: documents.len(),
            targets: lengths.iter().sum(),
        };
        let ours = self.share.of(documents.len());
        let (documents, lengths) = (&documents[ours.clone()], lengths[ours].to_vec());
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
        Ok(Batch {
            inputs,
            targets,
            shape: [documents.len(), time],
            lengths: Some(lengths),
            begins: part == 0,
            part_of: (self.share != Share::WHOLE).then_some(whole),
        })
    }

    /// Returns the groups of the pool that batch `index` of an epoch is in.
    fn plan(&self, epoch: usize, index: usize) -> Result<Plan, Error> {
        let mut order: Vec<usize> = (0..self.pools.len()).collect();
        shuffle(&mut order, &mut self.rng(epoch, usize::MAX));
        let mut first = 0;
        for number in order {
            let pool = &self.pools[number];
            let batches = first..first + pool.n_batches;
            if !batches.contains(&index) {
                first = batches.end;
                continue;
            }
            let mut documents = self.documents_of(pool)?;
            let rng = &mut self.rng(epoch, number);
            shuffle(&mut documents, rng);
            let mut groups = self.dealt(documents);
            shuffle(&mut groups, rng);
            let groups = groups.into_iter().map(|documents| {
                let group = Group { first, documents };
                first += self.n_batches_of(&group.documents);
                group
            });
            return Ok(Plan {
                epoch,
                groups: groups.collect(),
                batches,
            });
        }
        panic!("batch {index} is past the end");
    }

    /// Deals documents of similar length into groups, otherwise in their order.
    ///
    /// The number of batches does not depend on the order: the first key is how many windows a document
    /// has, so the groups make the same numbers of batches every time. The second key is the first five
    /// binary digits of the length.
    fn dealt(&self, mut documents: Vec<Range<usize>>) -> Vec<Vec<Range<usize>>> {
        documents.sort_by_key(|document| {
            let length = document.len();
            let digits = length.ilog2().saturating_sub(4);
            (
                length.div_ceil(self.config.seq_length),
                length >> digits << digits,
            )
        });
        let groups = documents.chunks(self.config.batch_size);
        groups.map(<[Range<usize>]>::to_vec).collect()
    }

    fn n_batches_of(&self, documents: &[Range<usize>]) -> usize {
        let windows = |document: &Range<usize>| document.len().div_ceil(self.config.seq_length);
        documents.iter().map(windows).max().unwrap_or_default()
    }

    /// Returns where this part's documents of a pool are in the text.
    fn documents_of(&self, pool: &Pool) -> Result<Vec<Range<usize>>, Error> {
        let all = DocumentScan::new(self.corpus, &self.separator, pool.place).take(POOL);
        let ours = (pool.first..).zip(all).filter(|(number, document)| {
            document.is_err() || self.is_held_out(*number) == self.are_held_out
        });
        ours.map(|(_, document)| document).collect()
    }

    fn is_held_out(&self, number: usize) -> bool {
        match self.config.split {
            Split::Tail => number >= self.n_documents - n_held_out(self.n_documents, &self.config),
            _ => self.is_drawn(number),
        }
    }

    /// Returns whether a document is held out at random: of as many consecutive documents as the share says, one
    /// is drawn. So neither an order of the documents nor a rhythm in them decides, and the share is kept. None is
    /// drawn of too few at the end.
    fn is_drawn(&self, number: usize) -> bool {
        if self.config.val_frac == 0.0 {
            return false;
        }
        let known = self
            .draw
            .get()
            .filter(|draw| draw.among.0 <= number && number <= draw.among.1);
        let draw = known.unwrap_or_else(|| self.draw_of(number));
        self.draw.set(Some(draw));
        let held_out = |n| n_held_out(n, &self.config);
        number == draw.chosen && held_out(number) < held_out(self.n_documents)
    }

    /// Draws one of the documents that this one is among.
    fn draw_of(&self, number: usize) -> Draw {
        let share = self.config.val_frac;
        let index = n_held_out(number, &self.config);
        // Computed, their limits may be off by one.
        let is_among = |number: &usize| n_held_out(*number, &self.config) == index;
        let from = (index as f64 / share) as usize;
        let to = ((index + 1) as f64 / share) as usize + 1;
        let mut among = (from.saturating_sub(1)..=to).filter(is_among);
        let first = among.next().unwrap_or(number);
        let last = among.next_back().unwrap_or(first);
        let below = (last - first + 1) as u64;
        let random = self.rng(usize::MAX, index).next_u64();
        Draw {
            among: (first, last),
            chosen: first + ((u128::from(random) * u128::from(below)) >> 64) as usize,
        }
    }

    /// Returns the random numbers for one pool in one epoch.
    fn rng(&self, epoch: usize, pool: usize) -> ChaCha8Rng {
        let mut seed = [0; 32];
        let words = [self.config.seed, epoch as u64, pool as u64];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        ChaCha8Rng::from_seed(seed)
    }
}

/// Shuffles; every order is equally likely (Fisher and Yates 1938). Written out, so that no new version of
/// a library changes the order.
fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        let below = u128::from(rng.next_u64()) * (i as u128 + 1);
        items.swap(i, (below >> 64) as usize);
    }
}
