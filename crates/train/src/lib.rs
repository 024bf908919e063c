//! Text in, trained character model out.
//!
//! ```text
//! text ─▶ Corpus ─▶ lanes or documents ─▶ batches
//!                                            │
//!   ┌── state, detached ──┐                  ▼
//!   └────────────────▶ Trainer: loss ─▶ gradient ─▶ clip ─▶ optimiser, at the scheduled learning rate
//!                         │
//!                         ▼
//!                        Run ─▶ events, checkpoints ─▶ RunFolder ─▶ Sampler ─▶ text
//! ```
//!
//! | room | what happens there |
//! |---|---|
//! | [`text`] | files become a [`Corpus`]: tokens of a [`Vocab`], read by position |
//! | [`batches`] | a corpus is cut into what each update learns from |
//! | [`learn`] | a [`Trainer`] does one update at a time |
//! | [`ranks`] | many processes train one model |
//! | [`run`] | a [`Run`] goes through the text, reports [`Event`]s, saves checkpoints and resumes from them |
//! | [`sampler`] | a [`Sampler`] writes text with a trained model |
//! | [`disk`] | atomic writes, safetensors files |
//! | [`error`](mod@error) | what can go wrong |
//!
//! A room knows only the rooms it needs: `run` knows all others, `learn` knows `batches`, `batches` knows
//! `text`. None of them knows a concrete backend, a terminal or a command line.

pub mod batches;
pub mod disk;
pub mod error;
pub mod learn;
pub mod ranks;
pub mod run;
pub mod sampler;
mod serde_text;
pub mod text;

pub use batches::{Batch, BatchConfig, Batches, Split};
pub use error::Error;
pub use learn::{Clip, OptimizerConfig, Progress, Schedule, Trainer, TrainerConfig};
pub use run::{
    Event, Every, History, Outcome, Run, RunConfig, RunFolder, bits_per_char, peak_memory, score,
    train,
};
pub use sampler::{Sampler, Sampling};
pub use text::{Corpus, Encoding, Records, Separator, TextConfig, TextStream, Units, Vocab};
