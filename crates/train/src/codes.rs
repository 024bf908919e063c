//! The symbols of a text as numbers of one, two or four bytes, wherever these lie, read by place.

use std::ops::Range;

use crate::{error::Error, spool::Bytes};

/// Codes of `width` bytes each, little-endian, in pieces that follow one another.
#[derive(Debug)]
pub(crate) struct Codes {
    pub width: usize,
    pub pieces: Vec<Piece>,
    pub stores: Vec<Bytes>,
}

/// A stretch of bytes up to where the next one begins.
#[derive(Debug)]
pub(crate) struct Piece {
    /// First byte in the text.
    pub start: u64,
    /// Which store has it, and where.
    pub store: usize,
    pub offset: u64,
}

impl Codes {
    /// Codes that lie in one store from its start.
    pub fn of_store(width: usize, store: Bytes) -> Self {
        let piece = Piece {
            start: 0,
            store: 0,
            offset: 0,
        };
        Codes {
            width,
            pieces: vec![piece],
            stores: vec![store],
        }
    }

    /// Appends `tokens[code]` of each code in `range`. A code without one (`u32::MAX`, or none at
    /// all) was not there when the text was read first.
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

    /// Fills `buffer` with the bytes at `from` and after.
    pub fn read(&self, mut from: u64, mut buffer: &mut [u8]) -> Result<(), Error> {
        let mut i = self.piece_at(from);
        while !buffer.is_empty() {
            let piece = &self.pieces[i];
            let next = self.pieces.get(i + 1).map_or(u64::MAX, |next| next.start);
            let n = (next - from).min(buffer.len() as u64);
            let (now, later) = buffer.split_at_mut(n as usize);
            self.stores[piece.store].read(piece.offset + (from - piece.start), now)?;
            (buffer, from, i) = (later, from + n, i + 1);
        }
        Ok(())
    }

    /// The error that byte `from` of the text is not what it was.
    pub fn changed(&self, from: u64) -> Error {
        let piece = &self.pieces[self.piece_at(from)];
        Error::Changed {
            path: self.stores[piece.store].path().to_owned(),
            offset: piece.offset + (from - piece.start),
            what: "it has another symbol",
        }
    }

    fn piece_at(&self, from: u64) -> usize {
        let after = self.pieces.partition_point(|piece| piece.start <= from);
        after.saturating_sub(1)
    }
}
