//! The article's argument as an experiment: tasks, networks, trainings.

mod experiment;
mod networks;
mod tasks;
mod time_left;
