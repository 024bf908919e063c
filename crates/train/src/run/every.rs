//! How often a run is saved or validated.

use std::{fmt, str::FromStr, time::Duration};

use crate::serde_text::serde_as_text;

/// Every so many updates, every so many minutes, or whichever comes first; 0 is never.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Every {
    /// Updates from one time to the next.
    pub updates: usize,
    /// Minutes from one time to the next, at least.
    pub minutes: f64,
}

impl Every {
    pub(crate) const RULE: &str =
        "must be N (updates), Mm (minutes) or N,Mm (whichever comes first); 0 is never";

    pub(crate) fn is_valid(self) -> bool {
        (0.0..=1e9).contains(&self.minutes)
    }

    /// Returns whether it is time after `update` updates in all, if the last time was `since` ago.
    pub fn is_due(self, update: usize, since: Duration) -> bool {
        let by_updates = self.updates > 0 && update.is_multiple_of(self.updates);
        by_updates || self.minutes > 0.0 && since.as_secs_f64() >= 60.0 * self.minutes
    }
}

/// `500`, `10m`, `500,10m`, `0`.
impl FromStr for Every {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = |text: &str| text.parse().map_err(|_| Self::RULE);
        let minutes = |text: &str| text.parse::<f64>().map_err(|_| Self::RULE);
        let (updates, minutes) = match (text.split_once(','), text.strip_suffix('m')) {
            (Some((updates, rest)), _) => {
                let rest = rest.strip_suffix('m').ok_or(Self::RULE)?;
                (count(updates)?, minutes(rest)?)
            }
            (None, Some(rest)) => (0, minutes(rest)?),
            (None, None) => (count(text)?, 0.0),
        };
        let every = Every { updates, minutes };
        if every.is_valid() {
            Ok(every)
        } else {
            Err(Self::RULE)
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.updates, self.minutes) {
            (updates, 0.0) => write!(f, "{updates}"),
            (0, minutes) => write!(f, "{minutes}m"),
            (updates, minutes) => write!(f, "{updates},{minutes}m"),
        }
    }
}

serde_as_text!(Every);
