//! A new run from the weights of an old one, on a text with other symbols.

use tests::tiny::parameters;
use train::{TextConfig, Vocab};

use super::*;

/// A trained run, and one that begins from it on `text` and is stopped before its first update.
fn fine_tuned(
    embedding_size: usize,
    text: &str,
) -> (RunConfig, Corpus, tiny::Values, tiny::Values) {
    let config = RunConfig {
        embedding_size,
        ..forty_updates(CellKind::Lstm, OptimizerConfig::Adam)
    };
    let old = tempfile::tempdir().expect("a folder");
    let outcome = begin(&super::text(), &config, &create(old.path()), TO_THE_END);
    let old = RunFolder::open(old.path()).expect("a run");

    let how = TextConfig {
        known: Some(old.vocab().expect("symbols")),
        ..TextConfig::default()
    };
    let corpus = Corpus::from_bytes("text", text.as_bytes(), &how).expect("a text");
    let place = tempfile::tempdir().expect("a folder");
    let folder = create(place.path());
    let new = || Ok(folder.clone());
    let device = Default::default();
    let run = Run::<B>::init_from(&old, &corpus, &config, &device, new).expect("it fits");
    let new = run.go(|| true, |_| ()).expect("a run");
    let weights = (
        parameters(&outcome.expect("a run").model),
        parameters(&new.model),
    );
    (config, corpus, weights.0, weights.1)
}

#[test]
fn the_same_symbols_give_the_same_weights() {
    for embedding_size in [0, 4] {
        let (_, _, old, new) = fine_tuned(embedding_size, &random_text(6, 90, 7));
        assert_eq!(old, new);
    }
}

#[test]
fn new_symbols_follow_the_old_ones_and_are_fresh() {
    // Symbols before and between the old ones, in the order of code points.
    let text = random_text(6, 90, 7) + "Zz!";
    for embedding_size in [0, 4] {
        let (config, corpus, old, new) = fine_tuned(embedding_size, &text);
        let Vocab::Chars(symbols) = &corpus.vocab else {
            panic!("characters")
        };
        assert_eq!(symbols.iter().collect::<String>(), "abcdef!Zz");
        let mut decoded = Vec::new();
        for token in tiny::all_tokens(&corpus) {
            corpus.vocab.decode(token, &mut decoded);
        }
        assert_eq!(decoded, text.as_bytes());

        let fresh = parameters(&tiny::fresh_model::<Inner>(&corpus, &config));
        let mut grown = 0;
        for (((name, old), (_, new)), (_, fresh)) in old.iter().zip(&new).zip(&fresh) {
            if old.len() == new.len() {
                assert_eq!(old, new, "{name}");
                continue;
            }
            grown += 1;
            // Rows of the first input, columns of the head.
            let columns = if name.starts_with("head") {
                9
            } else {
                new.len() / 9
            };
            let is_old = |i: usize| match name.starts_with("head") {
                true => i % columns < 6,
                false => i / columns < 6,
            };
            let kept: Vec<f64> = (0..new.len())
                .filter(|&i| is_old(i))
                .map(|i| new[i])
                .collect();
            assert_eq!(&kept, old, "{name}");
            let drawn = (0..new.len()).filter(|&i| !is_old(i));
            drawn.for_each(|i| assert_eq!(new[i], fresh[i], "{name}"));
        }
        assert_eq!(grown, 3, "input, and weight and bias of the head");
    }
}

#[test]
fn another_form_of_the_model_is_refused() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let other = RunConfig {
        hidden_size: 7,
        ..config.clone()
    };
    let error = config.check_init_from(&other).expect_err("another size");
    assert!(error.to_string().starts_with("hidden_size 7"), "{error}");
    let slower = RunConfig {
        learning_rate: 1e-4,
        batch_size: 3,
        optimizer: OptimizerConfig::Sgd,
        ..config.clone()
    };
    config.check_init_from(&slower).expect("the weights fit");
}
