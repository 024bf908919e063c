//! What is measured: groups of runs, each of which starts with the one rank that the others are compared with.

use serde::{Deserialize, Serialize};

use crate::shape::Shape;

/// What lies between two ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    #[serde(rename = "none")]
    None,
    /// Nothing: each is a run of its own, at the same time, on its part of the rows.
    #[serde(rename = "apart")]
    Apart,
    #[serde(rename = "shared memory")]
    SharedMemory,
    #[serde(rename = "1 Gbit/s")]
    Slow,
    #[serde(rename = "10 Gbit/s")]
    Fast,
}

impl Network {
    pub const BETWEEN_RANKS: [Network; 3] = [Network::SharedMemory, Network::Slow, Network::Fast];

    pub fn title(self) -> &'static str {
        match self {
            Network::None => "–",
            Network::Apart => "apart",
            Network::SharedMemory => "shared memory",
            Network::Slow => "1 Gbit/s",
            Network::Fast => "10 Gbit/s",
        }
    }

    /// Returns the delay of the cable in seconds each way, and its rate in bytes a second.
    pub fn cable(self) -> Option<(f64, f64)> {
        match self {
            Network::None | Network::Apart | Network::SharedMemory => None,
            Network::Slow => Some((500e-6, 1e9 / 8.0)),
            Network::Fast => Some((50e-6, 10e9 / 8.0)),
        }
    }
}

/// One run of `char_lstm train`.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub network: Network,
    pub ranks: usize,
    /// Rows of all ranks together.
    pub batch: usize,
}

/// Runs of one model that are compared with the first.
pub struct Group {
    pub shape: Shape,
    /// Whether the cost model must not see it.
    pub held_out: bool,
    pub runs: Vec<Run>,
}

/// Returns what each round measures.
pub fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for hidden in [128, 512] {
        for network in Network::BETWEEN_RANKS {
            // The same batch on both ranks together, then the same on each.
            let mut runs = vec![one(50), two(network, 50), two(network, 100)];
            if network == Network::SharedMemory {
                // What the machine allows.
                runs.extend([two(Network::Apart, 50), two(Network::Apart, 100)]);
            }
            groups.push(group(2, hidden, false, runs));
        }
        // Few rows, as strong scaling leaves each rank; many, as it begins with.
        for rows in [1, 8, 200] {
            groups.push(group(2, hidden, false, vec![one(rows)]));
        }
    }
    for network in [Network::SharedMemory, Network::Fast] {
        groups.push(group(2, 256, true, vec![one(64), two(network, 64)]));
    }
    let runs = vec![one(40), two(Network::Slow, 40)];
    groups.push(group(3, 384, true, runs));
    let (memory, slow, fast) = (Network::SharedMemory, Network::Slow, Network::Fast);
    let runs = vec![one(32), two(memory, 64), two(fast, 64)];
    groups.push(group(1, 768, true, runs));
    let runs = vec![one(80), two(memory, 80), two(slow, 80)];
    groups.push(group(4, 192, true, runs));
    // Of the size that the forecast is about.
    groups.push(group(3, 2048, false, vec![one(4)]));
    groups.push(group(3, 2048, false, vec![one(50)]));
    let runs = vec![one(16), two(Network::Fast, 32)];
    groups.push(group(3, 2048, true, runs));
    groups
}

fn group(layers: usize, hidden: usize, held_out: bool, runs: Vec<Run>) -> Group {
    Group {
        shape: Shape { layers, hidden },
        held_out,
        runs,
    }
}

fn one(batch: usize) -> Run {
    Run {
        network: Network::None,
        ranks: 1,
        batch,
    }
}

fn two(network: Network, batch: usize) -> Run {
    Run {
        network,
        ranks: 2,
        batch,
    }
}
