//! Limits on the gradient: the norm over all parameters, what each limit does, limits as words.

use burn::optim::GradientsParams;
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CharLm;
use proptest::prelude::*;
use tests::tiny::{self, MODELS, Values, config, corpus, gradients};
use train::{
    Clip, Corpus,
    batches::lanes::split,
    learn::{clip, norms::global_norm, tbptt::loss},
};

type B = Autodiff<NdArray<f32>>;

/// A model and the gradient of its loss on some text.
fn problems() -> impl Iterator<Item = (CharLm<B>, GradientsParams)> {
    MODELS.into_iter().map(|(cell, embedding)| {
        let corpus: Corpus = corpus("a fair gradient of a loss");
        let config = config(cell, embedding);
        let model = tiny::fresh_model::<B>(&corpus, &config);
        let (lanes, _) = split(&corpus, &config.batches()).expect("long enough");
        let batch = lanes.batch(0, config.seq_length).expect("in memory");
        let (loss, _) = loss(&model, &batch, None, &Default::default());
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        (model, grads)
    })
}

/// The norm, in f64 on the host.
fn norm(gradients: &Values) -> f64 {
    let elements = gradients.iter().flat_map(|(_, values)| values);
    elements.map(|x| x * x).sum::<f64>().sqrt()
}

/// The gradient before and after `limit`, which is a function of its norm.
fn clipped(limit: impl Fn(f64) -> Clip) -> impl Iterator<Item = (Clip, Values, Values)> {
    problems().map(move |(model, mut grads)| {
        let before = gradients(&model, &grads);
        let norm = global_norm(&model, &grads);
        let limit = limit(norm);
        clip(limit, &model, norm, &mut grads);
        (limit, before, gradients(&model, &grads))
    })
}

/// Each element of `before` under `f` is that of `after`, up to a relative error.
fn assert_each(before: &Values, after: &Values, tolerance: f64, f: impl Fn(f64) -> f64) {
    assert_eq!(before.len(), after.len());
    for ((name, before), (_, after)) in before.iter().zip(after) {
        assert_eq!(before.len(), after.len());
        for (before, &after) in before.iter().zip(after) {
            let expected = f(*before);
            let error = (after - expected).abs();
            assert!(
                error <= tolerance * expected.abs(),
                "{name}: {before} became {after}"
            );
        }
    }
}

#[test]
fn the_norm_is_that_of_all_parameters_together() {
    for (model, grads) in problems() {
        let (ours, expected) = (
            global_norm(&model, &grads),
            norm(&gradients(&model, &grads)),
        );
        assert!(expected > 0.0);
        assert!(
            (ours / expected - 1.0).abs() < 1e-5,
            "{ours}, not {expected}"
        );
    }
}

#[test]
fn a_norm_above_the_limit_is_scaled_down_to_it() {
    for (_, before, after) in clipped(|norm| Clip::Norm(norm / 3.0)) {
        let limit = norm(&before) / 3.0;
        assert!((norm(&after) / limit - 1.0).abs() < 1e-5);
        assert_each(&before, &after, 1e-5, |x| x / 3.0);
    }
}

#[test]
fn a_norm_within_the_limit_stays_as_it_is() {
    for limit in [1.0, 1.0001, 100.0] {
        for (_, before, after) in clipped(|norm| Clip::Norm(norm * limit)) {
            assert_eq!(before, after, "bit for bit");
        }
    }
}

#[test]
fn each_element_is_clamped_to_the_value() {
    for (limit, before, after) in clipped(|norm| Clip::Value(norm / 20.0)) {
        let Clip::Value(limit) = limit else {
            panic!("{limit}")
        };
        let limit = f64::from(limit as f32);
        let beyond = before
            .iter()
            .flat_map(|(_, values)| values)
            .filter(|x| x.abs() > limit);
        assert!(beyond.count() > 0, "nothing to clamp");
        assert_each(&before, &after, 0.0, |x| x.clamp(-limit, limit));
    }
}

#[test]
fn a_gradient_below_the_value_stays_as_it_is() {
    for (_, before, after) in clipped(|norm| Clip::Value(2.0 * norm)) {
        assert_eq!(before, after, "bit for bit");
    }
}

#[test]
fn off_changes_nothing() {
    for (_, before, after) in clipped(|_| Clip::Off) {
        assert_eq!(before, after, "bit for bit");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_is_a_word(limit in prop_oneof![1e-12..1e12_f64, Just(5.0), Just(f64::MAX)]) {
        for clip in [Clip::Off, Clip::Value(limit), Clip::Norm(limit)] {
            let word = clip.to_string();
            prop_assert_eq!(word.parse(), Ok(clip), "{}", word);
        }
        prop_assert_eq!(limit.to_string().parse(), Ok(Clip::Value(limit)));
    }
}

#[test]
fn words_that_are_no_limit_are_refused() {
    for word in [
        "",
        "off",
        "NaN",
        "inf",
        "-inf",
        "-1",
        "value",
        "value:",
        "value:-5",
        "value:NaN",
        "norm:",
        "norm:-5",
        "norm:inf",
        "norm:NaN",
        "norm:1:2",
        "norm 5",
        "5px",
        "l2:5",
        "l2:0",
        ":0",
    ] {
        let parsed = word.parse::<Clip>();
        assert!(parsed.is_err(), "{word:?} is {parsed:?}");
    }
    for word in ["0", "0.0", "value:0", "norm:0"] {
        assert_eq!(word.parse(), Ok(Clip::Off), "{word:?}");
    }
}
