//! How long the rest of an experiment will take, judged by what has been trained.

use std::time::Duration;

use crate::{Experiment, Job, NetworkKind};

/// The trainings of an experiment, and how long they have taken. Times are counted from its start.
pub struct TimeLeft {
    budget: usize,
    trainings: Vec<Training>,
    /// When it was last judged.
    judged: Duration,
}

/// It is judged no more often than that.
const PAUSE: Duration = Duration::from_millis(200);

struct Training {
    job: Job,
    began: Option<Duration>,
    /// In seconds.
    took: f64,
    updates: usize,
    is_over: bool,
}

impl TimeLeft {
    /// Begins with nothing trained.
    pub fn new(experiment: &Experiment) -> Self {
        let training = |job| Training {
            job,
            began: None,
            took: 0.0,
            updates: 0,
            is_over: false,
        };
        TimeLeft {
            budget: experiment.budget.updates,
            trainings: experiment.jobs().into_iter().map(training).collect(),
            judged: Duration::ZERO,
        }
    }

    /// Notes that a network has done one more update `now`, or that it `is_over`.
    pub fn note(&mut self, job: &Job, is_over: bool, now: Duration) {
        let known = self.trainings.iter_mut().find(|known| {
            let other = &known.job;
            is_same_kind(other, job) && (other.distance, other.seed) == (job.distance, job.seed)
        });
        let known = known.expect("a job of the experiment");
        match known.began {
            Some(began) => {
                known.took = (now - began).as_secs_f64();
                known.updates += usize::from(!is_over);
            }
            // How long the first one took is not known.
            None => known.began = Some(now),
        }
        known.is_over = is_over;
    }

    /// Returns the seconds that all trainings together have taken, and those that they will still take; `None` if it
    /// has returned them a moment ago, or nothing is known yet.
    pub fn seconds(&mut self, now: Duration) -> Option<(f64, f64)> {
        if now < self.judged + PAUSE {
            return None;
        }
        self.judged = now;
        let spent: f64 = self.trainings.iter().map(|known| known.took).sum();
        let left = |known: &Training| match known.is_over {
            true => 0.0,
            false => (self.updates(known) - known.updates as f64) * self.of_update(&known.job),
        };
        (spent > 0.0).then(|| (spent, self.trainings.iter().map(left).sum()))
    }

    /// Guesses how many updates a network needs: as many as the same on the same task, or half the budget; or half of
    /// what is left of it, if it has had those in vain.
    fn updates(&self, training: &Training) -> f64 {
        let alike = |known: &&Training| known.is_over && is_same_kind(&known.job, &training.job);
        let over: Vec<f64> = self
            .trainings
            .iter()
            .filter(alike)
            .map(|known| known.updates as f64)
            .collect();
        let (done, budget) = (training.updates as f64, self.budget as f64);
        let mean = over.iter().sum::<f64>() / over.len() as f64;
        if mean > done {
            mean
        } else {
            (done + budget) / 2.0
        }
    }

    /// Guesses how many seconds an update takes: as many as of the same network on the same task, for as many time
    /// steps; if it has not done any, of the same network, or of any.
    fn of_update(&self, job: &Job) -> f64 {
        let has = |like: &dyn Fn(&Job) -> bool| {
            let alike = self
                .trainings
                .iter()
                .filter(|known| like(&known.job) && known.updates > 0);
            let (took, work) = alike.fold((0.0, 0.0), |(took, work), known| {
                let done = known.updates as f64 * work_of(&known.job);
                (took + known.took, work + done)
            });
            (work > 0.0).then(|| took / work)
        };
        let of_work = has(&|other| is_same_kind(other, job))
            .or_else(|| has(&|other| other.kind == job.kind))
            .or_else(|| has(&|_| true));
        of_work.unwrap_or(0.0) * work_of(job)
    }
}

fn is_same_kind(job: &Job, other: &Job) -> bool {
    (job.task.name(), job.kind) == (other.task.name(), other.kind)
}

/// Returns the work of an update in time steps; what each update does besides is worth some, too.
fn work_of(job: &Job) -> f64 {
    match job.kind {
        NetworkKind::FeedForward => 20.0,
        NetworkKind::Recurrent(_) => 10.0 + job.steps() as f64,
    }
}
