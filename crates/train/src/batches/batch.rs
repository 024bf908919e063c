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
}

impl Batch {
    /// Returns how many symbols it predicts.
    pub fn n_targets(&self) -> usize {
        match &self.lengths {
            None => self.targets.len(),
            Some(lengths) => lengths.iter().sum(),
        }
    }
}
