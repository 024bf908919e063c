//! What one update learns from.

/// The same window of every lane, or of every document of a group: `[rows, time]` in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What the model reads.
    pub inputs: Vec<u32>,
    /// What it should predict at each step: the symbol that follows.
    pub targets: Vec<u32>,
    /// How many rows, and how many steps.
    pub shape: [usize; 2],
    /// How many steps of each row are text; padding follows them. `None` if there is no padding.
    pub lengths: Option<Vec<usize>>,
    /// Whether the rows begin here, from a state of zeros.
    pub begins: bool,
    /// The whole batch, if this is one rank's part of it.
    pub part_of: Option<Whole>,
}

/// A batch whose rows are dealt out to ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// How many rows it has.
    pub rows: usize,
    /// How many symbols it predicts.
    pub targets: usize,
}

impl Batch {
    /// Returns the whole batch.
    pub fn whole(&self) -> Whole {
        self.part_of.unwrap_or_else(|| Whole {
            rows: self.shape[0],
            targets: self.n_targets(),
        })
    }

    /// Returns how many symbols it predicts.
    pub fn n_targets(&self) -> usize {
        match &self.lengths {
            None => self.targets.len(),
            Some(lengths) => lengths.iter().sum(),
        }
    }
}
