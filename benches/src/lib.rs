//! The speed of ours, burn-nn, candle-nn and PyTorch, measured in one run.
//!
//! Every peer is a process of its own that waits for requests ([`serve`]): they all read their number of
//! threads only once, at their start. The repetitions of all peers are interleaved ([`rounds`]), so that
//! other work on the machine affects each of them equally.
//!
//! ```text
//! plan: which cases, which peers ─▶ rounds: ask each child in turn ─▶ rows ─▶ table ─▶ report
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
