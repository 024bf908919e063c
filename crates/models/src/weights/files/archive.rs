//! Zip archives, which PyTorch's and NumPy's files are.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
    ops::Range,
};

use memchr::memmem;
use prost::bytes::Bytes;
use zip::{CompressionMethod, ZipArchive};

/// What is decompressed may be as long as the archive, and this longer.
const ALLOWANCE: usize = 64 << 20;
/// Far more files than a model has tensors. Each takes hundreds of bytes in memory.
const MOST_ENTRIES: usize = 1 << 16;

/// An archive in memory.
pub(super) struct Archive {
    zip: ZipArchive<Cursor<Bytes>>,
    entries: Vec<Entry>,
    /// The archive itself, and each entry that had to be decompressed.
    pub blobs: Vec<Bytes>,
    /// Which blob an entry that had to be decompressed is, by its number.
    decompressed: HashMap<usize, usize>,
}

/// A file in an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    index: usize,
    /// Its place, if it is not compressed.
    stored: Option<Range<usize>>,
}

impl Archive {
    /// Reads the directory of an archive.
    pub fn new(bytes: Bytes) -> Result<Self, String> {
        let headers = memmem::find_iter(&bytes, b"PK\x01\x02").take(MOST_ENTRIES + 1);
        if headers.count() > MOST_ENTRIES {
            return Err(format!("an archive of more than {MOST_ENTRIES} files"));
        }
        let zip = ZipArchive::new(Cursor::new(bytes.clone()));
        let mut zip = zip.map_err(|e| e.to_string())?;
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
            zip,
            entries,
            blobs: vec![bytes],
            decompressed: HashMap::new(),
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
        if let Some(&blob) = self.decompressed.get(&entry.index) {
            return Ok((blob, 0..self.blobs[blob].len()));
        }
        let name = &entry.name;
        let so_far: usize = self.blobs[1..].iter().map(Bytes::len).sum();
        let left = (self.blobs[0].len() + ALLOWANCE).saturating_sub(so_far);
        let file = self.zip.by_index(entry.index).map_err(|e| e.to_string())?;
        let mut content = Vec::new();
        let read = file.take(left as u64 + 1).read_to_end(&mut content);
        read.map_err(|e| format!("{name:?} in it: {e}"))?;
        if content.len() > left {
            return Err(format!(
                "{name:?} in it grows beyond all measure when it is decompressed; save it uncompressed"
            ));
        }
        let range = 0..content.len();
        self.blobs.push(content.into());
        let blob = self.blobs.len() - 1;
        self.decompressed.insert(entry.index, blob);
        Ok((blob, range))
    }
}

/// Returns where the content of an entry lies that is not compressed: after its header, its name and an extra
/// field.
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
