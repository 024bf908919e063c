//! The files of a text, in their order, decompressed.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::{
    error::{Error, InFile},
    spool::IN_MEMORY,
};

/// A file to read.
#[derive(Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    /// Whether it was found in a folder, not named.
    pub is_found: bool,
}

/// The files that `paths` name: folders stand for the files in them and in their folders, by name;
/// what begins with a dot is left out there. Gives what else is left out, and why.
pub(crate) fn list(paths: &[PathBuf]) -> Result<(Vec<Source>, Vec<Skipped>), Error> {
    let (mut sources, mut skipped) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            walk(path, &mut sources, &mut skipped)?;
        } else {
            sources.push(Source {
                path: path.clone(),
                is_found: false,
            });
        }
    }
    Ok((sources, skipped))
}

fn walk(folder: &Path, sources: &mut Vec<Source>, skipped: &mut Vec<Skipped>) -> Result<(), Error> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = entries.in_file(folder)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let is_link = entry.file_type().in_file(&path)?.is_symlink();
        match fs::metadata(&path) {
            Ok(there) if there.is_file() => sources.push(Source {
                path,
                is_found: true,
            }),
            Ok(there) if there.is_dir() && !is_link => walk(&path, sources, skipped)?,
            Ok(there) if there.is_dir() => skipped.push(Skipped::new(path, "a link to a folder")),
            Ok(_) => skipped.push(Skipped::new(path, "not a file")),
            Err(_) if is_link => skipped.push(Skipped::new(path, "a link to nothing")),
            Err(e) => return Err(e).in_file(&path),
        }
    }
    Ok(())
}

/// What a folder has that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is not read.
    pub reason: &'static str,
}

impl Skipped {
    pub(crate) fn new(path: PathBuf, reason: &'static str) -> Self {
        Skipped { path, reason }
    }
}

/// The bytes of a text as they come.
pub(crate) enum Reader<'a> {
    /// Of a text in memory.
    Memory(&'a [u8]),
    Stdin,
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
    Zstd(Box<Zstd>),
}

impl Reader<'_> {
    /// `-` is standard input. A name that ends in `.gz` or `.zst` says that the file is compressed.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.as_os_str() == "-" {
            return Ok(Reader::Stdin);
        }
        let file = File::open(path).in_file(path)?;
        Ok(match path.extension().and_then(OsStr::to_str) {
            Some("gz") => Reader::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
            Some("zst") => Reader::Zstd(Box::new(Zstd::new(file))),
            _ => Reader::Plain(file),
        })
    }

    /// Whether it is a file that can be read again, by place, and is too large for memory.
    pub fn is_large_file(&self, path: &Path) -> Result<bool, Error> {
        let Reader::Plain(file) = self else {
            return Ok(false);
        };
        let there = file.metadata().in_file(path)?;
        Ok(there.is_file() && there.len() > IN_MEMORY as u64)
    }

    /// Appends up to `n` bytes, fewer at the end only; gives how many.
    pub fn read_block(
        &mut self,
        path: &Path,
        n: usize,
        block: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        let read = match self {
            Reader::Memory(bytes) => bytes.take(n as u64).read_to_end(block),
            Reader::Stdin => io::stdin().lock().take(n as u64).read_to_end(block),
            Reader::Plain(file) => file.take(n as u64).read_to_end(block),
            Reader::Gzip(gzip) => gzip.take(n as u64).read_to_end(block),
            Reader::Zstd(zstd) => zstd.take(n as u64).read_to_end(block),
        };
        read.map_err(|source| match self.compressed() {
            Some(file) if is_of_content(&source) => Error::Archive {
                path: path.to_owned(),
                offset: file.stream_position().unwrap_or_default(),
                problem: match source.kind() {
                    ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
                    _ => source.to_string(),
                },
            },
            _ => Error::File {
                path: path.to_owned(),
                source,
            },
        })
    }

    fn compressed(&mut self) -> Option<&mut BufReader<File>> {
        match self {
            Reader::Gzip(gzip) => Some(gzip.get_mut()),
            Reader::Zstd(zstd) => Some(&mut zstd.file),
            _ => None,
        }
    }
}

/// Whether an error is what a decompressor says of its input, not what the system says of a file.
fn is_of_content(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
}

/// The frames of a zstd file, one after another (RFC 8878).
pub(crate) struct Zstd {
    file: BufReader<File>,
    frame: FrameDecoder,
    is_in_frame: bool,
}

impl Zstd {
    fn new(file: File) -> Self {
        Zstd {
            file: BufReader::new(file),
            frame: FrameDecoder::new(),
            is_in_frame: false,
        }
    }

    fn begin_frame(&mut self) -> io::Result<()> {
        match self.frame.reset(&mut self.file) {
            Ok(()) => self.is_in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut (&mut self.file).take(length), &mut io::sink())?;
                if skipped < length {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            Err(e) => return Err(io::Error::other(e)),
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.is_in_frame = false;
        let (stored, found) = (
            self.frame.get_checksum_from_data(),
            self.frame.get_calculated_checksum(),
        );
        match stored {
            Some(_) if stored != found => Err(io::Error::other("the checksum of a frame differs")),
            _ => Ok(()),
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_in_frame {
                if self.file.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin_frame()?;
                continue;
            }
            let n = self.frame.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            if self.frame.is_finished() {
                self.end_frame()?;
            } else {
                let strategy = BlockDecodingStrategy::UptoBytes(buffer.len());
                let decoded = self.frame.decode_blocks(&mut self.file, strategy);
                decoded.map_err(io::Error::other)?;
            }
        }
    }
}
