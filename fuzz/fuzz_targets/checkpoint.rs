//! Resuming from a checkpoint that is damaged, hashes included, gives an error or a run of finite numbers.
#![no_main]

use std::{cell::Cell, sync::LazyLock};

use fuzz::{B, Damage, Target};
use libfuzzer_sys::fuzz_target;
use tests::{interrupted::reopen, tiny::parameters};
use train::{Event, Run};

static TARGET: LazyLock<Target> = LazyLock::new(Target::checkpoint);

fuzz_target!(|damage: Damage| {
    TARGET.damage(&damage);
    go_on(&TARGET);
    TARGET.restore();
});

fn go_on(target: &Target) {
    let folder = reopen(target.path());
    let run = Run::<B>::resume(&target.corpus, &target.config, &Default::default(), &folder);
    let Ok(run) = run else { return };
    // One update, after which Burn frees what it keeps.
    let updates = Cell::new(0);
    let count = |event: &Event| {
        let is_update = matches!(event, Event::Update { .. } | Event::Skipped { .. });
        updates.set(updates.get() + usize::from(is_update));
    };
    let Ok(outcome) = run.go(|| updates.get() > 0, count) else {
        return;
    };
    for (name, values) in parameters(&outcome.model) {
        let is_finite = values.iter().all(|value| value.is_finite());
        assert!(is_finite, "{name} is not finite");
    }
}
