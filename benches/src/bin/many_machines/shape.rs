//! The size of a model of `char_lstm` on tiny Shakespeare, and the work in it.

/// Characters of tiny Shakespeare.
const VOCABULARY: usize = 65;
/// Numbers in which the first layer gets a character.
const EMBEDDING: usize = 64;

/// An LSTM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub layers: usize,
    pub hidden: usize,
}

impl Shape {
    pub fn parameters(self) -> f64 {
        let cell = |input| 4 * self.hidden * (input + self.hidden + 1);
        let layers = cell(EMBEDDING) + (self.layers - 1) * cell(self.hidden);
        let head = VOCABULARY * (self.hidden + 1);
        (VOCABULARY * EMBEDDING + layers + head) as f64
    }

    /// Returns how many weights each character is multiplied with, forwards once and backwards twice. What the
    /// embedding and the first layer's input do is done once for all characters of the vocabulary.
    pub fn multiplied(self) -> f64 {
        let products = 4 * self.hidden * (2 * self.layers - 1) + VOCABULARY;
        (products * self.hidden) as f64
    }

    /// Returns how many recurrent weights a layer has, each gate apart.
    pub fn recurrent(self) -> f64 {
        (self.hidden * self.hidden) as f64
    }

    /// Returns how many units each character passes through.
    pub fn units(self) -> f64 {
        (self.layers * self.hidden) as f64
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}×{}", self.layers, self.hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_that_char_lstm_counts() {
        let shape = Shape {
            layers: 2,
            hidden: 128,
        };
        assert_eq!(shape.parameters(), 242_945.0);
    }
}
