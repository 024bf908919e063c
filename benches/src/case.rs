//! What is measured: a kind of work, and its sizes.

use std::{fmt, str::FromStr};

use anyhow::{Context, Result, bail};

/// A kind of work. `benches/peers.py` uses the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An LSTM layer over a batch of sequences, without gradients.
    LstmForward,
    /// The same, with the gradients of input and weights.
    LstmTrain,
    /// A plain recurrent layer over a batch of sequences, with the gradients of input and weights.
    RnnTrain,
    /// A GRU layer in PyTorch's form, the same.
    GruTrain,
    /// [`LAYERS`] bidirectional LSTM layers, the same.
    BidirectionalTrain,
    /// An LSTM layer over sequences of the lengths [`Case::lengths`], padded to `time` steps, the same.
    PaddedTrain,
    /// A minimal LSTM layer, the same.
    MinLstmTrain,
    /// A whole update of a character model: embedding, [`LAYERS`] LSTM layers, head, cross-entropy,
    /// gradients, clipping, Adam.
    Update,
    /// One character through the same model, from the state that the previous one left.
    Stream,
    /// The same with GRU layers.
    GruStream,
    /// `[batch·time, d_input]·[d_input, d_hidden]`
    Sgemm,
}

/// The number of layers in the character model, and of bidirectional ones.
pub const LAYERS: usize = 2;
/// The number of characters in its vocabulary.
pub const VOCABULARY: usize = 65;

/// A kind of work and its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// The kind of work.
    pub kind: Kind,
    /// Sequences in a batch.
    pub batch: usize,
    /// Steps of a sequence.
    pub time: usize,
    /// Size of each input vector; in a character model, of the embedding.
    pub d_input: usize,
    /// Size of the hidden state.
    pub d_hidden: usize,
}

impl Kind {
    const ALL: [Kind; 11] = [
        Kind::LstmForward,
        Kind::LstmTrain,
        Kind::RnnTrain,
        Kind::GruTrain,
        Kind::BidirectionalTrain,
        Kind::PaddedTrain,
        Kind::MinLstmTrain,
        Kind::Update,
        Kind::Stream,
        Kind::GruStream,
        Kind::Sgemm,
    ];

    fn name(self) -> &'static str {
        match self {
            Kind::LstmForward => "lstm-forward",
            Kind::LstmTrain => "lstm-train",
            Kind::RnnTrain => "rnn-train",
            Kind::GruTrain => "gru-train",
            Kind::BidirectionalTrain => "bidirectional-train",
            Kind::PaddedTrain => "padded-train",
            Kind::MinLstmTrain => "min-lstm-train",
            Kind::Update => "update",
            Kind::Stream => "stream",
            Kind::GruStream => "gru-stream",
            Kind::Sgemm => "sgemm",
        }
    }

    /// This kind of work with the sizes batch, time, d_input and d_hidden.
    pub fn of(self, [batch, time, d_input, d_hidden]: [usize; 4]) -> Case {
        Case {
            kind: self,
            batch,
            time,
            d_input,
            d_hidden,
        }
    }
}

impl Case {
    /// The lengths of the sequences of a padded batch: evenly spaced from 1 to `time`, in a mixed order.
    /// `benches/peers.py` has the same.
    pub fn lengths(self) -> Vec<usize> {
        let ranks = (0..self.batch).map(|row| 37 * row % self.batch);
        ranks
            .map(|rank| 1 + rank * (self.time - 1) / (self.batch - 1))
            .collect()
    }

    /// Multiplications and additions in the matrix products; the gradients take two more products for
    /// each one forward. `None` if they are not counted.
    pub fn flops(self) -> Option<f64> {
        let rows = 2.0 * (self.batch * self.time * self.d_hidden) as f64;
        let depth = (self.d_input + self.d_hidden) as f64;
        match self.kind {
            Kind::LstmForward => Some(rows * 4.0 * depth),
            Kind::LstmTrain => Some(3.0 * rows * 4.0 * depth),
            Kind::RnnTrain => Some(3.0 * rows * depth),
            Kind::Sgemm => Some(rows * self.d_input as f64),
            Kind::GruTrain
            | Kind::BidirectionalTrain
            | Kind::PaddedTrain
            | Kind::MinLstmTrain
            | Kind::Update
            | Kind::Stream
            | Kind::GruStream => None,
        }
    }

    /// The sizes, as the table shows them.
    pub fn sizes(self) -> String {
        let Case {
            batch,
            time,
            d_input,
            d_hidden,
            ..
        } = self;
        match self.kind {
            Kind::Update => format!("B{batch} T{time}, {LAYERS}×{d_hidden}"),
            Kind::Stream | Kind::GruStream => format!("{LAYERS}×{d_hidden}"),
            Kind::BidirectionalTrain => format!("B{batch} T{time} D{d_input}, {LAYERS}×{d_hidden}"),
            Kind::PaddedTrain => format!("B{batch} T1…{time} D{d_input} H{d_hidden}"),
            Kind::Sgemm => format!("{}×{d_input}×{d_hidden}", batch * time),
            _ => format!("B{batch} T{time} D{d_input} H{d_hidden}"),
        }
    }
}

/// As it is sent to a peer: `lstm-train 32 50 65 128`.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case {
            kind,
            batch,
            time,
            d_input,
            d_hidden,
        } = self;
        write!(f, "{} {batch} {time} {d_input} {d_hidden}", kind.name())
    }
}

impl FromStr for Case {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.with_context(|| format!("no case is called {name:?}"))?;
        let sizes: Vec<usize> = words
            .map(|word| {
                word.parse()
                    .with_context(|| format!("not a size: {word:?}"))
            })
            .collect::<Result<_>>()?;
        let Ok(sizes) = <[usize; 4]>::try_from(sizes) else {
            bail!("{text:?}: a case has four sizes, batch, time, d_input and d_hidden");
        };
        Ok(kind.of(sizes))
    }
}
