//! Which peer runs which cases.

use clap::ValueEnum;

use crate::{
    case::{Case, Kind},
    peers::Peer,
};

/// A part of the comparison, as named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// LSTM layer, forward
    LstmForward,
    /// LSTM layer, forward and backward
    LstmTrain,
    /// plain recurrent layer, forward and backward
    RnnTrain,
    /// GRU layer, forward and backward
    GruTrain,
    /// two bidirectional LSTM layers, forward and backward
    Bidirectional,
    /// LSTM layer over a padded batch, forward and backward
    Padded,
    /// minimal LSTM layer, forward and backward
    MinLstm,
    /// an update of a character model
    Update,
    /// one streamed character
    Stream,
    /// share of the sgemm peak that an LSTM layer reaches, forward and backward
    Peak,
    /// speed with all threads over one
    Threads,
    /// time per step of long sequences
    Long,
    /// memory of an update
    Memory,
}

/// A case, and the peer that runs it.
pub type Entrant = (Peer, Case);

/// batch, time, d_input, d_hidden
const LAYERS: [[usize; 4]; 3] = [[32, 50, 65, 128], [50, 50, 128, 128], [64, 50, 128, 512]];
const BIDIRECTIONAL: [[usize; 4]; 2] = [[32, 50, 128, 128], [64, 50, 128, 256]];
const PADDED: [usize; 4] = [64, 100, 128, 512];
const MIN_LSTM: [usize; 4] = [4, 4096, 512, 512];
const HIDDEN: [usize; 2] = [128, 512];

/// The matrix product whose speed counts as the peak.
pub const SGEMM: [usize; 4] = [2048, 1, 2048, 2048];
/// The numbers of time steps that [`Section::Long`] compares.
pub const SHORT_AND_LONG: [usize; 2] = [64, 4096];

/// The layers to compare.
pub fn layers(kind: Kind) -> impl Iterator<Item = Case> {
    LAYERS.into_iter().map(move |sizes| kind.of(sizes))
}

/// The bidirectional layers to compare.
pub fn bidirectional() -> impl Iterator<Item = Case> {
    let sizes = BIDIRECTIONAL.into_iter();
    sizes.map(|sizes| Kind::BidirectionalTrain.of(sizes))
}

/// A padded batch, and the same batch without lengths.
pub fn padded_and_not() -> [Case; 2] {
    [Kind::PaddedTrain, Kind::LstmTrain].map(|kind| kind.of(PADDED))
}

/// A minimal LSTM, and an LSTM of the same sizes.
pub fn min_lstm_and_lstm() -> [Case; 2] {
    [Kind::MinLstmTrain, Kind::LstmTrain].map(|kind| kind.of(MIN_LSTM))
}

/// The updates to compare.
pub fn updates() -> impl Iterator<Item = Case> {
    HIDDEN.into_iter().map(|h| Kind::Update.of([50, 50, 64, h]))
}

/// The streams to compare: of an LSTM and of a GRU of the same sizes.
pub fn streams() -> impl Iterator<Item = [Case; 2]> {
    let kinds = [Kind::Stream, Kind::GruStream];
    let sizes = HIDDEN.into_iter().map(|h| [1, 1, 64, h]);
    sizes.map(move |sizes| kinds.map(|kind| kind.of(sizes)))
}

/// The same layer with a short and a long sequence.
pub fn short_and_long(kind: Kind) -> [Case; 2] {
    SHORT_AND_LONG.map(|time| kind.of([32, time, 65, 128]))
}

/// What to run for these sections, in groups whose repetitions are interleaved.
pub fn groups(wanted: &[Section]) -> Vec<Vec<Entrant>> {
    use Section::*;
    let any = |sections: &[Section]| sections.iter().any(|section| wanted.contains(section));
    let everyone = |case: Case| Peer::COMPARED.map(|peer| (peer, case));
    // Cases that are compared with one another too.
    let ours_and_pytorch = |cases: [Case; 2]| {
        let peers = |case| [Peer::Ours, Peer::Pytorch].map(|peer| (peer, case));
        cases.map(peers).concat()
    };
    let by_threads = |case: Case| [Peer::Ours, Peer::OursOneThread].map(|peer| (peer, case));

    let mut groups = Vec::new();
    for (kind, compared) in [
        (Kind::LstmForward, any(&[LstmForward])),
        (Kind::LstmTrain, any(&[LstmTrain, Peak])),
        (Kind::RnnTrain, any(&[RnnTrain])),
        (Kind::GruTrain, any(&[GruTrain])),
    ] {
        for case in layers(kind) {
            let mut group = Vec::new();
            if compared {
                group.extend(everyone(case));
            }
            if any(&[Threads]) {
                let more = by_threads(case).into_iter();
                group.extend(more.filter(|entrant| !compared || entrant.0 != Peer::Ours));
            }
            // In the same rounds as the layers that are compared with it.
            if kind == Kind::LstmTrain && any(&[Peak]) {
                group.extend(everyone(Kind::Sgemm.of(SGEMM)));
            }
            groups.push(group);
        }
    }
    if any(&[Bidirectional]) {
        groups.extend(bidirectional().map(|case| everyone(case).to_vec()));
    }
    if any(&[Padded]) {
        groups.push(ours_and_pytorch(padded_and_not()));
    }
    if any(&[MinLstm]) {
        groups.push(ours_and_pytorch(min_lstm_and_lstm()));
    }
    if any(&[Update]) {
        groups.extend(updates().map(|case| everyone(case).to_vec()));
    }
    if any(&[Stream]) {
        groups.extend(streams().map(ours_and_pytorch));
    }
    if any(&[Long]) {
        for kind in [Kind::LstmForward, Kind::LstmTrain] {
            groups.push(short_and_long(kind).map(|case| (Peer::Ours, case)).to_vec());
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}
