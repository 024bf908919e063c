//! A training run: it goes through a text, saves itself in a folder, and resumes from there.
//!
//! | type | what it is |
//! |---|---|
//! | [`RunConfig`] | all settings |
//! | [`Run`], [`train()`] | a run that starts or resumes, and its [`Outcome`] |
//! | [`Event`] | what a run reports and logs |
//! | [`RunFolder`] | what a run leaves behind |
//! | [`Checkpoint`] | what a run resumes from |
//! | [`History`] | the losses in a log |
//! | [`score()`] | how well a model predicts a text |

mod checkpoint;
mod checkpoint_writer;
mod config;
mod events;
mod every;
mod folder;
mod history;
mod import;
mod metrics_log;
mod paths;
mod peak_memory;
mod resume;
mod run_state;
mod score;
mod start;
mod together;
mod training_loop;

pub use checkpoint::{Checkpoint, FORMAT, KEPT};
pub use config::RunConfig;
pub use events::{Event, bits_per_char};
pub use every::Every;
pub use folder::{RunFolder, WEIGHTS};
pub use history::{History, Point};
pub use import::imported_config;
pub use metrics_log::METRICS;
pub use peak_memory::peak_memory;
pub use run_state::RunState;
pub use score::{Score, score};
pub use start::train;
pub use training_loop::{Outcome, Run};
