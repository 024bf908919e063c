//! A long file is read, looked at and hashed at once: two threads read blocks of it by turns, one looks
//! at them in their order, one hashes them.

use std::{
    fs::File,
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, Scope},
};

use sha2::{Digest, Sha256};

use crate::{
    error::{Error, InFile},
    source::Reader,
    spool::fill_at,
};

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 1 << 20;

/// Blocks that wait for a thread.
const WAITING: usize = 4;

/// How many threads read. The system takes longer to find memory for a file that it reads for the first
/// time than we take to look at it.
const READERS: usize = 2;

/// Looks at all of a file, block by block, each shorter than [`BLOCK`] only if it is the last. The first
/// is read already; the others are read by place where the file is a large one.
pub(crate) fn look_at_all(
    (first, is_last): (Vec<u8>, bool),
    reader: &mut Reader,
    path: &Path,
    is_large_file: bool,
    hasher: &mut Sha256,
    mut look: impl FnMut(&[u8], bool) -> Result<(), Error>,
) -> Result<(), Error> {
    if is_last {
        hasher.update(&first);
        return look(&first, true);
    }
    thread::scope(|scope| {
        let (hash, hashed) = sync_channel::<Vec<u8>>(WAITING);
        let update = move || hashed.into_iter().for_each(|block| hasher.update(block));
        thread::Builder::new()
            .spawn_scoped(scope, update)
            .in_file(path)?;
        let mut look = |block: Vec<u8>, is_last| {
            look(&block, is_last)?;
            hash.send(block).expect("it hashes to the end");
            Ok(is_last)
        };
        look(first, false)?;
        match reader {
            Reader::Plain(file) if is_large_file => {
                let mut blocks = Vec::new();
                for number in 1..=READERS {
                    let file = file.try_clone().in_file(path)?;
                    blocks.push(blocks_of(scope, file, path, number)?);
                }
                for blocks in blocks.iter().cycle() {
                    let block = blocks.recv().expect("it reads to the end")?;
                    let is_last = block.len() < BLOCK;
                    if look(block, is_last)? {
                        break;
                    }
                }
                Ok(())
            }
            reader => loop {
                let mut block = Vec::with_capacity(BLOCK);
                let is_last = reader.read_block(path, BLOCK, &mut block)? < BLOCK;
                if look(block, is_last)? {
                    return Ok(());
                }
            },
        }
    })
}

/// Block `number` of a file and each [`READERS`]th after it, to the end or until nobody wants more.
fn blocks_of<'s>(
    scope: &'s Scope<'s, '_>,
    file: File,
    path: &'s Path,
    number: usize,
) -> Result<Receiver<Result<Vec<u8>, Error>>, Error> {
    let (send, blocks) = sync_channel(WAITING);
    let read = move || {
        for number in (number..).step_by(READERS) {
            let mut block = vec![0; BLOCK];
            let filled = fill_at(&file, &mut block, (number * BLOCK) as u64).in_file(path);
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
    thread::Builder::new()
        .spawn_scoped(scope, read)
        .in_file(path)?;
    Ok(blocks)
}
