//! The one pass over the files of a text, which finds its symbols, its length, its hash, and where it will
//! be read from.

use std::{
    iter,
    path::{Path, PathBuf},
};

use super::{
    byte_store::{ByteStore, ByteStoreWriter},
    corpus::{Corpus, TextId},
    decompress::Reader,
    files::{self, Skipped, Source},
    hash::TextHash,
    kind,
    read_ahead::{BLOCK, Blocks},
    separator::Separator,
    symbol_codes::{Extent, SymbolCodes},
    vocab::{Units, Vocab},
};
use crate::error::{Error, InFile};

/// How many bytes of a file decide whether it is text.
const HEAD: usize = 8 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Corpus {
    /// Reads files as one text, one after another. Each path is a file, `-` for standard input, or a folder,
    /// which stands for all files in it and in its folders, sorted by name. Files that end in `.gz` or
    /// `.zst` are decompressed. In a folder, names that begin with a dot are skipped and, if `units` are
    /// characters, so are files that do not begin with UTF-8 text.
    ///
    /// If `units` are characters, a byte order mark at the start of a file is not part of the text.
    /// Everything else is, line ends of either kind included. If there is a `separator`, it is added to each
    /// file that does not end in it, so that no document continues from one file to the next.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or decompressed, if `units` are characters and a file is
    /// not UTF-8, or if the text is empty or a single symbol over and over.
    pub fn read(
        paths: &[PathBuf],
        units: Units,
        separator: Option<&Separator>,
    ) -> Result<Self, Error> {
        let name = match paths {
            [] => String::new(),
            [path] => path.display().to_string(),
            [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
        };
        let (sources, skipped) = files::list(paths)?;
        let mut reader = TextReader::new(units, separator);
        reader.skipped = skipped;
        for source in &sources {
            reader.read_file(source, Reader::open(&source.path)?)?;
        }
        reader.finish(name)
    }

    /// Reads a text that is in memory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`read`](Self::read).
    pub fn from_bytes(
        name: &str,
        bytes: &[u8],
        units: Units,
        separator: Option<&Separator>,
    ) -> Result<Self, Error> {
        let source = Source {
            path: name.into(),
            is_found: false,
        };
        let mut reader = TextReader::new(units, separator);
        reader.read_file(&source, Reader::Memory(bytes))?;
        reader.finish(name.to_owned())
    }
}

/// What the pass has found so far.
struct TextReader<'a> {
    units: Units,
    separator: Option<&'a [u8]>,
    hash: TextHash,
    /// By code point, up to the largest so far, or by byte.
    is_seen: Vec<bool>,
    n_symbols: usize,
    n_bytes: u64,
    /// The text, except for large files.
    store: ByteStoreWriter,
    /// Large files.
    files: Vec<ByteStore>,
    extents: Vec<Extent>,
    skipped: Vec<Skipped>,
}

impl<'a> TextReader<'a> {
    fn new(units: Units, separator: Option<&'a Separator>) -> Self {
        TextReader {
            units,
            separator: separator.map(|separator| separator.0.as_bytes()),
            hash: TextHash::new(),
            is_seen: vec![false; 256],
            n_symbols: 0,
            n_bytes: 0,
            store: ByteStoreWriter::new(),
            files: Vec::new(),
            extents: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Reads one file to its end.
    fn read_file(&mut self, source: &Source, mut reader: Reader) -> Result<(), Error> {
        let path = &source.path;
        let mut first = Vec::new();
        reader.read_block(path, BLOCK, &mut first)?;
        let is_whole = first.len() < BLOCK;
        // Position in the file of the bytes to count next.
        let mut offset = 0;
        if self.units == Units::Chars {
            match kind::not_text(&first) {
                Some((kind, _)) if source.is_found => {
                    self.skipped.push(Skipped::new(path.clone(), kind));
                    return Ok(());
                }
                Some((kind, remedy)) => {
                    let name = path.display().to_string();
                    return Err(Error::NotText { name, kind, remedy });
                }
                None => (),
            }
            if source.is_found && !is_text(&first) {
                let path = path.clone();
                self.skipped.push(Skipped::new(path, "not UTF-8 text"));
                return Ok(());
            }
            if first.starts_with(BYTE_ORDER_MARK) {
                offset = BYTE_ORDER_MARK.len();
                first.drain(..offset);
            }
        }

        let stays = reader.is_large_file(path)?;
        self.begin_extent(stays, offset);
        let rest = match is_whole {
            true => None,
            false => Some(Blocks::after_the_first(&mut reader, path, stays)?),
        };
        // The character that the last block ended within, and the end of the file so far.
        let (mut partial, mut ending) = (Vec::new(), Vec::new());
        for block in iter::once(Ok(first)).chain(rest.into_iter().flatten()) {
            let block = block?;
            let joined = (!partial.is_empty()).then(|| [&partial[..], &block].concat());
            let bytes = joined.as_deref().unwrap_or(&block);
            let whole = self.count_symbols(path, offset, bytes)?;
            self.keep(&bytes[..whole], stays)?;
            if let Some(separator) = self.separator {
                ending.extend_from_slice(&bytes[whole.saturating_sub(separator.len())..whole]);
                ending.drain(..ending.len().saturating_sub(separator.len()));
            }
            offset += whole;
            partial = bytes[whole..].to_vec();
            self.hash.update(block).in_file(path)?;
        }
        if !partial.is_empty() {
            return Err(Error::NotUtf8 {
                name: path.display().to_string(),
                offset,
                problem: "the text ends within a character".to_owned(),
            });
        }
        if let (true, Reader::Plain(file)) = (stays, reader) {
            let path = path.clone();
            self.files.push(ByteStore::File { file, path });
        }
        match self.separator {
            Some(separator) if !ending.is_empty() && ending != separator => {
                self.begin_extent(false, 0);
                self.count_symbols(path, 0, separator)?;
                self.hash.update(separator.to_vec()).in_file(path)?;
                self.keep(separator, false)
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, bytes: &[u8], stays: bool) -> Result<(), Error> {
        self.n_bytes += bytes.len() as u64;
        match stays {
            true => Ok(()),
            false => self.store.push(bytes),
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

    /// Counts the symbols of a block at `offset` of its file. Returns how many bytes they are: the block may
    /// end within a character.
    fn count_symbols(&mut self, path: &Path, offset: usize, block: &[u8]) -> Result<usize, Error> {
        if self.units == Units::Bytes {
            self.count_bytes(block);
            return Ok(block.len());
        }
        let text = match std::str::from_utf8(block) {
            Ok(text) => text,
            Err(e) if e.error_len().is_some() => {
                let place = e.valid_up_to();
                return Err(Error::NotUtf8 {
                    name: path.display().to_string(),
                    offset: offset + place,
                    problem: format!("invalid byte 0x{:02x}", block[place]),
                });
            }
            Err(e) => std::str::from_utf8(&block[..e.valid_up_to()]).expect("checked"),
        };
        if text.is_ascii() {
            self.count_bytes(text.as_bytes());
            return Ok(text.len());
        }
        for symbol in text.chars() {
            let number = symbol as usize;
            if number >= self.is_seen.len() {
                self.is_seen.resize(number + 1, false);
            }
            self.is_seen[number] = true;
            self.n_symbols += 1;
        }
        Ok(text.len())
    }

    fn count_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.is_seen[usize::from(byte)] = true;
        }
        self.n_symbols += bytes.len();
    }

    /// Returns the text of all files.
    fn finish(self, name: String) -> Result<Corpus, Error> {
        let seen = (0..).zip(&self.is_seen).filter(|(_, is_seen)| **is_seen);
        let seen: Vec<u32> = seen.map(|(number, _)| number).collect();
        if seen.is_empty() {
            return Err(Error::Empty {
                name: with_skipped(name, &self.skipped),
            });
        }
        let vocab = match self.units {
            Units::Bytes => Vocab::Bytes,
            Units::Chars => {
                let symbols = seen.iter().copied().filter_map(char::from_u32);
                Vocab::Chars(symbols.collect())
            }
        };
        if let [symbol] = seen[..] {
            let symbol = match vocab {
                Vocab::Bytes => String::from_utf8_lossy(&[symbol as u8]).into_owned(),
                Vocab::Chars(_) => char::from_u32(symbol).map(String::from).expect("seen"),
            };
            return Err(Error::OneSymbol { name, symbol });
        }

        let mut stores = vec![self.store.finish()];
        stores.extend(self.files);
        let text = SymbolCodes {
            width: 1,
            extents: self.extents,
            stores,
        };
        let (codes, tokens) = match &vocab {
            Vocab::Bytes => (text, (0..256).collect()),
            Vocab::Chars(symbols) if symbols.iter().all(char::is_ascii) => {
                (text, by_code_point(symbols))
            }
            Vocab::Chars(symbols) => {
                let tokens = (0..symbols.len() as u32).collect();
                (encode(&text, self.n_bytes, symbols)?, tokens)
            }
        };
        Ok(Corpus {
            name,
            vocab,
            skipped: self.skipped,
            id: TextId {
                sha256: self.hash.finish(),
                symbols: self.n_symbols,
            },
            codes,
            tokens,
        })
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

/// Returns the token of each code point; `u32::MAX` for those without one.
fn by_code_point(symbols: &[char]) -> Vec<u32> {
    let last = symbols.iter().max().map_or(0, |&last| last as usize);
    let mut tokens = vec![u32::MAX; last + 1];
    for (token, &symbol) in (0..).zip(symbols) {
        tokens[symbol as usize] = token;
    }
    tokens
}

/// Writes the token of each character, in as few bytes as the largest token needs.
fn encode(text: &SymbolCodes, n_bytes: u64, symbols: &[char]) -> Result<SymbolCodes, Error> {
    let width = match symbols.len() {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    };
    let tokens = by_code_point(symbols);
    let mut store = ByteStoreWriter::new();
    let (mut bytes, mut codes) = (Vec::new(), Vec::new());
    let mut from = 0;
    while from < n_bytes {
        bytes.resize((n_bytes - from).min(BLOCK as u64) as usize, 0);
        text.read(from, &mut bytes)?;
        let whole = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(e) => std::str::from_utf8(&bytes[..e.valid_up_to()]).expect("checked"),
        };
        codes.clear();
        for symbol in whole.chars() {
            match tokens.get(symbol as usize) {
                Some(&token) if token != u32::MAX => {
                    codes.extend_from_slice(&token.to_le_bytes()[..width]);
                }
                _ => return Err(text.changed(from)),
            }
        }
        if whole.is_empty() {
            return Err(text.changed(from));
        }
        store.push(&codes)?;
        from += whole.len() as u64;
    }
    Ok(SymbolCodes::of_store(width, store.finish()))
}
