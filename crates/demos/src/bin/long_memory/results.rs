//! The results of an experiment, in the order in which they are shown.

use burn::tensor::backend::Backend;
use long_memory::{
    Answer, Experiment, NetworkKind, Step, Task, Trained, after_pasts,
    pasts::PAIRS,
    tasks::{Adding, Xor},
    trace,
    training::Stream,
};

/// Everything that the experiment found.
pub struct Results<B: Backend> {
    /// What was asked for; a signal may have stopped it earlier.
    pub experiment: Experiment,
    /// The trained networks, in the order of the table.
    pub trained: Vec<Trained<B>>,
    /// What each network trained on xor answers after different pasts.
    pub pasts: Vec<Past>,
    /// An LSTM on the adding problem.
    pub example: Option<Example>,
}

/// A network's answers to one pair of bits after many pasts.
pub struct Past {
    pub kind: NetworkKind,
    pub distance: usize,
    pub seed: u64,
    pub pair: [f32; 2],
    /// The probability of a 1 after each past.
    pub answers: Vec<f64>,
}

/// An LSTM reads numbers, two of them marked, and answers with the sum of those two.
pub struct Example {
    pub distance: usize,
    pub seed: u64,
    pub steps: Vec<Step>,
    /// The sum of the marked numbers so far, at each step.
    pub sums: Vec<f64>,
    /// The unit whose cell state tracks that sum best: the one with the largest absolute correlation.
    pub unit: usize,
}

/// The number of pasts before each pair.
pub const PASTS: usize = 100;
/// The longest example: a longer one is hard to read in a figure.
const EXAMPLE: usize = 100;

/// All seeds of one task, distance and network.
pub struct Group<'a, B: Backend> {
    pub task: &'static dyn Task,
    pub distance: usize,
    pub kind: NetworkKind,
    pub trained: Vec<&'a Trained<B>>,
}

impl<B: Backend> Results<B> {
    pub fn new(experiment: &Experiment, trained: Vec<Trained<B>>, device: &B::Device) -> Self {
        let of_xor = trained
            .iter()
            .filter(|done| done.job.task.name() == Xor.name());
        let pasts = of_xor.flat_map(|done| {
            let job = done.job;
            let answers = after_pasts(&done.network, job.distance, PASTS, job.seed, device);
            PAIRS
                .into_iter()
                .zip(answers)
                .map(move |(pair, answers)| Past {
                    kind: job.kind,
                    distance: job.distance,
                    seed: job.seed,
                    pair,
                    answers,
                })
        });
        let pasts = pasts.collect();
        let example = example(&trained, device);
        Results {
            experiment: experiment.clone(),
            trained,
            pasts,
            example,
        }
    }

    /// Says how much of the experiment has not finished, if it was interrupted.
    pub fn what_is_missing(&self) -> Option<String> {
        let (done, all) = (self.trained.len(), self.experiment.jobs().len());
        (done < all).then(|| format!("Interrupted: {done} of {all} training runs finished."))
    }

    /// Groups the trained networks by line of the table.
    pub fn groups(&self) -> Vec<Group<'_, B>> {
        let same = |a: &Trained<B>, b: &Trained<B>| {
            let key = |done: &Trained<B>| (done.job.task.name(), done.job.distance, done.job.kind);
            key(a) == key(b)
        };
        let groups = self.trained.chunk_by(same).map(|trained| {
            let job = trained[0].job;
            Group {
                task: job.task,
                distance: job.distance,
                kind: job.kind,
                trained: trained.iter().collect(),
            }
        });
        groups.collect()
    }
}

impl<B: Backend> Group<'_, B> {
    /// Returns how many seeds solved the task.
    pub fn solved(&self) -> usize {
        let answer: Answer = self.task.answer();
        let is_solved = |done: &&&Trained<B>| answer.is_solved(done.result);
        self.trained.iter().filter(is_solved).count()
    }

    /// Returns the median result.
    pub fn median(&self) -> f64 {
        median(self.trained.iter().map(|done| done.result).collect())
    }

    /// Returns whether no other group of its task has a longer distance.
    pub fn is_longest(&self, groups: &[Group<B>]) -> bool {
        let mut of_task = groups
            .iter()
            .filter(|group| group.task.name() == self.task.name());
        of_task.all(|group| group.distance <= self.distance)
    }
}

/// Returns the networks, in the order of the report.
pub fn networks<B: Backend>(groups: &[Group<B>]) -> Vec<NetworkKind> {
    let mut kinds = Vec::new();
    for group in groups {
        if !kinds.contains(&group.kind) {
            kinds.push(group.kind);
        }
    }
    kinds
}

/// Splits the groups by task.
pub fn by_task<'a, 'b, B: Backend>(groups: &'a [Group<'b, B>]) -> Vec<&'a [Group<'b, B>]> {
    let same = |a: &Group<B>, b: &Group<B>| a.task.name() == b.task.name();
    groups.chunk_by(same).collect()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        0 => (values[half - 1] + values[half]) / 2.0,
        _ => values[half],
    }
}

/// Returns the adding problem at the longest distance of at most [`EXAMPLE`], with the first seed.
fn example<B: Backend>(trained: &[Trained<B>], device: &B::Device) -> Option<Example> {
    let adds = |done: &&Trained<B>| {
        let job = done.job;
        job.task.name() == Adding.name() && job.kind == NetworkKind::LSTM && job.distance <= EXAMPLE
    };
    let candidates = trained.iter().filter(adds);
    let done =
        candidates.max_by_key(|done| (done.job.distance, std::cmp::Reverse(done.job.seed)))?;
    let job = done.job;
    let sequence = job
        .task
        .draw(job.distance, &mut Stream::Example.of(job.seed));
    let steps = trace(&done.network, &sequence.inputs, device)?;
    let add = |sum: &mut f64, step: &Step| {
        *sum += step.x[0] * step.x[1];
        Some(*sum)
    };
    let sums: Vec<f64> = steps.iter().scan(0.0, add).collect();
    let follows = |unit: &usize| {
        let cell: Vec<f64> = steps.iter().map(|step| step.c[*unit]).collect();
        correlation(&cell, &sums).abs()
    };
    let units = 0..steps[0].c.len();
    let unit = units.max_by(|a, b| follows(a).total_cmp(&follows(b)))?;
    Some(Example {
        distance: job.distance,
        seed: job.seed,
        steps,
        sums,
        unit,
    })
}

/// Returns Pearson's correlation, or 0 if `a` or `b` is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product = |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - mean_a) * (b - mean_b))
            .sum()
    };
    let squares = product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b);
    match squares > 0.0 {
        true => product(a, mean_a, b, mean_b) / squares.sqrt(),
        false => 0.0,
    }
}
