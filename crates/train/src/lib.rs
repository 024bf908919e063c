//! Text in, trained character model out.
//!
//! ```text
//! text ─ corpus, vocab ─▶ tokens ─ lanes or documents ─▶ windows
//!                                                           │
//!   ┌── state, detached ──┐                                 ▼
//!   └────────────────▶ tbptt: loss ─▶ clip ─▶ optimizer at the rate of the schedule
//! ```
//!
//! A [`Trainer`] does one such update at a time. A [`Run`] goes through the text, saves itself as a
//! [`checkpoint`] now and then, goes on from one, and reports [`Event`]s to whoever listens; it knows
//! neither terminal nor concrete backend. A [`RunFolder`] keeps what it leaves behind; a [`Sampler`]
//! writes text with a trained model.

mod ahead;
pub mod checkpoint;
pub mod clip;
mod codes;
pub mod config;
pub mod corpus;
pub mod documents;
pub mod durable;
pub mod error;
pub mod events;
pub mod history;
pub mod interval;
pub mod lanes;
pub mod long_memory;
pub mod memory;
pub mod optimizer;
mod pass;
pub mod run;
pub mod run_folder;
pub mod sample;
mod saver;
pub mod schedule;
pub mod separator;
mod source;
mod spool;
pub mod tbptt;
mod tensors;
mod text_form;
pub mod trainer;
pub mod vocab;
pub mod windows;

pub use clip::Clip;
pub use config::RunConfig;
pub use corpus::Corpus;
pub use error::Error;
pub use events::Event;
pub use history::History;
pub use interval::Interval;
pub use lanes::Split;
pub use optimizer::OptimizerConfig;
pub use run::{Outcome, Run, train};
pub use run_folder::RunFolder;
pub use sample::Sampler;
pub use schedule::Schedule;
pub use separator::Separator;
pub use trainer::Trainer;
pub use vocab::{Units, Vocab};
pub use windows::Windows;
