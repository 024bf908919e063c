//! The one pass over the files of a text, which finds its symbols, its length, its hash, and where it will
//! be read from.

use std::{borrow::Cow, iter, path::PathBuf};

use super::{
    byte_store::{ByteStore, ByteStoreWriter},
    config::TextConfig,
    corpus::{Corpus, TextId},
    decompress::Reader,
    encoding::Encoding,
    files::{self, Skipped, Source},
    hash::TextHash,
    kind, pieces,
    read_ahead::{BLOCK, Blocks},
    symbol_codes::{Extent, SymbolCodes},
    token_writer::{TokenWriter, by_code_point},
    transcript::Transcript,
    vocab::{UNKNOWN, Units, Vocab},
    word_counts::{WordCounts, WordTable},
    words::Cuts,
};
use crate::error::{Error, InFile};

/// How many bytes of a file decide whether it is text.
const HEAD: usize = 8 << 10;

impl Corpus {
    /// Reads files as one text, one after another. Each path is a file or a pipe, `-` for standard input, or a folder,
    /// which stands for all files in it and in its folders, sorted by name. Files that end in `.gz`, `.zst`,
    /// `.xz` or `.bz2` are decompressed. In a folder, names that begin with a dot are skipped and, unless the
    /// units are bytes, so are files that do not begin with text.
    ///
    /// Unless the units are bytes, a byte order mark at the start of a file names its encoding and is not part of
    /// the text.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read, decompressed or decoded, if a record lacks its column or field,
    /// or if the text is empty or a single symbol over and over.
    pub fn read(paths: &[PathBuf], config: &TextConfig) -> Result<Self, Error> {
        let (sources, skipped) = files::list(paths)?;
        let mut reader = TextReader::new(config);
        reader.skipped = skipped;
        for source in &sources {
            reader.read_file(source, Reader::open(&source.path)?)?;
        }
        reader.finish_whole(name_of(paths))
    }

    /// Reads a text that is in memory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`read`](Self::read).
    pub fn from_bytes(name: &str, bytes: &[u8], config: &TextConfig) -> Result<Self, Error> {
        let source = Source {
            path: name.into(),
            is_found: false,
        };
        let mut reader = TextReader::new(config);
        reader.read_file(&source, Reader::Memory(bytes))?;
        reader.finish_whole(name.to_owned())
    }
}

/// Returns what messages call a text in these files.
pub(super) fn name_of(paths: &[PathBuf]) -> String {
    match paths {
        [] => String::new(),
        [path] => path.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
    }
}

/// What the pass has found so far.
pub(super) struct TextReader<'a> {
    config: &'a TextConfig,
    pub(super) hash: TextHash,
    /// How often each symbol occurs, by code point up to the largest so far, or by byte. Where it does not
    /// matter how often, each that occurs has 1.
    pub(super) counts: Vec<u64>,
    /// How often each word occurs, if that decides on the symbols.
    words: Option<WordCounts>,
    pub(super) n_symbols: usize,
    pub(super) n_bytes: u64,
    /// The text, except for large files.
    store: ByteStoreWriter,
    /// Large files.
    pub(super) files: Vec<ByteStore>,
    pub(super) extents: Vec<Extent>,
    streams: Vec<(PathBuf, ByteStore)>,
    skipped: Vec<Skipped>,
}

impl<'a> TextReader<'a> {
    pub(super) fn new(config: &'a TextConfig) -> Self {
        let has_words = config.units.are_words() && config.known.is_none();
        TextReader {
            config,
            hash: TextHash::new(),
            counts: vec![0; 256],
            words: has_words.then(|| WordCounts::new(cuts(config))),
            n_symbols: 0,
            n_bytes: 0,
            store: ByteStoreWriter::new(),
            files: Vec::new(),
            extents: Vec::new(),
            streams: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Reads one file to its end.
    fn read_file(&mut self, source: &Source, mut reader: Reader) -> Result<(), Error> {
        let path = &source.path;
        let mut first = Vec::new();
        reader.read_block(path, BLOCK, &mut first)?;
        let is_whole = first.len() < BLOCK;
        // Bytes at the start of the file that are not part of the text.
        let mut mark = 0;
        let mut transcript = None;
        if self.config.units != Units::Bytes {
            let marked = Encoding::of_mark(&first);
            let encoding = marked.map(|(marked, _)| marked).or(self.config.encoding);
            if self.is_skipped(source, &first, encoding)? {
                return Ok(());
            }
            mark = marked.map_or(0, |(_, length)| length);
            first.drain(..mark);
            transcript = Some(Transcript::new(path, self.config, encoding, mark));
        }

        let is_large = reader.is_large_file(path)?;
        let is_verbatim = |text: &Option<Transcript>| text.as_ref().is_none_or(|t| t.is_verbatim());
        let begins_there = is_large && is_verbatim(&transcript);
        let mut stays = begins_there;
        self.begin_extent(stays, mark);
        let rest = match is_whole {
            true => None,
            false => Some(Blocks::after_the_first(&mut reader, path, is_large)?),
        };
        // The end of the text of the file so far.
        let mut ending = Vec::new();
        let end = self.config.documents.as_ref().map(|end| end.0.as_bytes());
        let mut is_first = true;
        for block in iter::once(Ok(first)).chain(rest.into_iter().flatten()) {
            let block = block?;
            let is_last = block.len() < BLOCK - if is_first { mark } else { 0 };
            is_first = false;
            let text: Cow<[u8]> = match &mut transcript {
                None => block.as_slice().into(),
                Some(transcript) => match transcript.next(&block, is_last)? {
                    Cow::Borrowed(text) => text.as_bytes().into(),
                    Cow::Owned(text) => text.into_bytes().into(),
                },
            };
            if stays && !is_verbatim(&transcript) {
                stays = false;
                self.begin_extent(false, 0);
            }
            self.count(&text);
            self.keep(&text, stays)?;
            if let Some(end) = end {
                ending.extend_from_slice(&text[text.len().saturating_sub(end.len())..]);
                ending.drain(..ending.len().saturating_sub(end.len()));
            }
            self.hash.update(block).in_file(path)?;
        }
        match reader {
            Reader::Plain(file) if begins_there => {
                let path = path.clone();
                self.files.push(ByteStore::File { file, path });
            }
            Reader::Stream(_, copy) => self.streams.push((path.clone(), copy.finish())),
            _ => (),
        }
        match end {
            Some(end) if !ending.is_empty() && ending != end => {
                self.begin_extent(false, 0);
                self.count(end);
                self.hash.update(end.to_vec()).in_file(path)?;
                self.keep(end, false)
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a file that begins like this is left out: because it was only found, and is not text.
    fn is_skipped(
        &mut self,
        source: &Source,
        head: &[u8],
        encoding: Option<Encoding>,
    ) -> Result<bool, Error> {
        let kind = kind::not_text(head, encoding.is_some());
        let reason = match kind {
            Some((kind, _)) if source.is_found => kind,
            Some((kind, remedy)) => {
                let name = source.path.display().to_string();
                return Err(Error::NotText { name, kind, remedy });
            }
            None if source.is_found && encoding.is_none() && !is_text(head) => "not UTF-8 text",
            None if source.is_found
                && encoding.is_some_and(|e| !e.has_zeros() && head.contains(&0)) =>
            {
                "not text"
            }
            None => return Ok(false),
        };
        self.skipped.push(Skipped::new(source.path.clone(), reason));
        Ok(true)
    }

    fn keep(&mut self, text: &[u8], stays: bool) -> Result<(), Error> {
        self.n_bytes += text.len() as u64;
        match stays {
            true => Ok(()),
            false => self.store.push(text),
        }
    }

    /// Notes that what follows lies in a file of its own, from `offset` on, or at the end of `store`.
    fn begin_extent(&mut self, is_own: bool, offset: usize) {
        let (store, offset) = match is_own {
            true => (1 + self.files.len(), offset as u64),
            false => (STORE, self.store.len()),
        };
        let goes_on = |last: &Extent| last.store == STORE && store == STORE;
        if !self.extents.last().is_some_and(goes_on) {
            let start = self.n_bytes;
            self.extents.push(Extent {
                start,
                store,
                offset,
            });
        }
    }

    /// Counts the symbols of a part of the text: bytes, or whole characters.
    pub(super) fn count(&mut self, text: &[u8]) {
        if self.config.units == Units::Bytes || text.is_ascii() {
            self.n_symbols += text.len();
            for &byte in text {
                let count = &mut self.counts[usize::from(byte)];
                *count = self.config.next_count(*count);
            }
        } else {
            for symbol in str::from_utf8(text).expect("whole characters").chars() {
                self.n_symbols += 1;
                let number = symbol as usize;
                if number >= self.counts.len() {
                    self.counts.resize(number + 1, 0);
                }
                self.counts[number] = self.config.next_count(self.counts[number]);
            }
        }
        if let Some(words) = &mut self.words {
            words.add(str::from_utf8(text).expect("whole characters"));
        }
    }

    /// Returns the text of all files, in the symbols that are found in it.
    fn finish_whole(mut self, name: String) -> Result<Corpus, Error> {
        let words = self.take_words();
        let vocab = self.vocab(&name, words)?;
        self.finish(name, vocab, encode)
    }

    /// Returns the text of all files. Where its symbols need numbers of their own, `encode` makes them of a text in
    /// UTF-8 and so many bytes, and returns how many symbols there are.
    pub(super) fn finish(
        self,
        name: String,
        vocab: Vocab,
        encode: impl FnOnce(&SymbolCodes, u64, &Vocab, Cuts) -> Result<(SymbolCodes, usize), Error>,
    ) -> Result<Corpus, Error> {
        let mut stores = vec![self.store.finish()];
        stores.extend(self.files);
        let text = SymbolCodes {
            width: 1,
            extents: self.extents,
            stores,
        };
        let (codes, tokens, n_symbols) = match &vocab {
            Vocab::Bytes => (text, (0..256).collect(), self.n_symbols),
            Vocab::Chars(symbols) if self.counts[128..].iter().all(|count| *count == 0) => {
                let tokens = by_code_point(symbols);
                let unknown = tokens.get(UNKNOWN as usize).copied();
                let known = (0..128).map(|code| match tokens.get(code) {
                    _ if self.counts[code] == 0 => u32::MAX,
                    Some(&token) if token != u32::MAX => token,
                    _ => unknown.expect("the rare ones have it"),
                });
                (text, known.collect(), self.n_symbols)
            }
            _ => {
                let (codes, n_symbols) = encode(&text, self.n_bytes, &vocab, cuts(self.config))?;
                (codes, (0..vocab.size() as u32).collect(), n_symbols)
            }
        };
        Ok(Corpus {
            name,
            vocab,
            skipped: self.skipped,
            streams: self.streams,
            held_out: None,
            id: TextId {
                sha256: self.hash.finish(),
                symbols: n_symbols,
            },
            codes,
            tokens,
        })
    }

    /// Returns the words, if they decide on the symbols, after the last file.
    pub(super) fn take_words(&mut self) -> Option<WordTable> {
        self.words.take().map(WordCounts::finish)
    }

    /// Returns the symbols of the text with these words.
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer than two, or the known ones have other units.
    pub(super) fn vocab(&self, name: &str, words: Option<WordTable>) -> Result<Vocab, Error> {
        let seen = (0..)
            .zip(&self.counts)
            .filter(|(_, count)| **count > 0)
            .filter_map(|(number, _)| char::from_u32(number));
        let seen: Vec<char> = seen.collect();
        let only = |symbol: char| Error::OneSymbol {
            name: name.to_owned(),
            symbol: match self.config.units {
                Units::Bytes => String::from_utf8_lossy(&[symbol as u8]).into_owned(),
                _ => symbol.into(),
            },
        };
        match seen[..] {
            [] => {
                return Err(Error::Empty {
                    name: with_skipped(name.to_owned(), &self.skipped),
                });
            }
            [symbol] => return Err(only(symbol)),
            _ => (),
        }
        let mut vocab = self.own_vocab(&seen, words);
        if let Some(known) = &self.config.known {
            vocab = known.extended(&vocab).ok_or_else(|| Error::Foreign {
                path: "vocab.json".into(),
                reason: "its units differ from the units of this text".to_owned(),
            })?;
        }
        match vocab.size() {
            0 | 1 => Err(only(char::REPLACEMENT_CHARACTER)),
            _ => Ok(vocab),
        }
    }

    /// Returns the symbols of a text with these characters and words, as if none were known.
    fn own_vocab(&self, seen: &[char], words: Option<WordTable>) -> Vocab {
        let words = words.map_or_else(Vec::new, WordTable::sorted);
        let TextConfig {
            min_count,
            vocab_size,
            ..
        } = *self.config;
        match self.config.units {
            Units::Bytes => Vocab::Bytes,
            Units::Pieces => {
                let least = min_count.max(2) as u64;
                let pieces = pieces::learn(seen, &words, vocab_size, least);
                Vocab::Pieces(seen.iter().map(char::to_string).chain(pieces).collect())
            }
            Units::Words => {
                let frequent = words
                    .into_iter()
                    .take_while(|(_, count)| *count >= min_count.max(2) as u64);
                let words = frequent.map(|(word, _)| word).take(vocab_size);
                Vocab::Words(seen.iter().map(char::to_string).chain(words).collect())
            }
            Units::Chars => {
                let end = self.config.documents.as_ref();
                let is_kept = |symbol: &char| {
                    self.counts[*symbol as usize] >= min_count as u64
                        || end.is_some_and(|end| end.0.contains(*symbol))
                };
                let mut kept: Vec<char> = seen.iter().copied().filter(is_kept).collect();
                if kept.len() < seen.len() && !kept.contains(&UNKNOWN) {
                    kept.push(UNKNOWN);
                    kept.sort();
                }
                Vocab::Chars(kept)
            }
        }
    }
}

/// The index of [`TextReader::store`] in [`SymbolCodes::stores`].
const STORE: usize = 0;

/// Guesses from the beginning of a file whether it is text, as grep does.
fn is_text(block: &[u8]) -> bool {
    let head = &block[..block.len().min(HEAD)];
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none() && head.len() < block.len(),
    };
    is_utf8 && !head.contains(&0)
}

fn cuts(config: &TextConfig) -> Cuts {
    let separator = config.documents.as_ref().map(|end| end.0.clone());
    Cuts { separator }
}

fn with_skipped(name: String, skipped: &[Skipped]) -> String {
    match skipped {
        [] => name,
        [first, ..] => format!(
            "{name} without {} files left out (the first: {}, {})",
            skipped.len(),
            first.path.display(),
            first.reason
        ),
    }
}

/// Returns the characters at the start of these bytes of UTF-8, without one that is cut off.
pub(super) fn whole_characters(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => str::from_utf8(&bytes[..e.valid_up_to()]).expect("checked"),
    }
}

/// Encodes a text in UTF-8, and returns how many tokens it has.
fn encode(
    text: &SymbolCodes,
    n_bytes: u64,
    vocab: &Vocab,
    cuts: Cuts,
) -> Result<(SymbolCodes, usize), Error> {
    let mut writer = TokenWriter::new(vocab, cuts);
    let mut bytes = Vec::new();
    // Up to where all characters are known.
    let (mut from, mut known) = (0, 0);
    while from < n_bytes {
        bytes.resize((n_bytes - from).min(BLOCK as u64) as usize, 0);
        text.read(from, &mut bytes)?;
        let whole = whole_characters(&bytes);
        if writer.is_up_to_date() {
            known = from;
        }
        if whole.is_empty() || !writer.push(whole)? {
            return Err(text.changed(known));
        }
        from += whole.len() as u64;
    }
    if !writer.end_stretch()? {
        return Err(text.changed(known));
    }
    let n_tokens = writer.n_tokens();
    Ok((writer.finish(), n_tokens))
}
