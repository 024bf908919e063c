//! The command line.

use std::path::PathBuf;

use clap::Parser;
use demos::{
    backend::{BackendArg, ListBackendsArg},
    choices::one_of,
};
use long_memory::{Budget, Experiment, NetworkKind, Task, tasks};

/// Compare networks with and without memory over growing distances
#[derive(Parser)]
#[command(
    name = "long_memory",
    version,
    max_term_width = 80,
    after_help = "A feed-forward network, a plain recurrent network and an LSTM with as many \
                  parameters learn four tasks within the same budget: xor of a pair, running xor, \
                  the adding problem and the first symbol."
)]
pub struct Args {
    /// xor, running-xor, adding, first-symbol [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', num_args = 1..,
          value_parser = one_of(tasks::ALL, |task: &'static dyn Task| task.name()),
          hide_possible_values = true, help_heading = "Experiment")]
    tasks: Option<Vec<&'static dyn Task>>,
    #[arg(long, help = format!("{} [default: feed_forward,rnn,lstm]", names().join(", ")),
          value_name = "NAME,…", value_delimiter = ',', num_args = 1..,
          value_parser = one_of(NetworkKind::all(), NetworkKind::name), hide_possible_values = true,
          help_heading = "Experiment")]
    networks: Option<Vec<NetworkKind>>,
    /// Steps per sequence, or from the first symbol to the end [default: 10,50,100,200]
    #[arg(long, value_name = "N,…", value_delimiter = ',', num_args = 1.., help_heading = "Experiment")]
    distances: Option<Vec<usize>>,
    /// Repeat each training with N seeds [default: 3]
    #[arg(long, value_name = "N", help_heading = "Experiment")]
    seeds: Option<usize>,
    /// First seed
    #[arg(long, value_name = "N", help_heading = "Experiment", default_value_t = Experiment::default().seed)]
    seed: u64,
    /// Take only seconds: --distances 10,50 --seeds 1
    #[arg(long, help_heading = "Experiment")]
    quick: bool,

    /// Units of the LSTM; the others get as many parameters
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = Budget::default().hidden_size)]
    hidden_size: usize,
    /// Stop after N updates, or once the task is learned
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = Budget::default().updates)]
    updates: usize,
    /// Sequences per update
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = Budget::default().batch_size)]
    batch_size: usize,
    /// Peak learning rate
    #[arg(long, value_name = "X", help_heading = "Training", default_value_t = Budget::default().learning_rate)]
    learning_rate: f64,
    /// Initial forget-gate bias of the LSTM [default: random, so that its units remember from 1 step
    /// to a whole sequence]
    #[arg(long, value_name = "X", help_heading = "Training")]
    forget_bias: Option<f64>,
    /// Start the RNN's Wh as a random orthogonal matrix
    #[arg(long, help_heading = "Training")]
    orthogonal: bool,

    /// Folder for tables and figures, whose old ones are overwritten [default: runs/long_memory-1, -2, …]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Run")]
    pub backend: BackendArg,
    #[command(flatten, next_help_heading = "Run")]
    pub list: ListBackendsArg,
}

fn names() -> Vec<&'static str> {
    NetworkKind::all()
        .into_iter()
        .map(NetworkKind::name)
        .collect()
}

impl Args {
    /// Returns the experiment that the flags ask for.
    pub fn experiment(&self) -> Result<Experiment, train::Error> {
        let all = Experiment::default();
        let (distances, seeds) = match self.quick {
            false => (all.distances, all.seeds),
            true => (vec![10, 50], 1),
        };
        let experiment = Experiment {
            tasks: self.tasks.clone().unwrap_or(all.tasks),
            networks: self.networks.clone().unwrap_or(all.networks),
            distances: self.distances.clone().unwrap_or(distances),
            seed: self.seed,
            seeds: self.seeds.unwrap_or(seeds),
            budget: Budget {
                hidden_size: self.hidden_size,
                updates: self.updates,
                batch_size: self.batch_size,
                learning_rate: self.learning_rate,
                forget_bias: self.forget_bias,
                orthogonal: self.orthogonal,
                ..all.budget
            },
        };
        experiment.validate()?;
        Ok(experiment)
    }
}
