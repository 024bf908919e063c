//! The SHA-256 of a text, computed by a thread of its own once the text is long.

use std::{
    io,
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use data_encoding::HEXLOWER;
use sha2::{
    Digest, Sha256,
    digest::common::hazmat::{SerializableState, SerializedState},
};

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

    /// Continues from a [`state`](Self::state).
    ///
    /// # Panics
    ///
    /// Panics if it is none.
    pub fn from_state(state: &[u8]) -> Self {
        let state = SerializedState::<Sha256>::try_from(state).expect("as long as a state");
        TextHash::Here(Sha256::deserialize(&state).expect("a state"))
    }

    /// Returns what another process needs to continue the hash.
    pub fn state(self) -> Vec<u8> {
        self.into_hash().serialize().to_vec()
    }

    /// Returns the hash in hexadecimal digits.
    pub fn finish(self) -> String {
        HEXLOWER.encode(&self.into_hash().finalize())
    }

    fn into_hash(self) -> Sha256 {
        match self {
            TextHash::Here(hash) => hash,
            TextHash::InThread { blocks, hash } => {
                drop(blocks);
                hash.join().expect("hashing does not panic")
            }
        }
    }
}
