//! How long each answer took.

use std::{collections::BTreeMap, fmt, time::Duration};

/// Latencies in microseconds.
#[derive(Default)]
pub struct Latencies(Vec<f64>);

impl Latencies {
    pub fn push(&mut self, latency: Duration) {
        self.0.push(latency.as_nanos() as f64 / 1e3);
    }

    /// Returns the latency that this share of all, from 0 to 1, does not exceed, or none without any.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// Counts latencies from `10^(i/10)` to `10^((i+1)/10)` µs, for each `i` that has any.
    pub fn histogram(&self) -> BTreeMap<i32, u32> {
        let mut bins = BTreeMap::new();
        for latency in &self.0 {
            let bin = (10.0 * latency.max(1e-3).log10()).floor() as i32;
            *bins.entry(bin).or_default() += 1;
        }
        bins
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} forecasts", self.0.len())?;
        for (label, share) in [
            ("in µs: p50", 0.5),
            ("p90", 0.9),
            ("p99", 0.99),
            ("p99.9", 0.999),
            ("max", 1.0),
        ] {
            if let Some(latency) = self.percentile(share) {
                write!(f, ", {label} {latency:.1}")?;
            }
        }
        Ok(())
    }
}
