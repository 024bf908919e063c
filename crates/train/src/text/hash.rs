//! The SHA-256 of a text, computed by a thread of its own once the text is long.

use std::{
    io,
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use sha2::{Digest, Sha256};

use super::read_ahead::{BLOCK, WAITING};

/// The hash of what has been read so far.
pub(crate) enum TextHash {
    Here(Sha256),
    InThread {
        blocks: SyncSender<Vec<u8>>,
        hash: JoinHandle<Sha256>,
    },
}

impl TextHash {
    pub fn new() -> Self {
        TextHash::Here(Sha256::new())
    }

    /// Adds bytes. From the first block of full length on, a thread hashes them.
    pub fn update(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        match self {
            TextHash::Here(hash) if bytes.len() < BLOCK => hash.update(bytes),
            TextHash::Here(hash) => {
                let mut hash = hash.clone();
                let (blocks, received) = sync_channel::<Vec<u8>>(WAITING);
                let update = move || {
                    hash.update(bytes);
                    received.into_iter().for_each(|block| hash.update(block));
                    hash
                };
                let hash = thread::Builder::new().spawn(update)?;
                *self = TextHash::InThread { blocks, hash };
            }
            TextHash::InThread { blocks, .. } => {
                blocks.send(bytes).expect("it hashes to the end");
            }
        }
        Ok(())
    }

    /// Returns the hash in hexadecimal digits.
    pub fn finish(self) -> String {
        let hash = match self {
            TextHash::Here(hash) => hash,
            TextHash::InThread { blocks, hash } => {
                drop(blocks);
                hash.join().expect("hashing does not panic")
            }
        };
        format!("{:x}", hash.finalize())
    }
}
