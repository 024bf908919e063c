//! Ours beside burn-nn, candle-nn and PyTorch, in one run.
//!
//! Every peer is a process of its own that waits for requests ([`serve`]): only so each gets the
//! same number of threads, which all of them read once, at their start. The repetitions of all peers
//! are interleaved ([`rounds`]): what else goes on in the machine meets each of them alike.
//!
//! ```text
//! plan: which cases, which peers ─▶ rounds: ask every child in turn ─▶ rows ─▶ table ─▶ report
//!                                        │ ▲
//!                            "time …"    ▼ │ "seconds …"
//!                                       serve, peers.py
//! ```

pub mod case;
pub mod child;
pub mod machine;
pub mod memory;
pub mod peers;
pub mod plan;
pub mod report;
pub mod rounds;
pub mod rows;
pub mod serve;
pub mod table;
