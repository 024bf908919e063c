//! Interleaved repetitions: in each round everyone runs once, alone, and each round another one
//! begins.

use std::{collections::HashMap, thread::sleep, time::Duration};

use anyhow::Result;

use crate::{child::Child, peers::Peer, plan::Entrant};

/// What a repetition should last: as many calls in a row as this has room for.
const REPETITION: f64 = 0.03;
/// Rest before a repetition: threads that spin on when their work is done go to sleep.
const REST: Duration = Duration::from_millis(10);

/// Seconds of one call, in each round.
#[derive(Debug, Default)]
pub struct Timings(HashMap<Entrant, Vec<f64>>);

impl Timings {
    /// The median over all rounds.
    pub fn median(&self, entrant: Entrant) -> Option<f64> {
        median(self.0.get(&entrant)?.clone())
    }

    /// The least over all rounds.
    pub fn least(&self, entrant: Entrant) -> Option<f64> {
        self.0.get(&entrant)?.iter().copied().reduce(f64::min)
    }

    /// The median over all rounds of how many times longer `a` took than `b` in the same round.
    pub fn ratio(&self, a: Entrant, b: Entrant) -> Option<f64> {
        let (a, b) = (self.0.get(&a)?, self.0.get(&b)?);
        median(a.iter().zip(b).map(|(a, b)| a / b).collect())
    }

    /// Runs a group, round by round, and frees what it has left. Who fails is left out; `tell` hears
    /// of it.
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
            // Whose process has ended has nothing left, and fails when it is asked for more.
            let _ = child.forget();
        }
    }
}

/// How many calls make a repetition, after some that do not count. `None` for who has nothing for
/// this case, or is not there.
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

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}
