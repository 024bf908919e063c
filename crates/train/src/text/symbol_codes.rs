//! The symbols of a text as numbers of one, two or four bytes, read by position wherever they lie.

use std::ops::Range;

use super::byte_store::ByteStore;
use crate::error::Error;

/// Codes of `width` bytes each, little-endian, in consecutive extents.
#[derive(Debug)]
pub(crate) struct SymbolCodes {
    pub width: usize,
    pub extents: Vec<Extent>,
    pub stores: Vec<ByteStore>,
}

/// A stretch of a text, up to where the next extent starts.
#[derive(Debug)]
pub(crate) struct Extent {
    /// Its first byte in the text.
    pub start: u64,
    /// Which store holds it, and where.
    pub store: usize,
    pub offset: u64,
}

impl SymbolCodes {
    /// Codes that fill one store from its start.
    pub fn of_store(width: usize, store: ByteStore) -> Self {
        let extent = Extent {
            start: 0,
            store: 0,
            offset: 0,
        };
        SymbolCodes {
            width,
            extents: vec![extent],
            stores: vec![store],
        }
    }

    /// Appends `tokens[code]` for each code in `range`. A code without a token (`u32::MAX`, or past the
    /// end of `tokens`) was not in the text when it was first read: an error.
    pub fn look_up(
        &self,
        range: Range<usize>,
        tokens: &[u32],
        found: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let start = found.len();
        let mut codes = vec![0; range.len() * self.width];
        self.read((range.start * self.width) as u64, &mut codes)?;
        let token = |code: usize| tokens.get(code).copied().unwrap_or(u32::MAX);
        match self.width {
            1 => found.extend(codes.iter().map(|&code| token(code.into()))),
            2 => {
                let (codes, _) = codes.as_chunks();
                found.extend(codes.iter().map(|&c| token(u16::from_le_bytes(c).into())));
            }
            _ => {
                let (codes, _) = codes.as_chunks();
                found.extend(codes.iter().map(|&c| token(u32::from_le_bytes(c) as usize)));
            }
        }
        match found[start..].iter().position(|&token| token == u32::MAX) {
            None => Ok(()),
            Some(place) => Err(self.changed(((range.start + place) * self.width) as u64)),
        }
    }

    /// Fills `buffer` with the bytes of the text from position `from` on.
    pub fn read(&self, mut from: u64, mut buffer: &mut [u8]) -> Result<(), Error> {
        let mut i = self.extent_at(from);
        while !buffer.is_empty() {
            let extent = &self.extents[i];
            let next = self.extents.get(i + 1).map_or(u64::MAX, |next| next.start);
            let n = (next - from).min(buffer.len() as u64);
            let (now, later) = buffer.split_at_mut(n as usize);
            self.stores[extent.store].read(extent.offset + (from - extent.start), now)?;
            (buffer, from, i) = (later, from + n, i + 1);
        }
        Ok(())
    }

    /// Returns the error that byte `from` of the text has changed.
    pub fn changed(&self, from: u64) -> Error {
        let extent = &self.extents[self.extent_at(from)];
        Error::Changed {
            path: self.stores[extent.store].path().to_owned(),
            offset: extent.offset + (from - extent.start),
            what: "it has another symbol",
        }
    }

    fn extent_at(&self, from: u64) -> usize {
        let after = self.extents.partition_point(|extent| extent.start <= from);
        after.saturating_sub(1)
    }
}
