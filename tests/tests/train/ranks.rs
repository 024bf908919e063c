//! Training on several ranks equals training on one.

use std::cell::Cell;

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CellKind;
use proptest::prelude::*;
use tests::{
    in_threads::{How, WHOLE, on_ranks, train_on},
    interrupted::{create, left, newest},
    tiny::{self, random_text, with_documents},
};
use train::{
    Batch, Corpus, Error, Run, RunConfig, Separator, Split, Units,
    batches::split,
    ranks::{Communicator, Share, share_of_sum},
};

type B = Autodiff<NdArray<f32>>;

/// Two layers of sixteen, seven rows, with validation: more than 100 updates.
fn config(cell: CellKind) -> RunConfig {
    RunConfig {
        hidden_size: 16,
        batch_size: 7,
        seq_length: 6,
        max_epochs: 2,
        val_frac: 0.1,
        ..tiny::config(cell, 5)
    }
}

fn text() -> String {
    random_text(9, 3000, 4)
}

/// Lines of one to thirty letters.
fn lines() -> String {
    let mut letters = text();
    for at in (0..letters.len()).step_by(17).rev() {
        letters.insert(at - at % 5, '\n');
    }
    letters
}

fn documents() -> (Corpus, RunConfig) {
    let separator: Separator = "lines".parse().expect("a separator");
    let how = with_documents(&separator);
    let corpus = Corpus::from_bytes("lines", lines().as_bytes(), &how).expect("a text");
    let config = RunConfig {
        documents: Some(separator),
        split: Split::Random,
        max_epochs: 8,
        ..config(CellKind::Lstm)
    };
    (corpus, config)
}

fn words() -> (Corpus, RunConfig) {
    let units = Units::Words;
    let text = lines().replace('a', " ");
    let corpus = Corpus::from_bytes("words", text.as_bytes(), &units.into()).expect("a text");
    let config = RunConfig {
        units,
        ..config(CellKind::Gru)
    };
    (corpus, config)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn losses_of_the_first_updates_equal_those_of_one_process() {
    // All cells are compared in double precision (models_f64): some let errors of rounding grow.
    let mut cases = vec![(tiny::corpus(&text()), config(CellKind::Lstm))];
    cases.extend([documents(), words()]);
    for (corpus, config) in &cases {
        let alone = folder();
        let expected = train_on::<B>(1, corpus, config, alone.path(), &WHOLE).expect("a run");
        for size in [2, 3, 4, 7] {
            let together = folder();
            let losses =
                train_on::<B>(size, corpus, config, together.path(), &WHOLE).expect("a run");
            assert_eq!(losses.len(), expected.len());
            let first = losses.iter().zip(&expected).take(100);
            for (update, (loss, expected)) in first.enumerate() {
                let difference = (loss - expected).abs();
                let cell = config.model.description().name;
                assert!(
                    difference < 1e-5,
                    "{cell}, {size} ranks, update {update}: {difference}"
                );
            }
        }
    }
}

#[test]
fn the_same_number_of_ranks_gives_the_same_bits() {
    for (corpus, config) in [documents(), (tiny::corpus(&text()), config(CellKind::Lstm))] {
        let folders = [folder(), folder()];
        for folder in &folders {
            train_on::<B>(3, &corpus, &config, folder.path(), &WHOLE).expect("a run");
        }
        let [a, b] = folders.map(|folder| left(folder.path()));
        assert!(a == b);
    }
}

#[test]
fn a_run_resumes_on_the_same_ranks_to_the_bit_and_on_any_others() {
    for (corpus, config) in [documents(), (tiny::corpus(&text()), config(CellKind::Lstm))] {
        let uninterrupted = folder();
        let losses =
            train_on::<B>(3, &corpus, &config, uninterrupted.path(), &WHOLE).expect("a run");
        for size in [3, 1, 2, 7] {
            let folder = folder();
            // Whoever is asked to stop, all do, after the update that was under way.
            let stopped = How {
                updates: 20,
                stopped_by: 2,
                ..WHOLE
            };
            let before =
                train_on::<B>(3, &corpus, &config, folder.path(), &stopped).expect("a run");
            assert!(before.len() > 10 && before.len() < 25, "{}", before.len());
            assert_eq!(newest(folder.path()), Some(before.len()));
            let resumed = How {
                resumes: true,
                ..WHOLE
            };
            let after =
                train_on::<B>(size, &corpus, &config, folder.path(), &resumed).expect("a run");
            let all: Vec<f64> = before.into_iter().chain(after).collect();
            if size == 3 {
                assert_eq!(all, losses);
                assert!(left(folder.path()) == left(uninterrupted.path()));
            }
            assert_eq!(all.len(), losses.len());
            for (ours, theirs) in all.iter().zip(&losses).take(100) {
                assert!(
                    (ours - theirs).abs() < 1e-5,
                    "{size} ranks: {ours} and {theirs}"
                );
            }
        }
    }
}

/// Then some ranks have no weights to step.
#[test]
fn more_ranks_than_weights_train() {
    let corpus = tiny::corpus(&random_text(2, 600, 4));
    let config = RunConfig {
        hidden_size: 1,
        embedding_size: 0,
        num_layers: 1,
        batch_size: 30,
        seq_length: 2,
        ..config(CellKind::Rnn)
    };
    let losses = |size| {
        let folder = folder();
        train_on::<B>(size, &corpus, &config, folder.path(), &WHOLE).expect("a run")
    };
    // There are eight weights, or nine.
    for (loss, expected) in losses(25).into_iter().zip(losses(1)) {
        assert!((loss - expected).abs() < 1e-5, "{loss} and {expected}");
    }
}

#[test]
fn more_ranks_than_rows_are_refused() {
    let (corpus, config) = (tiny::corpus(&text()), config(CellKind::Lstm));
    let refused = on_ranks(8, |ranks| {
        let joined = Run::<B>::join(&corpus, &config, &Default::default(), ranks);
        joined.map(|_| ()).expect_err("too many").to_string()
    });
    let expected =
        "batch_size 7: 8 ranks need at least 8 rows; give larger batches, or start fewer ranks";
    assert_eq!(refused, vec![expected; 8]);
}

/// A rank whose machine computes a bit differently.
struct Defective<'a> {
    ranks: &'a dyn Communicator,
    exchanges: Cell<usize>,
}

impl Communicator for Defective<'_> {
    fn rank(&self) -> usize {
        self.ranks.rank()
    }

    fn size(&self) -> usize {
        self.ranks.size()
    }

    fn exchange(&self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut received = self.ranks.exchange(parts);
        self.exchanges.set(self.exchanges.get() + 1);
        // Gradients and weights are long.
        let sums = received.iter_mut().find(|part| part.len() > 1000);
        if let (Some(sums), true) = (sums, self.exchanges.get() > 50) {
            // A bit of the last number's mantissa.
            let byte = sums.len() - 3;
            sums[byte] ^= 0x40;
        }
        received
    }
}

#[test]
fn a_rank_with_other_weights_is_named() {
    let (corpus, config) = (tiny::corpus(&text()), config(CellKind::Lstm));
    let folder = folder();
    let errors = on_ranks(3, |ranks| {
        let (device, exchanges) = (Default::default(), Cell::new(0));
        let defective = Defective { ranks, exchanges };
        let ranks: &dyn Communicator = match ranks.rank() {
            1 => &defective,
            _ => ranks,
        };
        let run = match ranks.rank() {
            0 => {
                let run = Run::<B>::new(&corpus, &config, &device, || Ok(create(folder.path())));
                run.and_then(|run| run.share(ranks))
            }
            _ => Run::join(&corpus, &config, &device, ranks),
        };
        let result = run.expect("ready").go(|| false, |_| ());
        result.map(|_| ()).expect_err("other weights")
    });
    for error in errors {
        assert!(
            matches!(error, Error::OtherWeights { rank: 1, .. }),
            "{error}"
        );
    }
}

/// Puts the parts of a batch together again.
fn joined(parts: &[Batch]) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let rows = |of: fn(&Batch) -> &[u32]| {
        let rows = parts.iter().flat_map(move |batch| {
            let lengths = match &batch.lengths {
                Some(lengths) => lengths.clone(),
                None => vec![batch.shape[1]; batch.shape[0]],
            };
            let rows = of(batch).chunks(batch.shape[1].max(1)).zip(lengths);
            rows.map(|(row, length)| row[..length].to_vec())
                .collect::<Vec<_>>()
        });
        rows.filter(|row| !row.is_empty()).collect()
    };
    (rows(|batch| &batch.inputs), rows(|batch| &batch.targets))
}

#[test]
fn the_parts_of_all_ranks_are_the_batch() {
    for (corpus, config) in [documents(), (tiny::corpus(&text()), config(CellKind::Lstm))] {
        let cut = || split(&corpus, &config.batches()).expect("long enough");
        let whole = cut();
        for size in [1, 2, 3, 7] {
            let parts: Vec<_> = (0..size)
                .map(|rank| {
                    let (mut train, val) = cut();
                    let mut val = val.expect("held out");
                    train.keep(Share::new(rank, size));
                    val.keep(Share::new(rank, size));
                    (train, val)
                })
                .collect();
            for index in 0..whole.0.n_batches() {
                let all = whole.0.batch(1, index).expect("in memory");
                let part =
                    |(train, _): &(train::Batches, _)| train.batch(1, index).expect("in memory");
                let parts: Vec<Batch> = parts.iter().map(part).collect();
                assert_eq!(joined(&parts), joined(std::slice::from_ref(&all)));
                assert!(parts.iter().all(|part| part.whole() == all.whole()));
            }
        }
    }
}

proptest! {
    #[test]
    fn shares_follow_one_another(n in 0..1000_usize, size in 1..50_usize) {
        let mut next = 0;
        for rank in 0..size {
            let share = Share::new(rank, size).of(n);
            prop_assert_eq!(share.start, next);
            prop_assert!(share.len() == n / size || share.len() == n.div_ceil(size));
            next = share.end;
        }
        prop_assert_eq!(next, n);
        prop_assert_eq!(Share::new(0, size).of(n).is_empty(), n == 0);
    }

    #[test]
    fn a_sum_adds_in_the_order_of_ranks(
        numbers in prop::collection::vec(prop::collection::vec(-1e3_f32..1e3, 2100), 1..6),
    ) {
        let shares = on_ranks(numbers.len(), |ranks| share_of_sum(ranks, &numbers[ranks.rank()]));
        let sum = |i| numbers.iter().map(|own| own[i]).reduce(|sum, addend| sum + addend);
        let expected: Option<Vec<f32>> = (0..2100).map(sum).collect();
        prop_assert_eq!(Some(shares.concat()), expected);
    }
}

#[test]
fn ranks_hear_one_another() {
    let heard = on_ranks(3, |ranks| {
        let own = [ranks.rank() as u8; 2];
        ranks.barrier();
        (
            ranks.gather(&own),
            ranks.all_gather(&own),
            ranks.broadcast(2, &own),
        )
    });
    let all = vec![vec![0, 0], vec![1, 1], vec![2, 2]];
    for (rank, (gathered, by_all, sent)) in heard.into_iter().enumerate() {
        assert_eq!(gathered, if rank == 0 { all.clone() } else { Vec::new() });
        assert_eq!(by_all, all);
        assert_eq!(sent, [2, 2]);
    }
}
