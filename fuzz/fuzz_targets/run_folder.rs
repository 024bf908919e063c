//! Writing with the model of a run and reading its log for a plot do not panic, whatever its files contain.
#![no_main]

use std::sync::LazyLock;

use burn_ndarray::NdArray;
use fuzz::{Damage, Target};
use libfuzzer_sys::fuzz_target;
use train::{History, RunFolder, Sampler, Sampling};

static TARGET: LazyLock<Target> = LazyLock::new(Target::folder);

fuzz_target!(|damage: Damage| {
    TARGET.damage(&damage);
    let _ = History::read(TARGET.path());
    write(&TARGET);
    TARGET.restore();
});

fn write(target: &Target) -> Option<()> {
    let folder = RunFolder::open(target.path()).ok()?;
    let (config, vocab) = (folder.config().ok()?, folder.vocab().ok()?);
    let model = folder.load_model::<NdArray<f32>, models::AnyCell<NdArray<f32>>>(
        &config,
        &vocab,
        &Default::default(),
    );
    let model = model.ok()?;
    let how = Sampling {
        documents: config.documents.as_ref(),
        seed: config.seed,
        ..Sampling::default()
    };
    let sampler = Sampler::new(&model, &vocab, &how).ok()?;
    for token in sampler.take(3) {
        assert!((token as usize) < vocab.size());
    }
    Some(())
}
