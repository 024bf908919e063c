//! Reads a file front to back, decompressing gzip, zstd, xz and bzip2.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek},
    path::Path,
};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::byte_store::{ByteStoreWriter, IN_MEMORY};
use crate::error::{Error, InFile};

/// The bytes of a text, front to back.
pub(crate) enum Reader<'a> {
    /// A text in memory.
    Memory(&'a [u8]),
    /// What can be read only once, such as standard input, and a copy of what has been read of it.
    Stream(Box<dyn Read>, ByteStoreWriter),
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
    Zstd(Box<Zstd>),
    Xz(Box<XzReader<BufReader<File>>>),
    Bzip2(Box<MultiBzDecoder<BufReader<File>>>),
}

impl Reader<'_> {
    /// Opens a file, or a pipe; `-` is standard input. A file whose name ends in `.gz`, `.zst`, `.xz` or `.bz2` is
    /// decompressed.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.as_os_str() == "-" {
            return Ok(Reader::Stream(
                Box::new(io::stdin()),
                ByteStoreWriter::new(),
            ));
        }
        let file = File::open(path).in_file(path)?;
        if !file.metadata().in_file(path)?.is_file() {
            return Ok(Reader::Stream(Box::new(file), ByteStoreWriter::new()));
        }
        let buffered = BufReader::new;
        Ok(match path.extension().and_then(OsStr::to_str) {
            Some("gz") => Reader::Gzip(Box::new(MultiGzDecoder::new(buffered(file)))),
            Some("zst") => Reader::Zstd(Box::new(Zstd::new(buffered(file)))),
            Some("xz") => Reader::Xz(Box::new(XzReader::new(buffered(file), true))),
            Some("bz2") => Reader::Bzip2(Box::new(MultiBzDecoder::new(buffered(file)))),
            _ => Reader::Plain(file),
        })
    }

    /// Returns whether this is a file that can be read again by position and is too large for memory.
    pub fn is_large_file(&self, path: &Path) -> Result<bool, Error> {
        let Reader::Plain(file) = self else {
            return Ok(false);
        };
        let there = file.metadata().in_file(path)?;
        Ok(there.len() > IN_MEMORY as u64)
    }

    /// Appends the next `n` bytes, fewer only at the end, and returns how many.
    pub fn read_block(
        &mut self,
        path: &Path,
        n: usize,
        block: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        let read = match self {
            Reader::Memory(bytes) => bytes.take(n as u64).read_to_end(block),
            Reader::Stream(stream, _) => stream.take(n as u64).read_to_end(block),
            Reader::Plain(file) => file.take(n as u64).read_to_end(block),
            Reader::Gzip(gzip) => gzip.take(n as u64).read_to_end(block),
            Reader::Zstd(zstd) => zstd.take(n as u64).read_to_end(block),
            Reader::Xz(xz) => xz.take(n as u64).read_to_end(block),
            Reader::Bzip2(bzip2) => bzip2.take(n as u64).read_to_end(block),
        };
        let n = read.map_err(|source| match self.compressed() {
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
        })?;
        if let Reader::Stream(_, copy) = self {
            copy.push(&block[block.len() - n..])?;
        }
        Ok(n)
    }

    fn compressed(&mut self) -> Option<&mut BufReader<File>> {
        match self {
            Reader::Gzip(gzip) => Some(gzip.get_mut()),
            Reader::Zstd(zstd) => Some(&mut zstd.file),
            Reader::Xz(xz) => Some(xz.inner_mut()),
            Reader::Bzip2(bzip2) => Some(bzip2.get_mut()),
            _ => None,
        }
    }
}

/// Returns whether an error comes from a decompressor, about its input, rather than from the system.
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
    fn new(file: BufReader<File>) -> Self {
        Zstd {
            file,
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
