//! The command line.

use std::path::PathBuf;

use clap::{Parser, builder::PossibleValuesParser, builder::TypedValueParser};
use demos::backend::BackendName;
use long_memory::{Budget, Experiment, tasks};

/// What do networks with and without memory learn, as what matters moves further back?
///
/// A feed-forward network, a plain recurrent one and an LSTM of as many parameters learn four tasks within
/// the same budget: xor of a pair, running xor, the adding problem, the first symbol.
#[derive(Parser)]
#[command(version)]
pub struct Args {
    /// xor, running-xor, adding, first-symbol [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', num_args = 1.., value_parser = task(),
          hide_possible_values = true, help_heading = "Experiment")]
    tasks: Option<Vec<&'static str>>,
    /// Steps of a sequence, or between the first symbol and the end [default: 10,50,100,200]
    #[arg(long, value_name = "N,…", value_delimiter = ',', num_args = 1.., help_heading = "Experiment")]
    distances: Option<Vec<usize>>,
    /// How many times each training is repeated, with other weights and sequences [default: 3]
    #[arg(long, value_name = "N", help_heading = "Experiment")]
    seeds: Option<usize>,
    /// The first of the seeds
    #[arg(long, value_name = "N", help_heading = "Experiment", default_value_t = Experiment::default().seed)]
    seed: u64,
    /// A part of it that takes seconds: --distances 10,50 --seeds 1
    #[arg(long, help_heading = "Experiment")]
    quick: bool,

    /// Size of the LSTM's hidden state; the others get as many parameters as it has
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = Budget::default().hidden_size)]
    hidden_size: usize,
    /// Updates at most; a network that has learned its task stops before
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = Budget::default().updates)]
    updates: usize,
    /// Sequences in an update
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = Budget::default().batch_size)]
    batch_size: usize,
    /// Size of an update at its largest
    #[arg(long, value_name = "X", help_heading = "Training", default_value_t = Budget::default().learning_rate,
          allow_negative_numbers = true)]
    learning_rate: f64,
    /// What the bias of the LSTM's forget gate starts from [default: drawn so that a fresh network
    /// remembers over 1 to as many steps as a sequence has]
    #[arg(
        long,
        value_name = "X",
        help_heading = "Training",
        allow_negative_numbers = true
    )]
    forget_bias: Option<f64>,
    /// Start the plain network's Wh as a random orthogonal matrix
    #[arg(long, help_heading = "Training")]
    orthogonal: bool,

    /// Folder for tables and pictures; those of an earlier experiment are written over
    #[arg(
        long,
        value_name = "DIR",
        default_value = "long_memory",
        help_heading = "Run"
    )]
    pub out: PathBuf,
    /// cuda, wgpu, ndarray, flex [default: the first of these that is compiled in]
    #[arg(
        long,
        value_name = "NAME",
        hide_possible_values = true,
        help_heading = "Run"
    )]
    pub backend: Option<BackendName>,
    /// Show the backends, their devices, and whether they answer
    #[arg(long, help_heading = "Run")]
    pub list_backends: bool,
}

fn task() -> impl TypedValueParser<Value = &'static str> {
    let names = tasks::ALL.map(|task| task.name());
    let find = move |given: String| {
        *names
            .iter()
            .find(|name| **name == given)
            .expect("one of them")
    };
    PossibleValuesParser::new(names).map(find)
}

impl Args {
    /// What is to be done.
    pub fn experiment(&self) -> Result<Experiment, train::Error> {
        let all = Experiment::default();
        let (distances, seeds) = match self.quick {
            false => (all.distances, all.seeds),
            true => (vec![10, 50], 1),
        };
        let find = |name: &&str| {
            let mut tasks = tasks::ALL.into_iter();
            tasks
                .find(|task| task.name() == *name)
                .expect("a task of this name")
        };
        let tasks = match &self.tasks {
            Some(names) => names.iter().map(find).collect(),
            None => all.tasks,
        };
        let experiment = Experiment {
            tasks,
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
