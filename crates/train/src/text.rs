//! A text of any size, as the numbers of its symbols.
//!
//! ```text
//! files ─▶ decompress ─▶ read_ahead ─▶ ingest: symbols, length, hash ─▶ Corpus ─▶ tokens, by position
//!                                         │                                ▲
//!                                         └─▶ byte_store ─▶ symbol_codes ──┘
//! ```

mod byte_store;
mod corpus;
mod decompress;
mod escapes;
mod files;
mod hash;
mod ingest;
mod kind;
mod read_ahead;
mod separator;
mod stream;
mod symbol_codes;
mod vocab;

pub use corpus::{Corpus, TextId};
pub use escapes::unescape;
pub use files::Skipped;
pub use separator::Separator;
pub use stream::TextStream;
pub(crate) use symbol_codes::SymbolCodes;
pub use vocab::{Units, Vocab};
