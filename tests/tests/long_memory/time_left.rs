//! How long the rest of an experiment will take.

use std::time::Duration;

use long_memory::{Budget, Experiment, NetworkKind, TimeLeft, tasks};

/// An LSTM learns over 90 steps in 100 of 1000 updates, each of which takes 10 ms. Over 40 steps, an update is
/// half the work.
#[test]
fn what_was_trained_tells_what_is_left() {
    let experiment = Experiment {
        tasks: tasks::ALL[2..3].to_vec(),
        networks: vec![NetworkKind::LSTM],
        distances: vec![90, 40],
        seeds: 1,
        budget: Budget {
            updates: 1000,
            ..Budget::default()
        },
        ..Experiment::default()
    };
    let (jobs, mut time) = (experiment.jobs(), TimeLeft::new(&experiment));
    let at = |updates: u64| Duration::from_millis(10 * updates);
    let assert_left = |time: &mut TimeLeft, now, expected: [f64; 2]| {
        let (spent, left) = time.seconds(now).expect("not asked for a while");
        for (found, expected) in [spent, left].into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 0.02 * expected,
                "{found}, {expected}"
            );
        }
    };
    for update in 0..=50 {
        time.note(&jobs[0], false, at(update));
    }
    // Half of what is left of the budget of this one, and half the budget of the other.
    assert_left(&mut time, at(50), [0.5, 475.0 * 0.01 + 500.0 * 0.005]);
    assert!(time.seconds(at(51)).is_none());
    for update in 51..100 {
        time.note(&jobs[0], false, at(update));
    }
    time.note(&jobs[0], true, at(100));
    assert_left(&mut time, at(100), [1.0, 100.0 * 0.005]);
}
