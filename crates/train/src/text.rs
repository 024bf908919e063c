//! A text of any size, as the numbers of its symbols.
//!
//! ```text
//! files ─▶ decompress ─▶ read_ahead ─▶ transcript: decoded ─▶ ingest: symbols, length, hash ─▶ Corpus ─▶ tokens
//!                                                                │                                ▲
//!                                                                └─▶ byte_store ─▶ symbol_codes ──┘
//! ```

mod byte_store;
mod config;
mod corpus;
mod decompress;
mod encoding;
mod escapes;
mod files;
mod foreign_vocab;
mod hash;
mod ingest;
mod kind;
mod large_files;
mod line_ends;
mod parts;
mod pieces;
mod read_ahead;
mod records;
mod separator;
mod stream;
mod stretches;
mod symbol_codes;
mod token_writer;
mod transcript;
mod vocab;
mod word_coder;
mod word_counts;
mod words;

pub use config::{Records, TextConfig};
pub use corpus::{Corpus, TextId};
pub use encoding::Encoding;
pub use escapes::unescape;
pub use files::Skipped;
pub use separator::Separator;
pub use stream::TextStream;
pub(crate) use symbol_codes::SymbolCodes;
pub use vocab::{Units, Vocab};
