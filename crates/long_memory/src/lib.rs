//! The argument of an introductory article ([循环神经网络入门](https://www.jqr.com/news/008527), 论智, jqr.com,
//! 2017-11-08) as an experiment: what a network without memory, a plain recurrent network and an LSTM with
//! the same number of parameters learn within the same budget, as what matters moves further back.
//!
//! ```text
//! FeedForward   y[t] = f(x[t])                  a pure function of the current input
//! Rnn           h[t] = f(h[t-1], x[t])          remembers by passing its state on
//! Lstm          c[t] = f·c[t-1] + i·g           keeps what its gates let it keep
//! ```
//!
//! | topic | module |
//! |---|---|
//! | what a task is | [`task`] |
//! | xor, running xor, the adding problem, the first symbol | [`tasks`] |
//! | the networks that are compared | [`network`] |
//! | one training | [`training`] |
//! | all trainings | [`experiment`] |
//! | how long the rest of them takes | [`time_left`] |
//! | how far a gradient reaches back | [`gradient_reach`] |
//! | gates and cell state on one example | [`trace`](mod@trace) |
//! | whether an answer depends on the past | [`pasts`] |
//!
//! A task of your own implements [`Task`]; a [`Job`] trains a network on it:
//!
//! ```
//! use burn_autodiff::Autodiff;
//! use burn_ndarray::NdArray;
//! use long_memory::{Budget, Job, NetworkKind, tasks::RunningXor};
//!
//! let job = Job { task: &RunningXor, distance: 3, kind: NetworkKind::LSTM, seed: 1 };
//! let device = Default::default();
//! let trained = job.train::<Autodiff<NdArray>>(&Budget::default(), &device, || true);
//! assert!(trained.expect("nothing stopped it").result > 0.99); // share of correct answers
//! ```

pub mod experiment;
pub mod gradient_reach;
pub mod network;
pub mod pasts;
pub mod task;
pub mod tasks;
pub mod time_left;
pub mod trace;
pub mod training;

pub use experiment::{Experiment, ExperimentEvent};
pub use gradient_reach::{Reach, reach};
pub use network::{Network, NetworkConfig, NetworkKind};
pub use pasts::after_pasts;
pub use task::{Answer, Sequences, Task};
pub use time_left::TimeLeft;
pub use trace::{Step, trace};
pub use training::{Budget, CurvePoint, Job, Trained};
