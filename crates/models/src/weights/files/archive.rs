//! Zip archives, which PyTorch's and NumPy's files are.

use std::{
    io::{Cursor, Read},
    ops::Range,
};

use zip::{CompressionMethod, ZipArchive};

/// What is decompressed may be as long as the archive, and this longer.
const ALLOWANCE: usize = 64 << 20;

/// An archive in memory.
pub(super) struct Archive {
    entries: Vec<Entry>,
    /// The archive itself, and each entry that had to be decompressed.
    pub blobs: Vec<Vec<u8>>,
    decompressed: usize,
}

/// A file in an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    index: usize,
    /// Where it lies, if it is not compressed.
    stored: Option<Range<usize>>,
}

impl Archive {
    /// Reads the directory of an archive.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let mut zip = ZipArchive::new(Cursor::new(&bytes[..])).map_err(|e| e.to_string())?;
        let mut entries = Vec::new();
        for index in 0..zip.len() {
            let file = zip.by_index_raw(index).map_err(|e| e.to_string())?;
            let name = file.name().map_err(|e| e.to_string())?.into_owned();
            if file.encrypted() {
                return Err(format!("{name:?} in it is encrypted"));
            }
            let is_stored = file.compression() == CompressionMethod::Stored;
            let (header, size) = (file.header_start(), file.size());
            let place = || place(&bytes, header, size).ok_or("an archive that is cut off");
            let stored = is_stored.then(place).transpose()?;
            entries.push(Entry {
                name,
                index,
                stored,
            });
        }
        Ok(Archive {
            entries,
            blobs: vec![bytes],
            decompressed: 0,
        })
    }

    /// Returns the files in the archive.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns in which blob a file lies, and where.
    pub fn contents(&mut self, entry: &Entry) -> Result<(usize, Range<usize>), String> {
        if let Some(range) = &entry.stored {
            return Ok((0, range.clone()));
        }
        let name = &entry.name;
        let archive = &self.blobs[0];
        let left = (archive.len() + ALLOWANCE).saturating_sub(self.decompressed);
        let mut zip = ZipArchive::new(Cursor::new(&archive[..])).map_err(|e| e.to_string())?;
        let file = zip.by_index(entry.index).map_err(|e| e.to_string())?;
        let mut content = Vec::new();
        let read = file.take(left as u64 + 1).read_to_end(&mut content);
        read.map_err(|e| format!("{name:?} in it: {e}"))?;
        if content.len() > left {
            return Err(format!(
                "{name:?} in it grows beyond all measure when it is decompressed; save it uncompressed"
            ));
        }
        self.decompressed += content.len();
        let range = 0..content.len();
        self.blobs.push(content);
        Ok((self.blobs.len() - 1, range))
    }
}

/// Returns where the content of an entry lies that is not compressed: after its header, its name and an extra field.
fn place(bytes: &[u8], header: u64, size: u64) -> Option<Range<usize>> {
    let header = usize::try_from(header).ok()?;
    let length = |at: usize| {
        let bytes = bytes.get(header.checked_add(at)?..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let start = header.checked_add(30 + length(26)? + length(28)?)?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    (end <= bytes.len()).then_some(start..end)
}
