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
const HIDDEN: [usize; 2] = [128, 512];

/// The matrix product whose speed counts as the peak.
pub const SGEMM: [usize; 4] = [2048, 1, 2048, 2048];
/// The numbers of time steps that [`Section::Long`] compares.
pub const SHORT_AND_LONG: [usize; 2] = [64, 4096];

/// The layers to compare.
pub fn layers(kind: Kind) -> impl Iterator<Item = Case> {
    LAYERS.into_iter().map(move |sizes| kind.of(sizes))
}

/// The updates to compare.
pub fn updates() -> impl Iterator<Item = Case> {
    HIDDEN.into_iter().map(|h| Kind::Update.of([50, 50, 64, h]))
}

/// The streams to compare.
pub fn streams() -> impl Iterator<Item = Case> {
    HIDDEN.into_iter().map(|h| Kind::Stream.of([1, 1, 64, h]))
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
    let by_threads = |case: Case| [Peer::Ours, Peer::OursOneThread].map(|peer| (peer, case));

    let mut groups = Vec::new();
    for (kind, compared) in [
        (Kind::LstmForward, any(&[LstmForward])),
        (Kind::LstmTrain, any(&[LstmTrain, Peak])),
        (Kind::RnnTrain, any(&[RnnTrain])),
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
    if any(&[Update]) {
        groups.extend(updates().map(|case| everyone(case).to_vec()));
    }
    if any(&[Stream]) {
        groups.extend(streams().map(|case| everyone(case).to_vec()));
    }
    if any(&[Long]) {
        for kind in [Kind::LstmForward, Kind::LstmTrain] {
            groups.push(short_and_long(kind).map(|case| (Peer::Ours, case)).to_vec());
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}
