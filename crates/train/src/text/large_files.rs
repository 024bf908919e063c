//! Large files, one after another, as one text that can be read from any byte on.

use std::{fs::File, ops::Range, path::PathBuf};

use bytemuck::cast_slice;
use memchr::memchr;
use sha2::{Digest, Sha256};

use super::{
    byte_store::fill_at,
    config::TextConfig,
    decompress::Reader,
    encoding::Encoding,
    files::{self, Source},
    kind,
    read_ahead::BLOCK,
    vocab::Units,
};
use crate::{
    error::{Error, InFile},
    ranks::Share,
};

/// Files that can be read in parts: a part ends wherever a symbol does.
pub(super) struct LargeFiles {
    pub files: Vec<(File, PathBuf)>,
    /// The start of each file in the text, and the end of the last, in bytes.
    pub starts: Vec<u64>,
    units: Units,
}

/// Some bytes of the text, all in one file.
pub(super) struct Block<'a> {
    pub bytes: Vec<u8>,
    /// The place of the first: in the text, and in the file.
    pub at: u64,
    pub offset: u64,
    pub path: &'a PathBuf,
    /// Whether a file begins with them, or ends; a part counts as one.
    pub is_first: bool,
    pub is_last: bool,
}

impl LargeFiles {
    /// Returns the files, if they can be read in parts as far as their names, lengths, and first and last bytes tell.
    pub fn of(paths: &[PathBuf], config: &TextConfig) -> Result<Option<Self>, Error> {
        if config.records.is_some() || config.documents.is_some() {
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
            if config.units != Units::Bytes && !is_text {
                return Ok(None);
            }
            starts.push(starts[files.len()] + there.len());
            files.push((file, path));
        }
        let found = LargeFiles {
            files,
            starts,
            units: config.units,
        };
        // No word goes on in the next file.
        let mut last = [0];
        for end in &found.starts[1..found.files.len().max(1)] {
            found.fill(end - 1, &mut last)?;
            if found.has_words() && last != *b"\n" {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// Returns whether its symbols are words or pieces of them, which only the end of a line ends for certain.
    pub fn has_words(&self) -> bool {
        self.units.are_words()
    }

    pub fn n_bytes(&self) -> u64 {
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

    /// Returns a hash of the lengths of the files, and of the bytes in some places.
    pub fn sample(&self) -> Result<Vec<u8>, Error> {
        const PLACES: u64 = 16;
        let mut hash = Sha256::new();
        hash.update(cast_slice(&self.starts));
        let mut bytes = vec![0; 1 << 16];
        for place in 0..PLACES {
            let n = self.fill(self.n_bytes() / PLACES * place, &mut bytes)?;
            hash.update(&bytes[..n]);
        }
        Ok(hash.finalize().to_vec())
    }

    /// Returns the bytes that are a rank's own; `None` if a line of words is too long to find its end.
    pub fn part(&self, share: Share) -> Result<Option<Range<u64>>, Error> {
        let part = share.of(self.n_bytes() as usize);
        let (start, end) = (self.whole(part.start as u64)?, self.whole(part.end as u64)?);
        Ok(start.zip(end).map(|(start, end)| start..end))
    }

    /// Returns the first byte from `at` on that begins a character; in a text of words, a line.
    fn whole(&self, at: u64) -> Result<Option<u64>, Error> {
        if at == 0 || self.units == Units::Bytes {
            return Ok(Some(at));
        }
        if !self.has_words() {
            let mut bytes = [0; 3];
            let n = self.fill(at, &mut bytes)?;
            let within = bytes[..n].iter().take_while(|byte| is_within(**byte));
            return Ok(Some(at + within.count() as u64));
        }
        let mut bytes = vec![0; BLOCK];
        let n = self.fill(at - 1, &mut bytes)?;
        Ok(match memchr(b'\n', &bytes[..n]) {
            Some(end) => Some(at + end as u64),
            None => Some(at - 1 + n as u64).filter(|end| *end == self.n_bytes()),
        })
    }

    /// Calls `each` with the blocks of a part, until it returns false. Returns whether it has seen all of them.
    pub fn each_block<'a>(
        &'a self,
        part: &Range<u64>,
        mut each: impl FnMut(Block<'a>) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let mut at = part.start;
        while at < part.end {
            let i = self.file_at(at);
            let (path, start) = (&self.files[i].1, self.starts[i]);
            let end = part.end.min(self.starts[i + 1]);
            let mut bytes = vec![0; (end - at).min(BLOCK as u64) as usize];
            let n = self.fill(at, &mut bytes)?;
            if n < bytes.len() {
                return Err(Error::Changed {
                    path: path.clone(),
                    offset: at - start + n as u64,
                    what: "it ends",
                });
            }
            let block = Block {
                bytes,
                at,
                offset: at - start,
                path,
                is_first: at == start.max(part.start),
                is_last: at + n as u64 == end,
            };
            at += n as u64;
            if !each(block)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns whether a byte of UTF-8 is not the first of its character.
pub(super) fn is_within(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}
