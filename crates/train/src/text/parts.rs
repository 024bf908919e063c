//! A large text that several ranks read, each its own part.
//!
//! ```text
//! count      each rank the symbols of its part        then all know the symbols, and how many there are
//! hash       rank after rank its part                 each continues where the one before it ended
//! encode     each rank the rows that it learns from   unless the bytes of the files can stand for the tokens
//! ```
//!
//! Characters and bytes are counted and hashed at once. To count words takes longer: that, all ranks do at the same
//! time. And how many tokens a text of words has, only encoding tells: so each rank encodes its part, and then what else
//! it learns from.
//!
//! Before ranks tell one another what they have found there is a barrier, which waits however long another rank reads.

use std::{mem, ops::Range, path::PathBuf};

use bytemuck::{cast_slice, pod_collect_to_vec};
use memchr::memchr;

use super::{
    byte_store::ByteStore,
    config::TextConfig,
    corpus::Corpus,
    hash::TextHash,
    ingest::{TextReader, name_of},
    large_files::{LargeFiles, is_within},
    read_ahead::BLOCK,
    stretches::{Mark, Stretches},
    symbol_codes::{Extent, SymbolCodes},
    transcript::Transcript,
    vocab::{Units, Vocab},
    words::Cuts,
};
use crate::{
    error::{Error, InFile},
    ranks::{Communicator, first_other},
};

impl Corpus {
    /// Like [`read`](Self::read), but on several ranks, of which each needs the symbols in the ranges that `needed`
    /// returns for a text of so many symbols. Other symbols may not be read from the corpus.
    ///
    /// Large files (16 MiB) of UTF-8, with `\n` at the ends of lines, are read in parts: each rank reads its own, and
    /// then its ranges. So are bytes. Any other text is read by every rank: documents and records, and words in files
    /// whose lines are longer than half a megabyte, or of which one before the last ends within a line.
    ///
    /// If there are more than a million different words, the rarest are not counted to the end, and how many of them
    /// are forgotten depends on the number of ranks.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`read`](Self::read), and an error if the files of a rank differ from those of rank 0.
    pub fn read_on(
        ranks: &dyn Communicator,
        paths: &[PathBuf],
        config: &TextConfig,
        needed: impl FnOnce(usize) -> Vec<Range<usize>>,
    ) -> Result<Self, Error> {
        if ranks.size() == 1 {
            return Corpus::read(paths, config);
        }
        let files = LargeFiles::of(paths, config)?;
        let found = ranks.all_gather(&[u8::from(files.is_some())]);
        check_equal(&found, paths)?;
        if let Some(files) = files {
            check_equal(&ranks.all_gather(&files.sample()?), paths)?;
            let parts = Parts {
                files,
                ranks,
                config,
            };
            if let Some(corpus) = parts.read(name_of(paths), needed)? {
                return Ok(corpus);
            }
        }
        Corpus::read(paths, config)
    }
}

/// Checks that each rank has found the same in the files.
fn check_equal(found: &[Vec<u8>], paths: &[PathBuf]) -> Result<(), Error> {
    match first_other(found) {
        None => Ok(()),
        Some(rank) => Err(Error::OtherFiles {
            name: name_of(paths),
            rank,
        }),
    }
}

/// A text of which each rank has a part.
struct Parts<'a> {
    files: LargeFiles,
    ranks: &'a dyn Communicator,
    config: &'a TextConfig,
}

impl Parts<'_> {
    /// Reads the text. Returns `None` on all ranks if it can't be read in parts after all.
    fn read(
        &self,
        name: String,
        needed: impl FnOnce(usize) -> Vec<Range<usize>>,
    ) -> Result<Option<Corpus>, Error> {
        let ranks = self.ranks;
        let mut reader = TextReader::new(self.config);
        let mut marks = Vec::new();
        let part = self.files.part(ranks.share())?;
        if self.files.has_words() {
            let is_counted = match &part {
                Some(part) => self.count(part, &mut reader, &mut marks)?,
                None => false,
            };
            ranks.barrier();
            let are_counted = ranks.all_gather(&[u8::from(is_counted)]);
            if are_counted.concat().contains(&0) {
                return Ok(None);
            }
        }
        let part = part.expect("only words have too long lines");

        let mut state = TextHash::new().state();
        for rank in 0..ranks.size() {
            let mut is_whole = true;
            if rank == ranks.rank() {
                reader.hash = TextHash::from_state(&state);
                is_whole = match self.files.has_words() {
                    true => self.hash(&part, &mut reader)?,
                    false => self.count(&part, &mut reader, &mut marks)?,
                };
                state = mem::replace(&mut reader.hash, TextHash::new()).state();
            }
            ranks.barrier();
            state = ranks.broadcast(rank, if is_whole { &state } else { &[] });
            if state.is_empty() {
                return Ok(None);
            }
        }
        reader.hash = TextHash::from_state(&state);
        self.add_files(&mut reader)?;

        let mut of_parts = self.sum_counts(&mut reader);
        let vocab = self.vocab(&mut reader, &name)?;
        let encode = |text: &SymbolCodes, n_bytes, vocab: &Vocab, cuts: Cuts| {
            let mut stretches = Stretches::new(text, n_bytes, vocab, cuts);
            if self.files.has_words() {
                let n;
                (n, marks) = stretches.encode_part(&part)?;
                ranks.barrier();
                of_parts = self.all_gather(&[n as u64]).concat();
                let before = of_parts[..ranks.rank()].iter().sum::<u64>() as usize;
                stretches.number_part(before..before + n);
            }
            let n_tokens = of_parts.iter().sum::<u64>() as usize;
            stretches.encode(needed(n_tokens), &self.all_marks(&marks, &of_parts))?;
            Ok((stretches.finish(), n_tokens))
        };
        reader.finish(name, vocab, encode).map(Some)
    }

    /// Counts the symbols of a part, and marks characters. Returns false if there is text that is not in the files
    /// byte by byte, or a line of words that may be too long.
    fn count(
        &self,
        part: &Range<u64>,
        reader: &mut TextReader,
        marks: &mut Vec<Mark>,
    ) -> Result<bool, Error> {
        let has_words = self.files.has_words();
        let mut transcript = None;
        self.files.each_block(part, |block| {
            if self.config.units == Units::Bytes {
                reader.count(&block.bytes);
                reader.hash.update(block.bytes).in_file(block.path)?;
                return Ok(true);
            }
            if block.is_first {
                let offset = block.offset as usize;
                transcript = Some(Transcript::new(block.path, self.config, None, offset));
            }
            let transcript = transcript
                .as_mut()
                .expect("a file's first block came first");
            let text = transcript.next(&block.bytes, block.is_last)?;
            // The block may begin within the last character of the one before it, which is counted now.
            let before = block.bytes.iter().take_while(|byte| is_within(**byte));
            let before = before.count();
            marks.push(Mark {
                byte: block.at + before as u64,
                token: reader.n_symbols as u64 + u64::from(before > 0),
            });
            reader.count(text.as_bytes());
            let is_verbatim = transcript.is_verbatim();
            if !has_words {
                reader.hash.update(block.bytes).in_file(block.path)?;
                return Ok(is_verbatim);
            }
            // So that any block has the end of a line, wherever it begins.
            let mut halves = block.bytes.chunks(BLOCK / 2);
            let ends_text = block.at + block.bytes.len() as u64 == self.files.n_bytes();
            if ends_text {
                halves.next_back();
            }
            let has_ends = halves.all(|half| memchr(b'\n', half).is_some());
            Ok(is_verbatim && has_ends)
        })
    }

    /// Continues the hash with a part.
    fn hash(&self, part: &Range<u64>, reader: &mut TextReader) -> Result<bool, Error> {
        self.files.each_block(part, |block| {
            reader.hash.update(block.bytes).in_file(block.path)?;
            Ok(true)
        })
    }

    /// Adds the files to the text, of all ranks alike.
    fn add_files(&self, reader: &mut TextReader) -> Result<(), Error> {
        reader.n_bytes = self.files.n_bytes();
        for (i, (file, path)) in self.files.files.iter().enumerate() {
            reader.extents.push(Extent {
                start: self.files.starts[i],
                store: 1 + i,
                offset: 0,
            });
            reader.files.push(ByteStore::File {
                file: file.try_clone().in_file(path)?,
                path: path.clone(),
            });
        }
        Ok(())
    }

    /// Makes the counts of bytes or characters those of the text, and returns how many the part of each rank has.
    fn sum_counts(&self, reader: &mut TextReader) -> Vec<u64> {
        let there = (0..).zip(&reader.counts).filter(|(_, count)| **count > 0);
        let counts: Vec<u64> = there.flat_map(|(symbol, count)| [symbol, *count]).collect();
        reader.counts.fill(0);
        for counts in self.all_gather(&counts) {
            for pair in counts.chunks_exact(2) {
                let symbol = pair[0] as usize;
                if symbol >= reader.counts.len() {
                    reader.counts.resize(symbol + 1, 0);
                }
                reader.counts[symbol] += pair[1];
            }
        }
        let of_parts = self.all_gather(&[reader.n_symbols as u64]).concat();
        reader.n_symbols = of_parts.iter().sum::<u64>() as usize;
        of_parts
    }

    /// Returns the symbols of the text, which rank 0 finds.
    fn vocab(&self, reader: &mut TextReader, name: &str) -> Result<Vocab, Error> {
        let is_first = self.ranks.rank() == 0;
        let mut words = reader.take_words();
        if let Some(words) = &mut words {
            let own = if is_first {
                Vec::new()
            } else {
                words.to_json()
            };
            self.ranks
                .gather(&own)
                .iter()
                .skip(1)
                .for_each(|other| words.merge(other));
        }
        let vocab = match is_first {
            true => reader.vocab(name, words)?.to_json(),
            false => Vec::new(),
        };
        self.ranks.barrier();
        let vocab = self.ranks.broadcast(0, &vocab);
        let vocab = str::from_utf8(&vocab).expect("JSON");
        Ok(Vocab::from_json(vocab).expect("rank 0 wrote it"))
    }

    /// Returns the marks of all ranks, of whose parts each has so many tokens.
    fn all_marks(&self, marks: &[Mark], of_parts: &[u64]) -> Vec<Mark> {
        let pairs = marks.iter().flat_map(|mark| [mark.byte, mark.token]);
        let (mut all, mut before) = (Vec::new(), 0);
        let of_ranks = self.all_gather(&pairs.collect::<Vec<_>>());
        for (marks, n_tokens) in of_ranks.iter().zip(of_parts) {
            all.extend(marks.chunks_exact(2).map(|pair| Mark {
                byte: pair[0],
                token: before + pair[1],
            }));
            before += n_tokens;
        }
        all
    }

    fn all_gather(&self, numbers: &[u64]) -> Vec<Vec<u64>> {
        let of_ranks = self.ranks.all_gather(cast_slice(numbers));
        of_ranks
            .iter()
            .map(|of_rank| pod_collect_to_vec(of_rank))
            .collect()
    }
}
