//! The crate `train`. No test in this process has dropout: it would draw from the one stream of random
//! numbers that Burn keeps for all threads.

mod checkpoint;
mod clip;
mod corpus;
mod documents;
mod history;
mod lanes;
mod optimizer;
mod parts;
mod plateau;
mod ranks;
mod reading;
mod run;
mod sample;
mod schedule;
mod tbptt;
mod vocab;
mod words;
