//! The one pass over the files of a text: its symbols, its length, its hash, and where it is read from.

use std::{mem, path::Path};

use sha2::{Digest, Sha256};

use crate::{
    ahead::{self, BLOCK},
    codes::{Codes, Piece},
    corpus::{Corpus, TextId},
    error::Error,
    separator::Separator,
    source::{Reader, Skipped, Source},
    spool::{Bytes, Spool},
    vocab::{Units, Vocab},
};

/// How much of a file tells whether it is text.
const HEAD: usize = 8 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The pass over all files: what it has found so far.
pub(crate) struct Pass<'a> {
    units: Units,
    separator: Option<&'a [u8]>,
    hasher: Sha256,
    /// By code point, as far as the largest, or by byte.
    is_seen: Vec<bool>,
    n_symbols: usize,
    n_bytes: u64,
    /// The text, but for large files.
    spool: Spool,
    files: Vec<Bytes>,
    pieces: Vec<Piece>,
    pub skipped: Vec<Skipped>,
}

impl<'a> Pass<'a> {
    pub fn new(units: Units, separator: Option<&'a Separator>) -> Self {
        Pass {
            units,
            separator: separator.map(|separator| separator.0.as_bytes()),
            hasher: Sha256::new(),
            is_seen: vec![false; 256],
            n_symbols: 0,
            n_bytes: 0,
            spool: Spool::new(),
            files: Vec::new(),
            pieces: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Reads a file.
    pub fn take(&mut self, source: &Source, mut reader: Reader) -> Result<(), Error> {
        let path = &source.path;
        let mut first = Vec::new();
        reader.read_block(path, BLOCK, &mut first)?;
        let is_whole = first.len() < BLOCK;
        // Bytes of the file before what is to be seen next.
        let mut offset = 0;
        if self.units == Units::Chars {
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
        self.begin_piece(stays, offset);
        let mut hasher = mem::take(&mut self.hasher);
        let (mut rest, mut ending) = (Vec::new(), Vec::new());
        let look = |block: &[u8], is_last| {
            let joined = (!rest.is_empty()).then(|| [&rest, block].concat());
            let bytes = joined.as_deref().unwrap_or(block);
            let whole = self.see(path, offset, bytes, is_last)?;
            self.keep(&bytes[..whole], stays)?;
            if let Some(separator) = self.separator {
                ending.extend_from_slice(&bytes[whole.saturating_sub(separator.len())..whole]);
                ending.drain(..ending.len().saturating_sub(separator.len()));
            }
            offset += whole;
            rest = bytes[whole..].to_vec();
            Ok(())
        };
        ahead::look_at_all(
            (first, is_whole),
            &mut reader,
            path,
            stays,
            &mut hasher,
            look,
        )?;
        self.hasher = hasher;
        if let (true, Reader::Plain(file)) = (stays, reader) {
            let path = path.clone();
            self.files.push(Bytes::File { file, path });
        }
        match self.separator {
            Some(separator) if !ending.is_empty() && ending != separator => {
                self.begin_piece(false, 0);
                self.see(path, 0, separator, true)?;
                self.hasher.update(separator);
                self.keep(separator, false)
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, bytes: &[u8], stays: bool) -> Result<(), Error> {
        self.n_bytes += bytes.len() as u64;
        match stays {
            true => Ok(()),
            false => self.spool.push(bytes),
        }
    }

    /// What comes next is in a file of its own, from `offset` on, or at the end of the spool.
    fn begin_piece(&mut self, is_own: bool, offset: usize) {
        let (store, offset) = match is_own {
            true => (1 + self.files.len(), offset as u64),
            false => (SPOOL, self.spool.len()),
        };
        let goes_on = |last: &Piece| last.store == SPOOL && store == SPOOL;
        if !self.pieces.last().is_some_and(goes_on) {
            let start = self.n_bytes;
            self.pieces.push(Piece {
                start,
                store,
                offset,
            });
        }
    }

    /// Notes the symbols of a block that is at `offset` of its file. Gives how much of it that is: a
    /// character that does not end in it is for the next one.
    fn see(
        &mut self,
        path: &Path,
        offset: usize,
        block: &[u8],
        is_last: bool,
    ) -> Result<usize, Error> {
        if self.units == Units::Bytes {
            self.see_bytes(block);
            return Ok(block.len());
        }
        let text = match std::str::from_utf8(block) {
            Ok(text) => text,
            Err(e) if is_last || e.error_len().is_some() => {
                let place = e.valid_up_to();
                return Err(Error::NotUtf8 {
                    name: path.display().to_string(),
                    offset: offset + place,
                    problem: match e.error_len() {
                        Some(_) => format!("invalid byte 0x{:02x}", block[place]),
                        None => "the text ends within a character that begins".to_owned(),
                    },
                });
            }
            Err(e) => std::str::from_utf8(&block[..e.valid_up_to()]).expect("checked"),
        };
        if text.is_ascii() {
            self.see_bytes(text.as_bytes());
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

    fn see_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.is_seen[usize::from(byte)] = true;
        }
        self.n_symbols += bytes.len();
    }

    /// The text of all files.
    pub fn finish(self, name: String) -> Result<Corpus, Error> {
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

        let mut stores = vec![self.spool.finish()];
        stores.extend(self.files);
        let text = Codes {
            width: 1,
            pieces: self.pieces,
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
                sha256: format!("{:x}", self.hasher.finalize()),
                symbols: self.n_symbols,
            },
            codes,
            tokens,
        })
    }
}

/// Which of [`Codes::stores`] the spool is.
const SPOOL: usize = 0;

/// What a file begins with tells whether it is text, as it does to grep.
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

/// The token of each code point, `u32::MAX` for those that have none.
fn by_code_point(symbols: &[char]) -> Vec<u32> {
    let last = symbols.iter().max().map_or(0, |&last| last as usize);
    let mut tokens = vec![u32::MAX; last + 1];
    for (token, &symbol) in (0..).zip(symbols) {
        tokens[symbol as usize] = token;
    }
    tokens
}

/// Writes the token of each character, in as few bytes as the largest one needs.
fn encode(text: &Codes, n_bytes: u64, symbols: &[char]) -> Result<Codes, Error> {
    let width = match symbols.len() {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    };
    let tokens = by_code_point(symbols);
    let mut spool = Spool::new();
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
        spool.push(&codes)?;
        from += whole.len() as u64;
    }
    Ok(Codes::of_store(width, spool.finish()))
}
