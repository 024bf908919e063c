//! What sequences of validation losses decide, worked out by hand: the best epoch, when a run ends and
//! when the learning rate falls.

use train::{Progress, RunConfig, Schedule};

const LONG: usize = 1000;

/// How far a run is after each epoch, from the first on.
fn epochs(losses: &[f64], schedule: Schedule) -> Vec<Progress> {
    let mut progress = Progress::default();
    let after = |&loss: &f64| {
        progress.end_epoch(Some(loss), schedule);
        progress.clone()
    };
    losses.iter().map(after).collect()
}

/// The epoch that a run with these losses ends after.
fn ends_after(losses: &[f64], patience: usize) -> Option<usize> {
    let epochs = epochs(losses, Schedule::Constant);
    let mut over = epochs
        .iter()
        .filter(|progress| progress.is_over(LONG, Some(patience)));
    over.next().map(|progress| progress.epoch)
}

fn plateaus(losses: &[f64], schedule: Schedule) -> Vec<usize> {
    let epochs = epochs(losses, schedule);
    epochs.iter().map(|progress| progress.plateaus).collect()
}

#[test]
fn the_lowest_loss_is_the_best_and_an_equal_one_is_not_lower() {
    let mut progress = Progress::default();
    let losses = [3.0, 2.0, 2.5, 2.0, 1.0, 1.0];
    let is_best = losses.map(|loss| progress.end_epoch(Some(loss), Schedule::Constant));
    assert_eq!(is_best, [true, true, false, false, true, false]);
    assert_eq!(progress.best, Some((1.0, 5)));
}

#[test]
fn patience_counts_epochs_since_the_best() {
    // Two worse epochs, 3 and 4, before the best one, 5; then worse or equal ones only.
    let losses = [3.0, 2.0, 2.5, 2.4, 1.9, 2.1, 1.9, 2.0, 2.0];
    assert_eq!(ends_after(&losses, 1), Some(3));
    assert_eq!(ends_after(&losses, 2), Some(4));
    assert_eq!(ends_after(&losses, 3), Some(8));
    assert_eq!(ends_after(&losses, 4), Some(9));
    assert_eq!(ends_after(&losses, 5), None);
    assert_eq!(ends_after(&losses, usize::MAX), None);
}

#[test]
fn a_loss_that_falls_never_ends_a_run() {
    let losses: Vec<f64> = (1..100).map(|epoch| 1.0 / f64::from(epoch)).collect();
    assert_eq!(ends_after(&losses, 1), None);
}

#[test]
fn without_patience_or_losses_a_run_ends_when_its_epochs_are_done() {
    let mut progress = Progress::default();
    for epoch in 1..=4 {
        assert!(!progress.is_over(4, None));
        // Nothing is held out: each model is the best.
        assert!(
            progress.end_epoch(None, Schedule::Constant),
            "epoch {epoch}"
        );
    }
    assert!(progress.is_over(4, None));
    assert_eq!((progress.best, progress.epoch), (None, 4));
    let worse = epochs(&[1.0, 2.0, 3.0, 4.0], Schedule::Constant);
    let over = worse.iter().map(|progress| progress.is_over(4, None));
    assert!(over.eq([false, false, false, true]));
}

#[test]
fn each_plateau_reduces_the_rate_once() {
    let schedule = Schedule::Plateau {
        factor: 0.5,
        patience: 2,
    };
    //  epoch      1    2    3    4    5    6    7    8    9   10   11
    let losses = [3.0, 2.0, 2.5, 2.0, 2.1, 2.2, 2.1, 1.5, 1.6, 1.4, 1.4];
    let expected = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2];
    assert_eq!(plateaus(&losses, schedule), expected);
    for (plateaus, factor) in [1.0, 0.5, 0.25, 0.125].into_iter().enumerate() {
        assert_eq!(schedule.factor(7, 2, 22, plateaus), factor);
    }
}

#[test]
fn a_plateau_of_one_epoch() {
    let schedule = Schedule::Plateau {
        factor: 0.1,
        patience: 1,
    };
    assert_eq!(
        plateaus(&[2.0, 2.0, 1.0, 3.0, 4.0], schedule),
        [0, 1, 1, 2, 3]
    );
}

#[test]
fn other_schedules_see_no_plateau() {
    for schedule in ["constant", "decay:0.5:1", "step:0.5:1", "cosine:0"] {
        let schedule: Schedule = schedule.parse().expect("a schedule");
        assert_eq!(plateaus(&[1.0; 20], schedule), [0; 20], "{schedule}");
        let factors = [0, 5].map(|plateaus| schedule.factor(3, 2, 20, plateaus));
        assert_eq!(factors[0], factors[1], "{schedule}");
    }
}

/// A run that had come down to an eighth of its rate is given another one, which is that one.
#[test]
fn another_rate_or_schedule_forgets_the_plateaus() {
    let half = Schedule::Plateau {
        factor: 0.5,
        patience: 1,
    };
    let before = RunConfig {
        learning_rate: 0.1,
        schedule: half,
        ..RunConfig::default()
    };
    let less = Schedule::Plateau {
        factor: 0.9,
        patience: 1,
    };
    let same = before.clone();
    let rate = RunConfig {
        learning_rate: 0.02,
        ..before.clone()
    };
    let schedule = RunConfig {
        schedule: less,
        ..before.clone()
    };
    let longer = RunConfig {
        max_epochs: 99,
        ..before.clone()
    };
    for (now, expected) in [(&same, 3), (&longer, 3), (&rate, 0), (&schedule, 0)] {
        let run = epochs(&[1.0, 2.0, 2.0, 2.0], half);
        let mut progress = run.last().expect("four epochs").clone();
        progress.change(&before.trainer(), &now.trainer());
        assert_eq!(progress.plateaus, expected);
        assert_eq!((progress.best, progress.epoch), (Some((1.0, 1)), 4));
    }
}
