//! What an update costs: a rank's own work, then what it sends.
//!
//! ```text
//! update   = compute(rows of a rank, n ranks) + exchange(n ranks)
//! compute  = flops / rate                              the products; another rate if the weights are not cached
//!          + u · rows · steps · units                  gates, and other work on units
//!          + p · parameters / n                        norm, clip, step: of a rank's own stretch
//!          + q · bytes beyond cache
//! exchange = (2 · trips + 1) · (delay + (n − 1) · m)   m: the handling of a message
//!          + 2 · bytes of parameters · (n − 1) / n · (host + 1 / bandwidth)
//! ```
//!
//! Ranks exchange the gradients, then their norms, then the weights. A message of more than [`EAGER`] bytes is first
//! announced, then asked for, then sent: three trips.
//!
//! An older program, with which `benches/many-machines.csv` was measured, stepped all parameters on each rank, in a
//! single stretch, and sent no norms.

use anyhow::{Result, ensure};

use crate::{
    fit::{Measured, fit},
    measure::STEPS,
    plan::Network,
    rows::Row,
    shape::Shape,
};

/// The longest message that Open MPI sends by TCP without asking first.
const EAGER: f64 = 65536.0;
/// The bytes of cache that a rank can use; here, the third level's.
const CACHE: f64 = 32e6;
/// What Ethernet carries for a byte of a TCP stream: headers, and gaps between packets.
const ON_THE_WIRE: f64 = 1538.0 / 1448.0;

/// The constants of a rank's own work, in seconds.
pub struct Compute {
    /// A multiplication or addition.
    pub flop: f64,
    /// What it takes more if the recurrent weights are not in the cache.
    pub far_flop: f64,
    /// A unit, in one row and step.
    pub unit: f64,
    /// A parameter of a rank's own stretch.
    pub parameter: f64,
    /// A byte that is not in the cache: of parameters, their gradients, and the two moments of a rank's own.
    pub far_byte: f64,
}

impl Compute {
    pub fn fitted(rows: &[&Row]) -> Self {
        let row = |row: &&Row| Measured {
            causes: Self::causes(row.shape(), of_a_rank(row), row.stretches as f64),
            known: 0.0,
            sum: (row.ms - row.ms_communicating) / 1e3,
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        let [flop, far_flop, unit, parameter, far_byte] = fit(&rows);
        Compute {
            flop,
            far_flop,
            unit,
            parameter,
            far_byte,
        }
    }

    /// Returns the seconds of a rank with so many rows and one of so many stretches of the weights.
    pub fn seconds(&self, shape: Shape, rows: f64, stretches: f64) -> f64 {
        let constants = [
            self.flop,
            self.far_flop,
            self.unit,
            self.parameter,
            self.far_byte,
        ];
        dot(Self::causes(shape, rows, stretches), constants)
    }

    fn causes(shape: Shape, rows: f64, stretches: f64) -> [f64; 5] {
        let chars = rows * STEPS as f64;
        let flops = 6.0 * chars * shape.multiplied();
        // The weights for a step forwards, or those for one backwards and their gradients' part.
        let is_far = 16.0 * shape.recurrent() > CACHE / 2.0;
        [
            flops,
            if is_far { flops } else { 0.0 },
            chars * shape.units(),
            shape.parameters() / stretches,
            f64::max(
                0.0,
                4.0 * (2.0 + 2.0 / stretches) * shape.parameters() - CACHE,
            ),
        ]
    }
}

/// What connects a rank with the others.
#[derive(Clone, Copy)]
pub struct Link {
    /// Seconds of a trip.
    pub delay: f64,
    /// Seconds of handling a message, each trip.
    pub message: f64,
    /// Seconds of work on a byte: copies, additions.
    pub host: f64,
    /// Bytes a second that the cable carries; infinite without one.
    pub rate: f64,
}

impl Link {
    /// Fits the work of the hosts. The cable is taken to be what it says.
    pub fn fitted(network: Network, rows: &[&Row]) -> Result<Self> {
        let (delay, rate) = network.cable().unwrap_or((0.0, f64::INFINITY));
        let cable = Link {
            delay,
            rate,
            message: 0.0,
            host: 0.0,
        };
        let row = |row: &&Row| {
            let (shape, ranks) = (row.shape(), row.ranks as f64);
            let stretches = row.stretches as f64;
            Measured {
                causes: Self::causes(shape, ranks, stretches),
                known: cable.seconds(shape, ranks, stretches),
                sum: row.ms_communicating / 1e3,
            }
        };
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row.network == network)
            .map(row)
            .collect();
        ensure!(rows.len() > 1, "too few measurements: {}", network.title());
        let [message, host] = fit(&rows);
        Ok(Link {
            message,
            host,
            ..cable
        })
    }

    /// Returns how long ranks exchange gradients, norms and weights, which are stepped in so many stretches.
    pub fn seconds(&self, shape: Shape, ranks: f64, stretches: f64) -> f64 {
        let [messages, bytes] = Self::causes(shape, ranks, stretches);
        let trips = trips(shape, ranks, stretches);
        dot(
            [trips, messages, bytes],
            [self.delay, self.message, self.per_byte()],
        )
    }

    /// Returns the seconds that a byte takes in all.
    pub fn per_byte(&self) -> f64 {
        self.host + ON_THE_WIRE / self.rate
    }

    /// Messages that a rank handles, one after the other, and bytes that it sends.
    fn causes(shape: Shape, ranks: f64, stretches: f64) -> [f64; 2] {
        let others = ranks - 1.0;
        [
            trips(shape, ranks, stretches) * others,
            2.0 * 4.0 * shape.parameters() * others / ranks,
        ]
    }
}

fn trips(shape: Shape, ranks: f64, stretches: f64) -> f64 {
    let of_a_message = match 4.0 * shape.parameters() / ranks > EAGER {
        true => 3.0,
        false => 1.0,
    };
    let for_norms = match stretches > 1.0 {
        true => 1.0,
        false => 0.0,
    };
    2.0 * of_a_message + for_norms
}

/// Returns the rows of a rank.
pub fn of_a_rank(row: &Row) -> f64 {
    row.batch as f64 / row.ranks as f64
}

fn dot<const N: usize>(causes: [f64; N], constants: [f64; N]) -> f64 {
    causes.iter().zip(constants).map(|(a, b)| a * b).sum()
}
