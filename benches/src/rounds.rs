//! Interleaved repetitions: in each round every peer runs once, alone, and each round starts with a
//! different one.

use std::{collections::HashMap, thread::sleep, time::Duration};

use anyhow::Result;

use crate::{child::Child, peers::Peer, plan::Entrant};

/// Seconds that a repetition should last: it makes as many calls in a row as fit.
const REPETITION: f64 = 0.03;
/// Rest before a repetition, so that threads that spin after their work go to sleep.
const REST: Duration = Duration::from_millis(10);

/// The seconds per call in each round.
#[derive(Debug, Default)]
pub struct Timings(HashMap<Entrant, Vec<f64>>);

impl Timings {
    /// The median over all rounds.
    pub fn median(&self, entrant: Entrant) -> Option<f64> {
        median(self.0.get(&entrant)?.clone())
    }

    /// The minimum over all rounds.
    pub fn least(&self, entrant: Entrant) -> Option<f64> {
        self.0.get(&entrant)?.iter().copied().reduce(f64::min)
    }

    /// The median over all rounds of the time of `a` over the time of `b` in the same round.
    pub fn ratio(&self, a: Entrant, b: Entrant) -> Option<f64> {
        let (a, b) = (self.0.get(&a)?, self.0.get(&b)?);
        median(a.iter().zip(b).map(|(a, b)| a / b).collect())
    }

    /// Runs a group round by round, then frees what it left. A peer that fails is dropped, and reported to
    /// `tell`.
    pub fn run(
        &mut self,
        group: &[Entrant],
        children: &mut [Child],
        rounds: usize,
        mut tell: impl FnMut(String),
    ) {
        let mut running: Vec<(Entrant, u32)> = Vec::new();
        for &entrant in group {
            match warm_up(entrant, children) {
                Ok(Some(calls)) => running.push((entrant, calls)),
                Ok(None) => {}
                Err(error) => tell(failed(entrant, &error)),
            }
        }
        for round in 0..rounds {
            let n = running.len().max(1);
            running.rotate_left(round.min(1) % n);
            running.retain(|&(entrant, calls)| match time(entrant, children, calls) {
                Ok(Some(seconds)) => {
                    self.0.entry(entrant).or_default().push(seconds);
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    tell(failed(entrant, &error));
                    self.0.remove(&entrant);
                    false
                }
            });
        }
        for child in children {
            // A process that has ended fails here, but has nothing left to free.
            let _ = child.forget();
        }
    }
}

/// The number of calls in a repetition, after some that do not count. `None` if the peer cannot do this
/// case, or is not installed.
fn warm_up(entrant: Entrant, children: &mut [Child]) -> Result<Option<u32>> {
    time(entrant, children, 1)?;
    let seconds = time(entrant, children, 1)?;
    Ok(seconds.map(|seconds| (REPETITION / seconds).clamp(1.0, 10_000.0) as u32))
}

fn time((peer, case): Entrant, children: &mut [Child], calls: u32) -> Result<Option<f64>> {
    sleep(REST);
    let child = children.iter_mut().find(|child| child.peer == peer);
    child.map_or(Ok(None), |child| child.time(case, calls))
}

fn failed((peer, case): (Peer, impl std::fmt::Display), error: &anyhow::Error) -> String {
    format!("{}, {case}: {error:#}", peer.title())
}

/// Returns the median, if there are values.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}
