//! A large text that several ranks read, each its own part.
//!
//! Rank after rank reads its part once: counts symbols, and continues the hash from where the rank before it ended.
//! Then every rank knows all symbols, and where in the files they are. What the numbers of the symbols must be stored
//! for, each rank stores for the rows that it will learn from, and for no others.

use std::{fs::File, ops::Range, path::PathBuf};

use bytemuck::{cast_slice, pod_collect_to_vec};
use sha2::{Digest, Sha256};

use super::{
    byte_store::{ByteStore, fill_at},
    config::TextConfig,
    corpus::Corpus,
    decompress::Reader,
    encoding::Encoding,
    files::{self, Source},
    hash::TextHash,
    ingest::{TextReader, name_of, whole_characters},
    kind,
    read_ahead::BLOCK,
    symbol_codes::{Extent, SymbolCodes},
    token_writer::TokenWriter,
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
    /// Characters and bytes in large files (16 MiB) of UTF-8, with `\n` at the ends of lines, are read in parts: each
    /// rank reads its own, and then its ranges. Any other text is read by every rank.
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
        let parts = Parts::of(paths, config)?;
        let found = ranks.all_gather(&[u8::from(parts.is_some())]);
        check_equal(&found, paths)?;
        if let Some(parts) = parts {
            parts.check_same(ranks, paths)?;
            if let Some(corpus) = parts.read(ranks, config, needed)? {
                return Ok(corpus);
            }
        }
        Corpus::read(paths, config)
    }
}

/// Files that can be read in parts.
struct Parts {
    name: String,
    files: Vec<(File, PathBuf)>,
    /// The start of each file in the text, and the end of the last, in bytes.
    starts: Vec<u64>,
    units: Units,
}

/// How many symbols precede a byte of the text.
struct Mark {
    byte: u64,
    symbol: u64,
}

impl Parts {
    /// Returns the files, if they can be read in parts as far as their names, lengths and first blocks tell.
    fn of(paths: &[PathBuf], config: &TextConfig) -> Result<Option<Self>, Error> {
        let are_plain = config.records.is_none() && config.documents.is_none();
        if !are_plain || !matches!(config.units, Units::Chars | Units::Bytes) {
            return Ok(None);
        }
        let (sources, skipped) = files::list(paths)?;
        if !skipped.is_empty() {
            return Ok(None);
        }
        let (mut files, mut starts) = (Vec::new(), vec![0]);
        for Source { path, is_found } in sources {
            let there = path.metadata().in_file(&path)?;
            // A pipe that was opened can't be opened again.
            if is_found || !there.is_file() {
                return Ok(None);
            }
            let reader = Reader::open(&path)?;
            let is_large = reader.is_large_file(&path)?;
            let Reader::Plain(file) = reader else {
                return Ok(None);
            };
            if !is_large {
                return Ok(None);
            }
            let mut head = vec![0; BLOCK];
            fill_at(&file, &mut head, 0).in_file(&path)?;
            let is_text = config.encoding.is_none()
                && Encoding::of_mark(&head).is_none()
                && kind::not_text(&head, false).is_none();
            if config.units == Units::Chars && !is_text {
                return Ok(None);
            }
            starts.push(starts[files.len()] + there.len());
            files.push((file, path));
        }
        Ok(Some(Parts {
            name: name_of(paths),
            files,
            starts,
            units: config.units,
        }))
    }

    fn n_bytes(&self) -> u64 {
        *self.starts.last().expect("the end")
    }

    /// Returns the index of the file that has byte `at` of the text; the number of files at the end.
    fn file_at(&self, at: u64) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// Fills `buffer` from byte `from` of the text on; returns how many bytes of the same file there were.
    fn fill(&self, from: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let i = self.file_at(from);
        let Some((file, path)) = self.files.get(i) else {
            return Ok(0);
        };
        let n = (self.starts[i + 1] - from).min(buffer.len() as u64) as usize;
        fill_at(file, &mut buffer[..n], from - self.starts[i]).in_file(path)
    }

    /// Checks that all ranks have files of the same lengths, with the same bytes in some places.
    fn check_same(&self, ranks: &dyn Communicator, paths: &[PathBuf]) -> Result<(), Error> {
        const PLACES: u64 = 16;
        let mut hash = Sha256::new();
        hash.update(cast_slice(&self.starts));
        let mut bytes = vec![0; 1 << 16];
        for place in 0..PLACES {
            let n = self.fill(self.n_bytes() / PLACES * place, &mut bytes)?;
            hash.update(&bytes[..n]);
        }
        check_equal(&ranks.all_gather(&hash.finalize()), paths)
    }

    /// Reads this rank's part, and then its ranges. Returns `None` on all ranks if there is text that is not in the
    /// files byte by byte.
    fn read(
        &self,
        ranks: &dyn Communicator,
        config: &TextConfig,
        needed: impl FnOnce(usize) -> Vec<Range<usize>>,
    ) -> Result<Option<Corpus>, Error> {
        let mut reader = TextReader::new(config);
        let mut marks = Vec::new();
        let mut state = TextHash::new().state();
        for rank in 0..ranks.size() {
            let mut is_whole = true;
            if rank == ranks.rank() {
                reader.hash = TextHash::from_state(&state);
                is_whole = self.read_part(ranks, config, &mut reader, &mut marks)?;
                let hash = std::mem::replace(&mut reader.hash, TextHash::new());
                state = hash.state();
            }
            state = ranks.broadcast(rank, if is_whole { &state } else { &[] });
            if state.is_empty() {
                return Ok(None);
            }
        }
        reader.hash = TextHash::from_state(&state);
        let marks = self.gather(ranks, &mut reader, marks);
        reader.n_bytes = self.n_bytes();
        for (i, (file, path)) in self.files.iter().enumerate() {
            reader.extents.push(Extent {
                start: self.starts[i],
                store: 1 + i,
                offset: 0,
            });
            reader.files.push(ByteStore::File {
                file: file.try_clone().in_file(path)?,
                path: path.clone(),
            });
        }
        let n_symbols = reader.n_symbols;
        let encode = |text: &SymbolCodes, n_bytes, vocab: &Vocab, cuts: Cuts| {
            let ranges = needed(n_symbols);
            Ok((
                encode(text, n_bytes, vocab, &cuts, &marks, ranges)?,
                n_symbols,
            ))
        };
        reader.finish(self.name.clone(), encode).map(Some)
    }

    /// Reads and counts this rank's part. Returns false if there is text that is not in the file byte by byte.
    fn read_part(
        &self,
        ranks: &dyn Communicator,
        config: &TextConfig,
        reader: &mut TextReader,
        marks: &mut Vec<Mark>,
    ) -> Result<bool, Error> {
        let part = ranks.share().of(self.n_bytes() as usize);
        let (mut at, end) = (self.whole(part.start as u64)?, self.whole(part.end as u64)?);
        while at < end {
            let i = self.file_at(at);
            let file_end = end.min(self.starts[i + 1]);
            let offset = (at - self.starts[i]) as usize;
            let mut transcript = match self.units {
                Units::Bytes => None,
                _ => Some(Transcript::new(&self.files[i].1, config, None, offset)),
            };
            while at < file_end {
                let (byte, symbol) = (at, reader.n_symbols as u64);
                let mut block = vec![0; (file_end - at).min(BLOCK as u64) as usize];
                let n = self.fill(at, &mut block)?;
                if n < block.len() {
                    return Err(Error::Changed {
                        path: self.files[i].1.clone(),
                        offset: at - self.starts[i] + n as u64,
                        what: "it ends",
                    });
                }
                at += n as u64;
                match &mut transcript {
                    None => reader.count(&block),
                    Some(transcript) => {
                        let text = transcript.next(&block, at == file_end)?;
                        // The block may begin within the last character of the one before it, which is counted now.
                        let before = block.iter().take_while(|byte| is_within(**byte)).count();
                        marks.push(Mark {
                            byte: byte + before as u64,
                            symbol: symbol + u64::from(before > 0),
                        });
                        reader.count(text.as_bytes());
                        if !transcript.is_verbatim() {
                            return Ok(false);
                        }
                    }
                }
                reader.hash.update(block).in_file(&self.files[i].1)?;
            }
        }
        Ok(true)
    }

    /// Returns the first byte from `at` on that begins a character.
    fn whole(&self, at: u64) -> Result<u64, Error> {
        let mut bytes = [0; 3];
        let n = match self.units {
            Units::Bytes => 0,
            _ => self.fill(at, &mut bytes)?,
        };
        let within = bytes[..n].iter().take_while(|byte| is_within(**byte));
        Ok(at + within.count() as u64)
    }

    /// Makes the counts of each rank those of all, and returns the marks of all.
    fn gather(
        &self,
        ranks: &dyn Communicator,
        reader: &mut TextReader,
        marks: Vec<Mark>,
    ) -> Vec<Mark> {
        let there = (0..).zip(&reader.counts).filter(|(_, count)| **count > 0);
        let counts: Vec<u64> = there.flat_map(|(symbol, count)| [symbol, *count]).collect();
        let n_symbols = ranks.all_gather(cast_slice(&[reader.n_symbols as u64]));
        let marks: Vec<u64> = marks
            .iter()
            .flat_map(|mark| [mark.byte, mark.symbol])
            .collect();
        let marks = ranks.all_gather(cast_slice(&marks));
        reader.counts.fill(0);
        for counts in ranks.all_gather(cast_slice(&counts)) {
            let counts: Vec<u64> = pod_collect_to_vec(&counts);
            for pair in counts.chunks_exact(2) {
                let symbol = pair[0] as usize;
                if symbol >= reader.counts.len() {
                    reader.counts.resize(symbol + 1, 0);
                }
                reader.counts[symbol] += pair[1];
            }
        }
        let (mut all, mut before) = (Vec::new(), 0);
        for (marks, n) in marks.iter().zip(&n_symbols) {
            let marks: Vec<u64> = pod_collect_to_vec(marks);
            all.extend(marks.chunks_exact(2).map(|pair| Mark {
                byte: pair[0],
                symbol: before + pair[1],
            }));
            before += pod_collect_to_vec::<u8, u64>(n)[0];
        }
        reader.n_symbols = before as usize;
        all
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

/// Returns whether a byte of UTF-8 is not the first of its character.
fn is_within(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Encodes these ranges of symbols of a text in UTF-8.
fn encode(
    text: &SymbolCodes,
    n_bytes: u64,
    vocab: &Vocab,
    cuts: &Cuts,
    marks: &[Mark],
    ranges: Vec<Range<usize>>,
) -> Result<SymbolCodes, Error> {
    let mut writer = TokenWriter::new(vocab, cuts.clone());
    let (mut extents, mut n_tokens) = (Vec::new(), 0);
    for range in merged(ranges) {
        extents.push((range.start, n_tokens));
        n_tokens += range.len();
        let mark = marks.partition_point(|mark| mark.symbol <= range.start as u64) - 1;
        let mut from = marks[mark].byte;
        let mut skip = range.start - marks[mark].symbol as usize;
        let mut left = range.len();
        let mut bytes = Vec::new();
        while left > 0 {
            bytes.resize((n_bytes - from).min(BLOCK as u64) as usize, 0);
            text.read(from, &mut bytes)?;
            let whole = whole_characters(&bytes);
            let place = |n| {
                whole
                    .char_indices()
                    .nth(n)
                    .map_or(whole.len(), |(place, _)| place)
            };
            let wanted = &whole[place(skip)..place(skip.saturating_add(left))];
            if whole.is_empty() || !writer.push(wanted)? {
                return Err(text.changed(from));
            }
            let n = whole.chars().count();
            left -= n.saturating_sub(skip).min(left);
            skip = skip.saturating_sub(n);
            from += whole.len() as u64;
        }
    }
    let (codes, _) = writer.finish()?.ok_or_else(|| text.changed(0))?;
    let width = codes.width as u64;
    let extent = |(start, offset): (usize, usize)| Extent {
        start: start as u64 * width,
        store: 0,
        offset: offset as u64 * width,
    };
    Ok(SymbolCodes {
        extents: extents.into_iter().map(extent).collect(),
        ..codes
    })
}

/// Returns ranges in their order, those that overlap as one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}
