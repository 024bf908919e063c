//! Turns timings into the rows of the table.

use crate::{
    case::{Case, Kind},
    memory::Memory,
    peers::Peer,
    plan::{self, SGEMM, SHORT_AND_LONG, Section},
    rounds::Timings,
    table::{Cell, Row},
};

/// The rows of these sections, without those that could not be measured.
pub fn rows(
    wanted: &[Section],
    timings: &Timings,
    memory: &[(Peer, Case, Memory)],
    threads: usize,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for section in wanted {
        match section {
            Section::LstmForward => rows.extend(
                plan::layers(Kind::LstmForward)
                    .map(|case| times("LSTM, forward", case, "ms", timings)),
            ),
            Section::LstmTrain => rows.extend(
                plan::layers(Kind::LstmTrain)
                    .map(|case| times("LSTM, forward and backward", case, "ms", timings)),
            ),
            Section::RnnTrain => rows.extend(
                plan::layers(Kind::RnnTrain)
                    .map(|case| times("Rnn, forward and backward", case, "ms", timings)),
            ),
            Section::GruTrain => rows.extend(
                plan::layers(Kind::GruTrain)
                    .map(|case| times("Gru, forward and backward", case, "ms", timings)),
            ),
            Section::Bidirectional => rows.extend(plan::bidirectional().map(|case| {
                let what = "bidirectional LSTM, forward and backward";
                times(what, case, "ms", timings)
            })),
            Section::Padded => {
                let [padded, whole] = plan::padded_and_not();
                rows.extend([
                    times("LSTM, padded, forward and backward", padded, "ms", timings),
                    times("LSTM, forward and backward", whole, "ms", timings),
                    over(
                        "LSTM, padded, speed over no lengths",
                        whole,
                        padded,
                        timings,
                    ),
                ]);
            }
            Section::MinLstm => {
                let [min_lstm, lstm] = plan::min_lstm_and_lstm();
                rows.extend([
                    times("MinLstm, forward and backward", min_lstm, "ms", timings),
                    times("LSTM, forward and backward", lstm, "ms", timings),
                    over("MinLstm, speed over an LSTM", lstm, min_lstm, timings),
                ]);
            }
            Section::Update => rows.extend(
                plan::updates().map(|case| times("character model, update", case, "ms", timings)),
            ),
            Section::Stream => {
                rows.extend(plan::streams().flat_map(|[lstm, gru]| {
                    [
                        times("character model, one character", lstm, "µs", timings),
                        times("character model of Gru, one character", gru, "µs", timings),
                        over(
                            "character model of Gru, time over an LSTM's",
                            gru,
                            lstm,
                            timings,
                        ),
                    ]
                }));
            }
            Section::Peak => rows.extend(peak(timings)),
            Section::Threads => rows.extend(over_one_thread(timings, threads)),
            Section::Long => rows.extend(long(timings)),
            Section::Memory => rows.extend(update_memory(memory)),
        }
    }
    rows.retain(|row| !row.cells.is_empty());
    rows
}

/// Medians, and their ratios to ours.
fn times(what: &'static str, case: Case, unit: &'static str, timings: &Timings) -> Row {
    let scale = if unit == "µs" { 1e6 } else { 1e3 };
    let cell = |peer| {
        let value = timings.median((peer, case))? * scale;
        let ratio = timings.ratio((peer, case), (Peer::Ours, case));
        let ratio = ratio.filter(|_| peer != Peer::Ours);
        Some((peer, Cell { value, ratio }))
    };
    Row {
        what,
        sizes: case.sizes(),
        unit,
        cells: Peer::COMPARED.into_iter().filter_map(cell).collect(),
    }
}

/// How many times as long `a` takes as `b`.
fn over(what: &'static str, a: Case, b: Case, timings: &Timings) -> Row {
    let cell = |peer| Some((peer, plain(timings.ratio((peer, a), (peer, b))?)));
    Row {
        what,
        sizes: b.sizes(),
        unit: "×",
        cells: Peer::COMPARED.into_iter().filter_map(cell).collect(),
    }
}

/// The speed of a large matrix product, and the share of the fastest one that a layer reaches.
fn peak(timings: &Timings) -> Vec<Row> {
    let sgemm = Kind::Sgemm.of(SGEMM);
    let speed = |seconds: Option<f64>, case: Case| Some(case.flops()? / seconds?);
    let row = |what, case: Case, unit, value: &dyn Fn(Peer) -> Option<f64>| Row {
        what,
        sizes: case.sizes(),
        unit,
        cells: Peer::COMPARED
            .into_iter()
            .filter_map(|peer| Some((peer, plain(value(peer)?))))
            .collect(),
    };
    let best = |peer| speed(timings.least((peer, sgemm)), sgemm);
    let mut rows = vec![row("sgemm, best", sgemm, "GFLOP/s", &|peer| {
        Some(best(peer)? / 1e9)
    })];
    let Some(peak) = Peer::COMPARED.into_iter().filter_map(best).reduce(f64::max) else {
        return rows;
    };
    rows.extend(plan::layers(Kind::LstmTrain).map(|case| {
        row(
            "LSTM, forward and backward, share of the best sgemm",
            case,
            "%",
            &|peer| Some(100.0 * speed(timings.median((peer, case)), case)? / peak),
        )
    }));
    rows
}

fn over_one_thread(timings: &Timings, threads: usize) -> Vec<Row> {
    if threads == 1 {
        return Vec::new();
    }
    let row = |what, case: Case| Row {
        what,
        sizes: format!("{}, {threads} threads", case.sizes()),
        unit: "×",
        cells: timings
            .ratio((Peer::OursOneThread, case), (Peer::Ours, case))
            .map(|ratio| (Peer::Ours, plain(ratio)))
            .into_iter()
            .collect(),
    };
    let mut rows = Vec::new();
    for (kind, what) in [
        (Kind::LstmForward, "LSTM, forward, speed over one thread"),
        (
            Kind::LstmTrain,
            "LSTM, forward and backward, speed over one thread",
        ),
        (
            Kind::RnnTrain,
            "Rnn, forward and backward, speed over one thread",
        ),
        (
            Kind::GruTrain,
            "Gru, forward and backward, speed over one thread",
        ),
    ] {
        rows.extend(plan::layers(kind).map(|case| row(what, case)));
    }
    rows
}

fn long(timings: &Timings) -> Vec<Row> {
    let row = |(kind, what)| {
        let [short, long] = plan::short_and_long(kind);
        let steps = long.time as f64 / short.time as f64;
        let ratio = timings.ratio((Peer::Ours, long), (Peer::Ours, short));
        Row {
            what,
            sizes: format!(
                "{}, T{} over T{}",
                short.sizes(),
                SHORT_AND_LONG[1],
                SHORT_AND_LONG[0]
            ),
            unit: "×",
            cells: ratio
                .map(|ratio| (Peer::Ours, plain(ratio / steps)))
                .into_iter()
                .collect(),
        }
    };
    [
        (Kind::LstmForward, "LSTM, forward, time per step"),
        (Kind::LstmTrain, "LSTM, forward and backward, time per step"),
    ]
    .map(row)
    .into()
}

fn update_memory(memory: &[(Peer, Case, Memory)]) -> Vec<Row> {
    const MIB: f64 = 1024.0 * 1024.0;
    let row = |what, case: Case, bytes: fn(&Memory) -> f64| {
        let of = |peer| {
            let mut all = memory.iter();
            let found = all.find(|(whose, which, _)| (*whose, *which) == (peer, case));
            found.map(|(_, _, memory)| bytes(memory))
        };
        let cell = |peer| {
            let (value, ours) = (of(peer)?, of(Peer::Ours));
            let ratio = ours.map(|ours| value / ours).filter(|_| peer != Peer::Ours);
            let value = value / MIB;
            Some((peer, Cell { value, ratio }))
        };
        Row {
            what,
            sizes: case.sizes(),
            unit: "MiB",
            cells: Peer::COMPARED.into_iter().filter_map(cell).collect(),
        }
    };
    let mut rows = Vec::new();
    for case in plan::updates() {
        rows.push(row("update, memory of the process", case, |m| m.peak));
        rows.push(row("update, memory beyond that at the start", case, |m| {
            m.peak - m.before
        }));
    }
    rows
}

fn plain(value: f64) -> Cell {
    Cell { value, ratio: None }
}
