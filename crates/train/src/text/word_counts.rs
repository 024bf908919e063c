//! How often each word of a text occurs.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::words::{Cuts, WORKERS, WordParts};

/// How often each word occurs.
pub(crate) struct WordCounts {
    parts: WordParts,
    /// What each worker has counted.
    counts: [HashMap<String, u64>; WORKERS],
}

/// How often each word of a whole text occurs, or of a part that begins and ends with whole words.
pub(crate) struct WordTable(HashMap<String, u64>);

/// As many different words a worker counts at a time; when there are more, the rarest are forgotten.
const MOST_WORDS: usize = (1 << 20) / WORKERS;

impl WordCounts {
    pub fn new(cuts: Cuts) -> Self {
        WordCounts {
            parts: WordParts::new(cuts),
            counts: Default::default(),
        }
    }

    /// Counts the words of the next block of a text.
    pub fn add(&mut self, block: &str) {
        let parts = self.parts.push(block);
        self.count(parts);
    }

    fn count(&mut self, parts: Vec<String>) {
        let cuts = self.parts.cuts();
        let workers = self.counts.par_iter_mut().zip(parts);
        workers.for_each(|(counts, part)| {
            cuts.each_word(&part, |word| *counts.entry_ref(word).or_default() += 1);
            forget_rare(counts, MOST_WORDS);
        });
    }

    /// Returns the counts at the end of the text.
    pub fn finish(mut self) -> WordTable {
        let parts = self.parts.finish();
        self.count(parts);
        let [mut all, others @ ..] = self.counts;
        for (word, count) in others.into_iter().flatten() {
            *all.entry(word).or_default() += count;
        }
        WordTable(all)
    }
}

impl WordTable {
    /// Writes it for another process.
    pub fn to_json(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        for pair in &self.0 {
            serde_json::to_writer(&mut lines, &pair).expect("memory takes all");
        }
        lines
    }

    /// Adds a table that another process wrote.
    pub fn merge(&mut self, json: &[u8]) {
        for pair in serde_json::Deserializer::from_slice(json).into_iter() {
            let (word, count): (String, u64) = pair.expect("written by to_json");
            *self.0.entry(word).or_default() += count;
        }
        forget_rare(&mut self.0, WORKERS * MOST_WORDS);
    }

    /// Returns the words of more than one character, the most frequent first.
    pub fn sorted(self) -> Vec<(String, u64)> {
        let words = self.0.into_iter();
        let mut counts: Vec<_> = words
            .filter(|(word, _)| word.chars().nth(1).is_some())
            .collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }
}

/// Forgets the rarest words, if there are more than `most`.
fn forget_rare(counts: &mut HashMap<String, u64>, most: usize) {
    let mut rare = 1;
    while counts.len() > most {
        counts.retain(|_, count| *count > rare);
        rare *= 2;
    }
}
