//! Bytes that are read by position: up to 16 MiB lie in memory, more in a file.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use tempfile::{SpooledData, SpooledTempFile};

use super::read_ahead::BLOCK;
use crate::error::{Error, InFile};

/// Longer bytes go to a file, or stay in the file that they are in: 16 MiB.
pub(crate) const IN_MEMORY: usize = 16 << 20;

/// Bytes that can be read by position.
#[derive(Debug)]
pub(crate) enum ByteStore {
    Memory(Vec<u8>),
    File { file: File, path: PathBuf },
}

impl ByteStore {
    /// Fills `buffer` with the bytes from position `from` on.
    pub fn read(&self, from: u64, buffer: &mut [u8]) -> Result<(), Error> {
        match self {
            ByteStore::Memory(bytes) => {
                let from = from as usize;
                buffer.copy_from_slice(&bytes[from..from + buffer.len()]);
                Ok(())
            }
            ByteStore::File { file, path } => {
                read_exact_at(file, buffer, from).map_err(|source| match source.kind() {
                    ErrorKind::UnexpectedEof => Error::Changed {
                        path: path.clone(),
                        offset: from,
                        what: "it ends",
                    },
                    _ => Error::File {
                        path: path.clone(),
                        source,
                    },
                })
            }
        }
    }

    /// Writes them to a file. One that is there keeps its contents until all is written.
    pub fn save(&self, to: &Path) -> Result<(), Error> {
        let part = &to.with_extension("part");
        let mut file = File::create(part).in_file(part)?;
        match self {
            ByteStore::Memory(bytes) => file.write_all(bytes).in_file(part)?,
            ByteStore::File { file: from, .. } => {
                let length = from.metadata().in_file(part)?.len();
                let mut block = vec![0; BLOCK];
                for at in (0..length).step_by(BLOCK) {
                    block.truncate((length - at) as usize);
                    self.read(at, &mut block)?;
                    file.write_all(&block).in_file(part)?;
                }
            }
        }
        file.sync_all().in_file(part)?;
        fs::rename(part, to).in_file(to)
    }

    /// What messages call them.
    pub fn path(&self) -> &Path {
        match self {
            ByteStore::Memory(_) => Path::new("a text in memory"),
            ByteStore::File { path, .. } => path,
        }
    }
}

fn read_exact_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<()> {
    match fill_at(file, buffer, from)? {
        n if n < buffer.len() => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Reads from position `from` on until the buffer is full or the file ends, and returns how many bytes.
pub(crate) fn fill_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, from)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, from)
}

/// A [`ByteStore`] being written: in memory first, then in a temporary file without a name, which
/// disappears with the process.
pub(crate) struct ByteStoreWriter {
    file: SpooledTempFile,
    folder: PathBuf,
    len: u64,
}

impl ByteStoreWriter {
    pub fn new() -> Self {
        let folder = temporary_folder();
        ByteStoreWriter {
            file: SpooledTempFile::new_in(IN_MEMORY, &folder),
            folder,
            len: 0,
        }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.len += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .map_err(|source| Error::TemporaryFile {
                folder: self.folder.clone(),
                source,
            })
    }

    pub fn finish(self) -> ByteStore {
        match self.file.into_inner() {
            SpooledData::InMemory(bytes) => ByteStore::Memory(bytes.into_inner()),
            SpooledData::OnDisk(file) => ByteStore::File {
                file,
                path: self.folder.join("(temporary file)"),
            },
        }
    }
}

/// `TMPDIR`, or `/var/tmp`: `/tmp` is in memory on many systems.
fn temporary_folder() -> PathBuf {
    let on_disk = Path::new("/var/tmp");
    match std::env::var_os("TMPDIR") {
        None if on_disk.is_dir() => on_disk.to_owned(),
        _ => std::env::temp_dir(),
    }
}
