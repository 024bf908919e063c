//! Text drawn from a model: from which distribution, after what, and the same for the same seed.

use std::collections::BTreeSet;

use burn::tensor::{Int, Tensor, TensorData};
use burn_ndarray::NdArray;
use models::{CharLm, Initializer};
use tests::tiny::{self, MODELS, config};
use train::{Error, RunConfig, Sampler, Sampling, Vocab};

type B = NdArray<f32>;

const SYMBOLS: &str = "\nabcde";

/// Every model, with weights large enough that it has preferences, which change with the text.
fn models() -> impl Iterator<Item = (CharLm<B>, Vocab)> {
    MODELS.into_iter().map(|(cell, embedding)| {
        let initializer = Initializer::Uniform { bound: 1.5 };
        let config = RunConfig {
            initializer,
            seed: 3,
            ..config(cell, embedding)
        };
        let corpus = tiny::corpus(SYMBOLS);
        (tiny::fresh_model::<B>(&corpus, &config), corpus.vocab)
    })
}

fn sampler(
    (model, vocab): &(CharLm<B>, Vocab),
    prime: &str,
    temperature: f64,
    seed: u64,
) -> Sampler {
    let how = Sampling {
        prime: prime.as_bytes(),
        temperature,
        seed,
        ..Sampling::default()
    };
    Sampler::new(model, vocab, &how).expect("known")
}

/// What the model expects after a text, from `forward`.
fn logits(model: &CharLm<B>, text: &[u32]) -> Vec<f64> {
    let tokens: Vec<i64> = text.iter().map(|&token| token.into()).collect();
    let tokens = TensorData::new(tokens, [1, text.len()]);
    let tokens = Tensor::<B, 2, Int>::from_data(tokens, &Default::default());
    let (logits, _) = model.forward(tokens, None);
    let vocab_size = logits.dims()[2];
    let logits: Vec<f64> = logits.into_data().iter().collect();
    logits[logits.len() - vocab_size..].to_vec()
}

fn argmax(logits: &[f64]) -> u32 {
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    best.expect("logits") as u32
}

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let weights: Vec<f64> = logits
        .iter()
        .map(|logit| (logit / temperature).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// How often each of six symbols was drawn, with as many seeds as there are draws.
fn counts(draw: impl Fn(u64) -> Option<u32>) -> [f64; 6] {
    let mut counts = [0.0; 6];
    for seed in 0..1500 {
        counts[draw(seed).expect("an endless text") as usize] += 1.0;
    }
    counts
}

/// χ² of the counts under these probabilities.
fn chi_square(counts: &[f64], p: &[f64]) -> f64 {
    let draws: f64 = counts.iter().sum();
    let terms = counts.iter().zip(p.iter().map(|p| p * draws));
    terms
        .map(|(count, expected)| (count - expected).powi(2) / expected)
        .sum()
}

/// Six symbols leave five degrees of freedom: a right implementation is beyond 50 once in
/// 7·10⁸ times.
const CHI_SQUARE: f64 = 50.0;

#[test]
fn temperature_0_takes_the_likeliest() {
    let mut seen = BTreeSet::new();
    for model in models() {
        for prime in ["a", "bad", "ecade\n"] {
            let mut text = model.1.encode(prime).expect("known");
            // Each step sees all that was drawn before it, so that this is the state's test too.
            for token in sampler(&model, prime, 0.0, 1).take(25) {
                assert_eq!(token, argmax(&logits(&model.0, &text)), "after {text:?}");
                text.push(token);
                seen.insert(token);
            }
        }
    }
    assert!(
        seen.len() >= 4,
        "a model that says one thing only tests nothing: {seen:?}"
    );
}

#[test]
fn the_seed_decides_the_text() {
    for model in models() {
        let text = |seed| -> Vec<u32> { sampler(&model, "ab", 1.0, seed).take(40).collect() };
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        let greedy = |seed| -> Vec<u32> { sampler(&model, "ab", 0.0, seed).take(40).collect() };
        assert_eq!(greedy(1), greedy(2));
    }
}

#[test]
fn draws_have_the_distribution_of_the_model() {
    for model in models().step_by(3) {
        for (prime, temperature) in [("b", 1.0), ("dead", 0.5), ("dead", 2.0)] {
            let logits = logits(&model.0, &model.1.encode(prime).expect("known"));
            let counts = counts(|seed| sampler(&model, prime, temperature, seed).next());
            let ours = chi_square(&counts, &softmax(&logits, temperature));
            assert!(ours < CHI_SQUARE, "temperature {temperature}: {ours}");
            // The bound can tell one temperature from another.
            let other = chi_square(&counts, &softmax(&logits, 2.0 * temperature));
            assert!(
                other > CHI_SQUARE,
                "temperature {temperature}, for twice that: {other}"
            );
        }
    }
}

#[test]
fn the_second_draw_follows_the_first() {
    for model in models().step_by(3) {
        let prime = model.1.encode("ab").expect("known");
        let first = softmax(&logits(&model.0, &prime), 1.0);
        let mut p = vec![0.0; first.len()];
        for (token, first) in first.iter().enumerate() {
            let text = [&prime[..], &[token as u32]].concat();
            let second = softmax(&logits(&model.0, &text), 1.0);
            p.iter_mut()
                .zip(second)
                .for_each(|(p, second)| *p += first * second);
        }
        let ours = chi_square(&counts(|seed| sampler(&model, "ab", 1.0, seed).nth(1)), &p);
        assert!(ours < CHI_SQUARE, "{ours}");
    }
}

#[test]
fn nothing_is_as_after_the_end_of_a_line() {
    let texts = |prime| -> Vec<u32> {
        let text = |model| sampler(&model, prime, 1.0, 5).take(20).collect::<Vec<_>>();
        models().flat_map(text).collect()
    };
    assert_eq!(texts(""), texts("\n"));
    assert_ne!(texts(""), texts("a"));
}

#[test]
fn nothing_works_where_the_text_had_one_line() {
    let corpus = tiny::corpus("abc");
    let config = config(models::CellKind::Lstm, 4);
    let model = tiny::fresh_model::<B>(&corpus, &config);
    let text = sampler(&(model, corpus.vocab), "", 1.0, 1)
        .take(20)
        .collect::<Vec<_>>();
    assert!(text.iter().all(|&token| token < 3));
}

#[test]
fn an_unknown_character_is_named_with_those_that_are_known() {
    let (model, vocab) = models().next().expect("a model");
    let how = Sampling {
        prime: "bäd".as_bytes(),
        ..Sampling::default()
    };
    let sampler = Sampler::new(&model, &vocab, &how);
    match sampler.err() {
        Some(error @ Error::UnknownSymbol { symbol: 'ä', .. }) => {
            let message = error.to_string();
            assert!(
                message.contains("'ä'") && message.contains("abcde"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_know_every_prime() {
    let vocab = Vocab::Bytes;
    let config = config(models::CellKind::Rnn, 4);
    let model = config
        .char_lm(vocab.size())
        .init_seeded::<B>(1, &Default::default());
    let model = (model, vocab);
    for prime in ["", "ä€😀"] {
        assert!(
            sampler(&model, prime, 1.0, 1)
                .take(20)
                .all(|token| token < 256)
        );
    }
}

/// Weights that no training saved, but a file may hold: the text goes on.
#[test]
fn a_model_of_nan_still_writes() {
    let (model, vocab) = models().next().expect("a model");
    let nan = tiny::parameters(&model)
        .into_iter()
        .map(|(name, values)| (name, vec![f64::NAN; values.len()]))
        .collect();
    let model = (tiny::with_parameters(model, nan), vocab);
    for temperature in [0.0, 1.0] {
        assert!(
            sampler(&model, "ab", temperature, 1)
                .take(5)
                .all(|token| token < 6)
        );
    }
}
