//! The learning rate in time, at points computed by hand, and schedules as words.

use proptest::prelude::*;
use train::Schedule;

/// The factors of all updates of a run.
fn factors(schedule: Schedule, epoch_length: usize, updates: usize) -> Vec<f64> {
    let factor = |update| schedule.factor(update, epoch_length, updates, 0);
    (0..updates).map(factor).collect()
}

fn assert_factors(schedule: Schedule, epoch_length: usize, expected: &[f64]) {
    let factors = factors(schedule, epoch_length, expected.len());
    for (update, (ours, expected)) in factors.iter().zip(expected).enumerate() {
        let error = (ours - expected).abs();
        assert!(
            error < 1e-12,
            "{schedule}, update {update}: {ours}, not {expected}"
        );
    }
}

#[test]
fn constant_is_1() {
    assert_factors(Schedule::Constant, 2, &[1.0; 7]);
}

/// `train.lua` of char-rnn: `if i % loader.ntrain == 0 and epoch >= opt.learning_rate_decay_after`,
/// where `epoch = i / loader.ntrain` and i counts updates from 1: the rate is multiplied after the
/// last update of epoch `after`, and of every later one.
#[test]
fn decay_is_that_of_char_rnn() {
    for (after, epoch_length) in [(1, 1), (1, 3), (2, 3), (10, 2)] {
        let mut rate = 1.0;
        let mut expected = Vec::new();
        for i in 1..=15 * epoch_length {
            expected.push(rate);
            let epoch = i / epoch_length;
            if i % epoch_length == 0 && epoch >= after {
                rate *= 0.97;
            }
        }
        let decay = Schedule::Decay {
            factor: 0.97,
            after,
        };
        assert_factors(decay, epoch_length, &expected);
    }
}

#[test]
fn decay_by_hand() {
    let decay = Schedule::Decay {
        factor: 0.5,
        after: 2,
    };
    assert_factors(decay, 2, &[1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]);
}

#[test]
fn step_by_hand() {
    let step = Schedule::Step {
        factor: 0.1,
        every: 2,
    };
    let expected = [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01];
    assert_factors(step, 2, &expected);
}

#[test]
fn cosine_by_hand() {
    // A third and two thirds of the way up; then cos 0, π/4, π/2, 3π/4 of the way down.
    let half = 0.5_f64.sqrt();
    let expected = [
        1.0 / 3.0,
        2.0 / 3.0,
        1.0,
        (1.0 + half) / 2.0,
        0.5,
        (1.0 - half) / 2.0,
    ];
    assert_factors(Schedule::Cosine { warmup: 2 }, 4, &expected);
    assert_factors(Schedule::Cosine { warmup: 0 }, 1, &[1.0, 0.5]);
}

#[test]
fn a_warm_up_as_long_as_the_run_goes_up_only() {
    for (warmup, updates) in [(5, 5), (5, 3), (1, 1), (usize::MAX, 3)] {
        let schedule = Schedule::Cosine { warmup };
        let factors = factors(schedule, 1, updates);
        assert!(factors.iter().all(|&factor| factor > 0.0 && factor < 1.0));
        assert!(factors.is_sorted());
    }
    // Beyond the end of the run too, there is nothing to divide by.
    assert!(
        Schedule::Cosine { warmup: 3 }
            .factor(3, 1, 3, 0)
            .is_finite()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cosine_goes_up_to_1_and_down_to_nearly_0(warmup in 0..200_usize, down in 20..500_usize) {
        let factors = factors(Schedule::Cosine { warmup }, 7, warmup + down);
        let (up, down) = factors.split_at(warmup);
        prop_assert!(factors.iter().all(|&factor| factor > 0.0 && factor <= 1.0));
        prop_assert!(up.is_sorted_by(|a, b| a < b));
        prop_assert!(up.first().is_none_or(|&first| first <= 0.5));
        prop_assert_eq!(down[0], 1.0);
        prop_assert!(down.is_sorted_by(|a, b| a > b));
        prop_assert!(down[down.len() - 1] < 0.01);
    }

    #[test]
    fn a_schedule_is_a_word(factor in 1e-9..10.0_f64, n in 1..1_000_000_usize) {
        for schedule in [
            Schedule::Constant,
            Schedule::Decay { factor, after: n },
            Schedule::Step { factor, every: n },
            Schedule::Cosine { warmup: n - 1 },
            Schedule::Plateau { factor, patience: n },
        ] {
            let word = schedule.to_string();
            prop_assert_eq!(word.parse(), Ok(schedule), "{}", word);
        }
    }
}

#[test]
fn words_that_are_no_schedule_are_refused() {
    for word in [
        "",
        "linear",
        "Constant",
        " constant",
        "constant:1",
        "decay",
        "decay:0.5",
        "decay:0.5:",
        "decay:0.5:0",
        "decay:0:3",
        "decay:-0.5:3",
        "decay:NaN:3",
        "decay:inf:3",
        "decay:0.5:2.5",
        "decay:0.5:-1",
        "decay:0.5:3:4",
        "decay:half:3",
        "step:0.5",
        "step:0.5:0",
        "step:0:3",
        "step:inf:3",
        "cosine",
        "cosine:",
        "cosine:-1",
        "cosine:1.5",
        "cosine:1:2",
        "plateau",
        "plateau:0.5",
        "plateau:0.5:0",
        "plateau:0:3",
        "plateau:inf:3",
        "plateau:0.5:3:1",
    ] {
        let parsed = word.parse::<Schedule>();
        assert!(parsed.is_err(), "{word:?} is {parsed:?}");
    }
}
