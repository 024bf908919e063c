//! Reads a file in blocks. Two threads read a large file ahead, each every second block.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use super::{byte_store::fill_at, decompress::Reader};
use crate::error::{Error, InFile};

/// Bytes in a block.
pub(crate) const BLOCK: usize = 1 << 20;

/// How many blocks wait for a thread.
pub(crate) const WAITING: usize = 4;

/// How many threads read. The system takes longer to find memory for a file that it reads for the first
/// time than its symbols take to be counted.
const READERS: usize = 2;

/// The blocks of a file. Each has [`BLOCK`] bytes, except for the last, which is shorter and may be empty.
pub(crate) struct Blocks<'a, 't> {
    origin: Origin<'a, 't>,
    path: &'a Path,
    is_over: bool,
}

enum Origin<'a, 't> {
    /// Blocks are read when they are asked for.
    Here(&'a mut Reader<'t>),
    /// Threads read ahead by position. The first of them has the next block.
    Threads(Vec<Receiver<Result<Vec<u8>, Error>>>),
}

impl<'a, 't> Blocks<'a, 't> {
    /// Returns the blocks that follow the first, which has been read already.
    pub fn after_the_first(
        reader: &'a mut Reader<'t>,
        path: &'a Path,
        is_large_file: bool,
    ) -> Result<Self, Error> {
        let origin = match reader {
            Reader::Plain(file) if is_large_file => {
                let threads = (1..=READERS).map(|number| read_ahead(file, path, number));
                Origin::Threads(threads.collect::<io::Result<_>>().in_file(path)?)
            }
            reader => Origin::Here(reader),
        };
        Ok(Blocks {
            origin,
            path,
            is_over: false,
        })
    }

    fn read(&mut self) -> Result<Vec<u8>, Error> {
        match &mut self.origin {
            Origin::Here(reader) => {
                let mut block = Vec::with_capacity(BLOCK);
                reader.read_block(self.path, BLOCK, &mut block)?;
                Ok(block)
            }
            Origin::Threads(threads) => {
                let block = threads[0].recv().expect("it reads to the end");
                threads.rotate_left(1);
                block
            }
        }
    }
}

impl Iterator for Blocks<'_, '_> {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let block = self.read();
        self.is_over = block.as_ref().map_or(true, |block| block.len() < BLOCK);
        Some(block)
    }
}

/// Reads block `number` of a file and every [`READERS`]th after it, until the end or until nobody wants
/// more.
fn read_ahead(
    file: &File,
    path: &Path,
    number: usize,
) -> io::Result<Receiver<Result<Vec<u8>, Error>>> {
    let (file, path) = (file.try_clone()?, PathBuf::from(path));
    let (send, blocks) = sync_channel(WAITING);
    let read = move || {
        for number in (number..).step_by(READERS) {
            let mut block = vec![0; BLOCK];
            let filled = fill_at(&file, &mut block, (number * BLOCK) as u64).in_file(&path);
            let block = filled.map(|filled| {
                block.truncate(filled);
                block
            });
            let goes_on = block.as_ref().is_ok_and(|block| block.len() == BLOCK);
            if send.send(block).is_err() || !goes_on {
                break;
            }
        }
    };
    thread::Builder::new().spawn(read)?;
    Ok(blocks)
}
