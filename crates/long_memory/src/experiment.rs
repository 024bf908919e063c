//! Trains all networks on all tasks at all distances.

use std::{
    ops::ControlFlow,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use burn::tensor::backend::{AutodiffBackend, Backend};
use rayon::ThreadPoolBuilder;
use serde::{Serialize, Serializer};
use train::{Error, error::check};

use crate::{
    network::NetworkKind,
    task::Task,
    tasks,
    training::{AT_ONCE, Budget, Job, Trained},
};

/// What to compare.
#[derive(Clone, Serialize)]
pub struct Experiment {
    /// The tasks.
    #[serde(serialize_with = "names")]
    pub tasks: Vec<&'static dyn Task>,
    /// The networks, in the order of the report.
    pub networks: Vec<NetworkKind>,
    /// The distances.
    pub distances: Vec<usize>,
    /// The first seed.
    pub seed: u64,
    /// How many consecutive seeds.
    pub seeds: usize,
    /// The budget of each training.
    pub budget: Budget,
}

impl Default for Experiment {
    fn default() -> Self {
        Experiment {
            tasks: tasks::ALL.to_vec(),
            networks: NetworkKind::ARTICLE.to_vec(),
            distances: vec![10, 50, 100, 200],
            seed: 1,
            seeds: 3,
            budget: Budget::default(),
        }
    }
}

fn names<S: Serializer>(tasks: &[&dyn Task], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tasks.iter().map(|task| task.name()))
}

/// What happens in an experiment.
pub enum ExperimentEvent<'a, B: Backend> {
    /// A network has done another update.
    Update(&'a Job),
    /// A network has been trained.
    Trained(&'a Trained<B>),
}

impl Experiment {
    /// Checks that each setting is in its range.
    ///
    /// # Errors
    ///
    /// Returns an error on the first setting that is not.
    pub fn validate(&self) -> Result<(), Error> {
        let budget = &self.budget;
        check(
            !self.tasks.is_empty(),
            "tasks",
            "",
            "needs at least one task",
        )?;
        let reason = "needs at least one distance";
        check(!self.distances.is_empty(), "distances", "", reason)?;
        for (i, task) in self.tasks.iter().enumerate() {
            let mut before = self.tasks[..i].iter();
            let is_new = before.all(|other| other.name() != task.name());
            check(is_new, "tasks", task.name(), "is there twice")?;
        }
        let reason = "needs at least one network";
        check(!self.networks.is_empty(), "networks", "", reason)?;
        for (i, network) in self.networks.iter().enumerate() {
            let is_new = !self.networks[..i].contains(network);
            check(is_new, "networks", network.name(), "is there twice")?;
        }
        for (i, distance) in self.distances.iter().enumerate() {
            let reason = "must be from 2 to 1000000: nothing lies between fewer than two steps";
            check((2..=MOST).contains(distance), "distances", distance, reason)?;
            let is_new = !self.distances[..i].contains(distance);
            check(is_new, "distances", distance, "is there twice")?;
        }
        let reason = "must be from 1 to 1000";
        check(
            (1..=1000).contains(&self.seeds),
            "seeds",
            self.seeds,
            reason,
        )?;
        let last = self.seed.checked_add(self.seeds as u64 - 1);
        let reason = "there are not that many seeds from this one on";
        check(last.is_some(), "seed", self.seed, reason)?;
        for (setting, value) in [
            ("hidden_size", budget.hidden_size),
            ("updates", budget.updates),
            ("batch_size", budget.batch_size),
        ] {
            let reason = "must be from 1 to 1000000";
            check((1..=MOST).contains(&value), setting, value, reason)?;
        }
        let rate = budget.learning_rate;
        let reason = "must be a number above 0, and at most 1000";
        check(rate > 0.0 && rate <= 1000.0, "learning_rate", rate, reason)?;
        let bias = budget.forget_bias.unwrap_or(0.0);
        check(bias.is_finite(), "forget_bias", bias, "must be a number")
    }

    /// Returns all trainings, in the order of the report.
    pub fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for &task in &self.tasks {
            for &distance in &self.distances {
                for &kind in &self.networks {
                    let seeds = self.seed..=self.seed + (self.seeds as u64 - 1);
                    jobs.extend(seeds.map(|seed| Job {
                        task,
                        distance,
                        kind,
                        seed,
                    }));
                }
            }
        }
        jobs
    }

    /// Returns the least main memory that the experiment takes with this many workers, in bytes.
    pub fn memory(&self, workers: usize) -> f64 {
        let of_job = |job: &Job| {
            let network = job.network(&self.budget);
            let steps = job.steps() as f64;
            let inputs = (self.budget.batch_size.max(AT_ONCE) * network.d_input) as f64 * steps;
            let asked = if job.kind == NetworkKind::FeedForward {
                1.0
            } else {
                steps
            };
            // Gates, cell state and hidden state; a plain network has fewer, but wider ones.
            let states = 6.0 * (self.budget.batch_size * self.budget.hidden_size) as f64 * asked;
            // Weights, gradient, two moments.
            4.0 * (inputs + states + 4.0 * network.parameters() as f64)
        };
        let largest = self.jobs().iter().map(of_job).fold(0.0, f64::max);
        largest * workers as f64
    }

    /// Trains all networks, `workers` at a time, each on one thread. Results are in the order of
    /// [`jobs`](Self::jobs) and do not depend on the number of workers. `listen` receives the events and
    /// decides whether to continue; if it does not, only the networks trained so far are returned.
    pub fn run<B: AutodiffBackend>(
        &self,
        device: &B::Device,
        workers: usize,
        listen: impl Fn(ExperimentEvent<'_, B::InnerBackend>) -> ControlFlow<()> + Sync,
    ) -> Vec<Trained<B::InnerBackend>> {
        let jobs = self.jobs();
        // The longest first, so that no worker is left alone with a long one at the end.
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(jobs[i].steps()));
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let trained = Mutex::new(Vec::new());
        let tell = |event: ExperimentEvent<'_, B::InnerBackend>| {
            if listen(event).is_break() {
                is_over.store(true, Ordering::Relaxed);
            }
            !is_over.load(Ordering::Relaxed)
        };
        let work = || {
            while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let job = &jobs[i];
                let goes_on = || tell(ExperimentEvent::Update(job));
                let Some(done) = job.train::<B>(&self.budget, device, goes_on) else {
                    return;
                };
                let goes_on = tell(ExperimentEvent::Trained(&done));
                let mut trained = trained.lock().expect("no worker panics with it");
                trained.push((i, done));
                if !goes_on {
                    return;
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    let pool = ThreadPoolBuilder::new().num_threads(1).build();
                    pool.expect("a thread").install(work);
                });
            }
        });
        let mut trained = trained.into_inner().expect("no worker panics with it");
        trained.sort_by_key(|(i, _)| *i);
        trained.into_iter().map(|(_, done)| done).collect()
    }
}

/// The largest value of any setting.
const MOST: usize = 1_000_000;
