//! Bytes that are read by place: few are in memory, many in a file.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use tempfile::{SpooledData, SpooledTempFile};

use crate::error::Error;

/// What is longer goes to a file, or stays in the one that it is in: 16 MiB.
pub(crate) const IN_MEMORY: usize = 16 << 20;

/// Bytes that are there.
#[derive(Debug)]
pub(crate) enum Bytes {
    Memory(Vec<u8>),
    File { file: File, path: PathBuf },
}

impl Bytes {
    /// Fills `buffer` with what is at byte `from` and after.
    pub fn read(&self, from: u64, buffer: &mut [u8]) -> Result<(), Error> {
        match self {
            Bytes::Memory(bytes) => {
                let from = from as usize;
                buffer.copy_from_slice(&bytes[from..from + buffer.len()]);
                Ok(())
            }
            Bytes::File { file, path } => {
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

    /// What to call them in messages.
    pub fn path(&self) -> &Path {
        match self {
            Bytes::Memory(_) => Path::new("a text in memory"),
            Bytes::File { path, .. } => path,
        }
    }
}

fn read_exact_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<()> {
    match fill_at(file, buffer, from)? {
        n if n < buffer.len() => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Reads what is at byte `from` and after until the buffer is full or the file ends; gives how much
/// that is.
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

/// Bytes that grow: in memory first, then in a temporary file without a name, which goes with the
/// process.
pub(crate) struct Spool {
    file: SpooledTempFile,
    folder: PathBuf,
    len: u64,
}

impl Spool {
    pub fn new() -> Self {
        let folder = temporary_folder();
        Spool {
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

    pub fn finish(self) -> Bytes {
        match self.file.into_inner() {
            SpooledData::InMemory(bytes) => Bytes::Memory(bytes.into_inner()),
            SpooledData::OnDisk(file) => Bytes::File {
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
