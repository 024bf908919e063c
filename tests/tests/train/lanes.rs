//! How a text is cut: what each window holds, what is held out, and how short a text may be.

use proptest::prelude::*;
use train::{
    BatchConfig, Corpus, Error, RunConfig, Split, Units,
    batches::lanes::{Lanes, split},
};

/// A text to be cut. Its tokens are their own places, so that a window tells where it is from.
#[derive(Debug)]
struct Problem {
    corpus: Corpus,
    config: BatchConfig,
}

/// `n` characters in ascending order.
fn places(n: usize) -> Corpus {
    let text: String = ('\u{100}'..).take(n).collect();
    tests::tiny::corpus(&text)
}

fn problem(n: usize, split: Split, val_frac: f64, batch_size: usize, seq_length: usize) -> Problem {
    Problem {
        corpus: places(n),
        config: BatchConfig {
            split,
            val_frac,
            batch_size,
            seq_length,
            ..RunConfig::default().batches()
        },
    }
}

fn problems(split: Split, val_frac: impl Strategy<Value = f64>) -> impl Strategy<Value = Problem> {
    (2..2000_usize, val_frac, 1..=20_usize, 1..=20_usize)
        .prop_map(move |(n, val_frac, batch, seq)| problem(n, split, val_frac, batch, seq))
}

/// The same problem on a text three times as long as the batch and the window need at least, with
/// the share held out that it has, and as long as that share needs to hold something.
fn long_enough(mut problem: Problem) -> Problem {
    let config = &problem.config;
    let to_train = (config.batch_size * config.seq_length + 1) as f64 / (1.0 - config.val_frac);
    let n = problem.corpus.n_symbols() + 3 * to_train as usize + 200;
    problem.corpus = places(n);
    if let Err(Error::TooShort { needed, .. }) = split(&problem.corpus, &problem.config) {
        problem.corpus = places(needed);
    }
    problem
}

impl Problem {
    fn n(&self) -> usize {
        self.corpus.n_symbols()
    }

    fn split(&self) -> (Lanes<'_>, Option<Lanes<'_>>) {
        split(&self.corpus, &self.config).expect("a text that is long enough")
    }
}

/// The places that each lane predicts, in the order of its windows. Checks on the way that targets
/// follow their inputs, and that windows are full but for the last.
fn targets(lanes: &Lanes, seq_length: usize) -> Vec<Vec<usize>> {
    let batches: Result<Vec<_>, _> = lanes.batches(seq_length).collect();
    let batches = batches.expect("in memory");
    assert_eq!(batches.len(), lanes.n_batches(seq_length));
    let mut targets = vec![Vec::new(); batches[0].shape[0]];
    for (i, batch) in batches.iter().enumerate() {
        let [n_lanes, time] = batch.shape;
        assert_eq!(n_lanes, targets.len());
        assert!(time == seq_length || i + 1 == batches.len() && (1..seq_length).contains(&time));
        let followers: Vec<u32> = batch.inputs.iter().map(|input| input + 1).collect();
        assert_eq!(batch.targets, followers);
        for (lane, part) in targets.iter_mut().zip(batch.targets.chunks_exact(time)) {
            lane.extend(part.iter().map(|&target| target as usize));
        }
    }
    assert_eq!(targets.iter().map(Vec::len).sum::<usize>(), lanes.targets());
    targets
}

/// Whether the places of one lane follow one another.
fn is_contiguous(lane: &[usize]) -> bool {
    lane.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

fn is_without_repeats(places: impl Iterator<Item = usize>) -> bool {
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places.windows(2).all(|pair| pair[0] < pair[1])
}

const VAL_FRACS: [f64; 6] = [0.0, 0.05, 0.1, 1.0 / 3.0, 0.5, 0.9];

fn val_fracs() -> impl Strategy<Value = f64> {
    prop_oneof![prop::sample::select(&VAL_FRACS), 0.01..0.95]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn lanes_are_contiguous_and_predict_each_place_once(
        problem in prop_oneof![
            problems(Split::Tail, val_fracs()),
            problems(Split::Lanes, val_fracs()),
        ]
        .prop_map(long_enough)
    ) {
        let (train, val) = problem.split();
        let seq_length = problem.config.seq_length;
        prop_assert_eq!(val.is_some(), problem.config.val_frac > 0.0);

        let train = targets(&train, seq_length);
        prop_assert_eq!(train.len(), problem.config.batch_size);
        prop_assert!(train.iter().all(|lane| lane.len() == train[0].len()));
        prop_assert_eq!(train[0].len() % seq_length, 0, "a whole number of windows");

        let val = val.map_or(Vec::new(), |lanes| targets(&lanes, seq_length));
        let lanes = || train.iter().chain(&val);
        prop_assert!(lanes().all(|lane| is_contiguous(lane)));
        prop_assert!(is_without_repeats(lanes().flatten().copied()));
    }

    #[test]
    fn the_tail_is_not_trained_on_and_all_of_the_rest_is(
        problem in problems(Split::Tail, val_fracs()).prop_map(long_enough)
    ) {
        let (train, val) = problem.split();
        let BatchConfig { val_frac, batch_size, seq_length, .. } = problem.config;
        let held_out = (problem.n() as f64 * val_frac).floor() as usize;
        let tail = problem.n() - held_out..problem.n();

        let train = targets(&train, seq_length);
        prop_assert!(train.iter().flatten().all(|target| !tail.contains(target)));
        // The text's first symbol is no target; what is left over makes no window in each lane.
        let left_over = tail.start - 1 - train.iter().map(Vec::len).sum::<usize>();
        prop_assert!(left_over < batch_size * seq_length);

        if let Some(val) = val {
            let val = targets(&val, seq_length);
            prop_assert!((1..=batch_size).contains(&val.len()));
            prop_assert!(val.iter().flatten().all(|target| tail.contains(target)));
            // What is left over makes no step in each lane, and the tail's first symbol may be
            // what the first prediction is from.
            let left_over = held_out - val.iter().map(Vec::len).sum::<usize>();
            prop_assert!(left_over <= val.len(), "{left_over} of {held_out}");
        }
    }

    /// `train.lua` and `util/CharSplitLMMinibatchLoader.lua` of char-rnn: every lane is a
    /// `batch_size`-th of the text; of its windows, 95 % are trained on, the others are validated on.
    #[test]
    fn the_lanes_split_is_that_of_char_rnn(
        problem in problems(Split::Lanes, Just(0.05)).prop_map(long_enough)
    ) {
        let (train, val) = problem.split();
        let BatchConfig { batch_size, seq_length, .. } = problem.config;
        let batches = (problem.n() - 1) / (batch_size * seq_length);
        let n_train = batches * 95 / 100;
        prop_assert_eq!(train.n_batches(seq_length), n_train);

        let train = targets(&train, seq_length);
        let val = targets(&val.expect("validation"), seq_length);
        prop_assert_eq!(val.len(), batch_size);
        for (i, (train, val)) in train.iter().zip(&val).enumerate() {
            prop_assert_eq!(train.len(), n_train * seq_length);
            prop_assert_eq!(val.len(), (batches - n_train) * seq_length);
            prop_assert_eq!(train[0], i * batches * seq_length + 1);
            prop_assert_eq!(val[0], train[train.len() - 1] + 1);
        }
    }

    #[test]
    fn a_text_of_any_length_is_cut_or_too_short(
        n in 2..=200_usize,
        (batch_size, seq_length) in (1..=20_usize, 1..=20_usize),
        val_frac in 0.0..1.0,
        tail in any::<bool>(),
    ) {
        let kind = if tail { Split::Tail } else { Split::Lanes };
        let problem = problem(n, kind, val_frac, batch_size, seq_length);
        match split(&problem.corpus, &problem.config) {
            Ok((train, val)) => {
                targets(&train, seq_length);
                if let Some(val) = val {
                    targets(&val, seq_length);
                }
            }
            Err(Error::TooShort { found, needed, .. }) => {
                prop_assert_eq!(found, n);
                prop_assert!(needed > n);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn the_tail_split_says_exactly_how_short_a_text_may_be() {
    needed_is_the_least_that_works(Split::Tail);
}

#[test]
fn the_lanes_split_says_exactly_how_short_a_text_may_be() {
    needed_is_the_least_that_works(Split::Lanes);
}

fn needed_is_the_least_that_works(kind: Split) {
    for val_frac in VAL_FRACS {
        for (batch_size, seq_length) in [(1, 1), (1, 4), (3, 1), (3, 4), (7, 5)] {
            let needed = |n: usize| {
                let problem = problem(n, kind, val_frac, batch_size, seq_length);
                match split(&problem.corpus, &problem.config) {
                    Ok(_) => None,
                    Err(Error::TooShort { needed, .. }) => Some(needed),
                    Err(other) => panic!("{other}"),
                }
            };
            let least = (2..).find(|&n| needed(n).is_none()).expect("enough");
            let what = format!("{kind:?} {val_frac} {batch_size} x {seq_length}");
            for n in 2..least {
                assert_eq!(needed(n), Some(least), "{what}: {n} symbols");
            }
            for n in least..2 * least {
                assert_eq!(needed(n), None, "{what}: {n} symbols, but {least} work");
            }
        }
    }
}

#[test]
fn too_short_says_what_to_do() {
    let problem = problem(20, Split::Tail, 0.1, 5, 7);
    let error = split(&problem.corpus, &problem.config).expect_err("a text too short");
    let message = error.to_string();
    for part in [
        "text",
        "20",
        "a batch size of 5",
        "a sequence length of 7",
        "0.1",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn windows_of_a_text_by_hand() {
    // Two lanes of five steps, read three at a time.
    let corpus = Corpus::from_bytes("text", b"the quick brown fox", &Units::Bytes.into());
    let corpus = corpus.expect("a text");
    let lanes = Lanes::new(&corpus, vec![4, 10], 5);
    let text = |tokens: &[u32]| -> String {
        let symbols = tokens.iter().map(|&token| char::from(token as u8));
        symbols.collect()
    };
    let batches: Vec<_> = lanes
        .batches(3)
        .map(|batch| batch.expect("in memory"))
        .map(|batch| (text(&batch.inputs), text(&batch.targets), batch.shape))
        .collect();
    let expected = [("quibro", "uicrow", [2, 3]), ("ckwn", "k n ", [2, 2])];
    assert_eq!(batches.len(), expected.len());
    for ((inputs, targets, shape), expected) in batches.iter().zip(expected) {
        assert_eq!((inputs.as_str(), targets.as_str(), *shape), expected);
    }
}
