//! Many short texts: each is read once in an epoch, from zeros, and padding counts for nothing.

use std::collections::BTreeMap;

use burn::optim::GradientsParams;
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CellKind, CharLm, Initializer, RecurrentState};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tests::tiny::{
    self, MODELS, Values, difference, gradients, parameters, with_documents, with_parameters,
};
use train::{
    Batch, Batches, Corpus, Error, OptimizerConfig, RunConfig, Sampler, Sampling, Separator, Split,
    batches::documents::{self, Documents},
    learn::tbptt::{evaluate, loss},
};

type Inner = NdArray<f32>;
type B = Autodiff<Inner>;

fn corpus(text: &str, separator: &str) -> Corpus {
    let separator = Separator(separator.to_owned());
    Corpus::from_bytes("text", text.as_bytes(), &with_documents(&separator)).expect("a text")
}

fn config(separator: &str, cell: CellKind, embedding_size: usize) -> RunConfig {
    RunConfig {
        documents: Some(Separator(separator.to_owned())),
        initializer: Initializer::Uniform { bound: 0.8 },
        ..tiny::config(cell, embedding_size)
    }
}

fn split<'a>(
    corpus: &'a Corpus,
    config: &RunConfig,
) -> Result<(Documents<'a>, Option<Documents<'a>>), Error> {
    let separator = config.documents.as_ref().expect("documents");
    documents::split(corpus, separator, &config.batches())
}

/// What std says the documents of a text are. Nothing but a separator is none.
fn expected(text: &str, separator: &str) -> Vec<String> {
    let mut text = text.to_owned();
    if !text.ends_with(separator) {
        text.push_str(separator);
    }
    let documents = text.split_inclusive(separator);
    let documents = documents.filter(|document| *document != separator);
    documents.map(str::to_owned).collect()
}

/// All windows of an epoch.
fn batches(documents: &Documents, epoch: usize) -> Vec<Batch> {
    let batch = |index| documents.batch(epoch, index).expect("in memory");
    (0..documents.n_batches()).map(batch).collect()
}

/// The documents as the rows of the windows of an epoch have them, and how many steps are padding.
/// Checks on the way that what is read is what comes before what is predicted.
fn read(
    documents: &Documents,
    corpus: &Corpus,
    config: &RunConfig,
    epoch: usize,
) -> (Vec<String>, usize) {
    let symbols = |tokens: &[u32]| {
        let mut text = Vec::new();
        for &token in tokens {
            corpus.vocab.decode(token, &mut text);
        }
        String::from_utf8(text).expect("UTF-8")
    };
    let (mut done, mut rows, mut padding) = (Vec::new(), Vec::new(), 0);
    for batch in batches(documents, epoch) {
        let [n_rows, time] = batch.shape;
        let lengths = batch.lengths.as_ref().expect("lengths");
        assert!(n_rows <= config.batch_size && lengths.len() == n_rows);
        assert_eq!(
            lengths.iter().max(),
            Some(&time),
            "no step is padding alone"
        );
        assert!((1..=config.seq_length).contains(&time));
        if batch.begins {
            done.append(&mut rows);
            rows.resize(n_rows, (String::new(), String::new()));
        }
        assert_eq!(rows.len(), n_rows);
        for (i, (inputs, targets)) in rows.iter_mut().enumerate() {
            let text = i * time..i * time + lengths[i];
            inputs.push_str(&symbols(&batch.inputs[text.clone()]));
            targets.push_str(&symbols(&batch.targets[text]));
            padding += time - lengths[i];
        }
    }
    done.append(&mut rows);
    let separator = &config.documents.as_ref().expect("documents").0;
    let before = separator.chars().last().expect("a symbol");
    let document = |(inputs, targets): (String, String)| {
        let last = targets.chars().last().expect("a target");
        assert_eq!(format!("{inputs}{last}"), format!("{before}{targets}"));
        targets
    };
    (done.into_iter().map(document).collect(), padding)
}

fn sorted(mut documents: Vec<String>) -> Vec<String> {
    documents.sort_unstable();
    documents
}

/// Documents of up to `longest` symbols, some of none.
fn text(separator: &'static str, n: usize, longest: usize) -> impl Strategy<Value = String> {
    let document =
        prop::collection::vec(prop::sample::select(vec!['a', 'b', 'ß', 'c']), 0..=longest)
            .prop_map(|symbols| symbols.into_iter().collect::<String>());
    prop::collection::vec(document, 2..n)
        .prop_map(move |documents| "a".to_owned() + &documents.join(separator))
}

/// A text and its separator; one of them overlaps itself.
fn problems() -> impl Strategy<Value = (String, &'static str)> {
    prop::sample::select(vec!["\n", "\n\n", "aab", "<end>"])
        .prop_flat_map(|separator| (text(separator, 60, 30), Just(separator)))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_document_is_read_once_in_an_epoch(
        (text, separator) in problems(),
        (batch_size, seq_length) in (1..=9_usize, 1..=12_usize),
        val_frac in prop_oneof![Just(0.0), 0.1..0.9],
        tail in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let corpus = corpus(&text, separator);
        let config = RunConfig {
            batch_size,
            seq_length,
            val_frac,
            seed,
            split: if tail { Split::Tail } else { Split::Random },
            ..config(separator, CellKind::Rnn, 0)
        };
        let expected = expected(&text, separator);
        let n_held_out = (expected.len() as f64 * val_frac) as usize;
        let (train, val) = match split(&corpus, &config) {
            Ok(parts) => parts,
            Err(Error::FewDocuments { found, needed, .. }) => {
                prop_assert!(found == expected.len() && needed > found);
                prop_assert!(found < 2 || n_held_out == 0 && val_frac > 0.0);
                return Ok(());
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        prop_assert_eq!(val.is_some(), val_frac > 0.0);
        let held_out = val.map_or(Vec::new(), |val| read(&val, &corpus, &config, 0).0);
        prop_assert_eq!(held_out.len(), n_held_out);
        for epoch in 0..3 {
            let (documents, _) = read(&train, &corpus, &config, epoch);
            let symbols: usize = documents.iter().map(|text| text.chars().count()).sum();
            prop_assert_eq!(train.targets(), symbols);
            if tail {
                let (first, last) = expected.split_at(expected.len() - n_held_out);
                prop_assert_eq!(sorted(documents.clone()), sorted(first.to_vec()));
                prop_assert_eq!(sorted(held_out.clone()), sorted(last.to_vec()));
            }
            prop_assert_eq!(sorted([documents, held_out.clone()].concat()), sorted(expected.clone()));
        }
    }
}

/// `n` documents of letters, with lengths from 1 to `longest`.
fn random_documents(n: usize, longest: usize, seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let document = |_| {
        let length = rng.random_range(1..=longest);
        tiny::random_text(4, length, rng.random()) + "\n"
    };
    (0..n).map(document).collect()
}

#[test]
fn the_order_is_that_of_the_seed_and_the_epoch() {
    let corpus = corpus(&random_documents(50, 10, 1), "\n");
    let order = |seed, epoch| {
        let config = RunConfig {
            seed,
            ..config("\n", CellKind::Rnn, 0)
        };
        let (train, _) = split(&corpus, &config).expect("documents");
        batches(&train, epoch)
    };
    assert_eq!(order(1, 0), order(1, 0));
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
}

#[test]
fn documents_held_out_at_random_are_from_everywhere_and_of_the_seed() {
    let text: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let corpus = corpus(&text, "\n");
    let held_out = |seed| -> Vec<usize> {
        let config = RunConfig {
            seed,
            val_frac: 0.05,
            split: Split::Random,
            ..config("\n", CellKind::Rnn, 0)
        };
        let (_, val) = split(&corpus, &config).expect("documents");
        let (held_out, _) = read(&val.expect("held out"), &corpus, &config, 0);
        let mut numbers: Vec<usize> = held_out.iter().map(|n| n.trim().parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(held_out(1), held_out(1));
    assert_ne!(held_out(1), held_out(2));
    // One of every twenty. Documents at regular intervals would all have the same place among the twenty.
    let places = |seed| -> Vec<usize> { held_out(seed).iter().map(|n| n % 20).collect() };
    for seed in 0..20 {
        let twenties: Vec<usize> = held_out(seed).iter().map(|n| n / 20).collect();
        assert_eq!(twenties, (0..50).collect::<Vec<_>>());
    }
    // 50 of 20 places, 20 times: each place is drawn 50 times on average, with a deviation of 7.
    let all: Vec<usize> = (0..20).flat_map(places).collect();
    for place in 0..20 {
        let n = all.iter().filter(|found| **found == place).count();
        assert!((15..=85).contains(&n), "place {place}: {n} times");
    }
}

#[test]
fn a_window_does_not_depend_on_those_read_before() {
    let corpus = corpus(&random_documents(70_000, 2, 1), "\n");
    let config = RunConfig {
        batch_size: 500,
        ..config("\n", CellKind::Rnn, 0)
    };
    let (train, _) = split(&corpus, &config).expect("documents");
    let (_, last) = (train.n_batches(), train.n_batches() - 1);
    for (epoch, index) in [(3, last), (0, 0), (3, 7), (2, last / 2), (3, last)] {
        let (fresh, _) = split(&corpus, &config).expect("documents");
        let expected = batches(&fresh, epoch).swap_remove(index);
        assert_eq!(train.batch(epoch, index).expect("in memory"), expected);
    }
}

/// 70,000 documents are two pools.
#[test]
fn every_document_of_several_pools_is_read() {
    let text = random_documents(70_000, 3, 2);
    let corpus = corpus(&text, "\n");
    let config = RunConfig {
        batch_size: 1000,
        val_frac: 0.1,
        split: Split::Random,
        ..config("\n", CellKind::Rnn, 0)
    };
    let (train, val) = split(&corpus, &config).expect("documents");
    let (trained, _) = read(&train, &corpus, &config, 1);
    let (held_out, _) = read(&val.expect("held out"), &corpus, &config, 0);
    assert_eq!((trained.len(), held_out.len()), (63_000, 7000));
    assert!(sorted([trained, held_out].concat()) == sorted(expected(&text, "\n")));
}

/// Symbols of two bytes each: where a separator seems to be, it may lie across two of them.
#[test]
fn documents_of_many_symbols() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let symbol = |_| char::from_u32(0x400 + rng.random_range(0..300)).expect("a character");
    let text: String = (0..600_000).map(symbol).collect();
    for separator in ["\u{501}", "\u{502}\u{501}", "\u{400}"] {
        let corpus = corpus(&text, separator);
        let config = RunConfig {
            batch_size: 7,
            seq_length: 100,
            ..config(separator, CellKind::Rnn, 0)
        };
        let (train, _) = split(&corpus, &config).expect("documents");
        let (documents, _) = read(&train, &corpus, &config, 0);
        assert!(sorted(documents) == sorted(expected(&text, separator)));
    }
}

/// The last ones are trained on in one pool and held out in the next.
#[test]
fn the_last_of_several_pools_are_held_out() {
    let text = random_documents(140_000, 3, 2);
    let corpus = corpus(&text, "\n");
    let config = RunConfig {
        batch_size: 1000,
        val_frac: 0.3,
        ..config("\n", CellKind::Rnn, 0)
    };
    let (train, val) = split(&corpus, &config).expect("documents");
    let (trained, _) = read(&train, &corpus, &config, 1);
    let (held_out, _) = read(&val.expect("held out"), &corpus, &config, 0);
    let mut expected = expected(&text, "\n");
    assert!(sorted(held_out) == sorted(expected.split_off(98_000)));
    assert!(sorted(trained) == sorted(expected));
}

#[test]
fn little_is_padded() {
    let text = random_documents(2000, 100, 3);
    let corpus = corpus(&text, "\n");
    let config = RunConfig {
        batch_size: 20,
        seq_length: 30,
        ..config("\n", CellKind::Rnn, 0)
    };
    let (train, _) = split(&corpus, &config).expect("documents");
    let (_, padding) = read(&train, &corpus, &config, 0);
    let share = padding as f64 / (padding + train.targets()) as f64;
    // As they come, the longest of twenty would be near 100, and half of all steps padding.
    assert!(share < 0.05, "{share}");
}

#[test]
fn too_few_documents_are_an_error() {
    for (text, val_frac, found, needed) in [("ab", 0.0, 1, 2), ("ab\nc\nd", 0.25, 3, 4)] {
        let corpus = corpus(text, "\n");
        let config = RunConfig {
            val_frac,
            ..config("\n", CellKind::Rnn, 0)
        };
        let error = split(&corpus, &config).expect_err("too few");
        let message = error.to_string();
        match error {
            Error::FewDocuments {
                found: f,
                needed: n,
                ..
            } => assert_eq!((f, n), (found, needed)),
            other => panic!("{other}"),
        }
        assert!(message.contains("separator: lines"), "{message}");
    }
}

/// `−ln p` of each symbol of a document, from a state of zeros, one step at a time.
fn surprise(model: &CharLm<Inner>, inputs: &[u32], targets: &[u32]) -> Vec<f64> {
    let mut stepper = model.stepper(1);
    let mut logits = vec![0.0; stepper.output_len()];
    let each = inputs.iter().zip(targets).map(|(&input, &target)| {
        stepper.step_tokens(&[input], &mut logits);
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        sum.ln() - f64::from(logits[target as usize])
    });
    each.collect()
}

const TEXT: &str = "anna\n\nbo\nc\nclara maria\nd\na much longer one than all others\n\nbob";

#[test]
fn the_loss_is_that_of_each_document_alone() {
    for (cell, embedding) in MODELS {
        let corpus = corpus(TEXT, "\n");
        let encode = |text: &str| corpus.vocab.encode(text).expect("known");
        for seq_length in [1, 3, 7, 40] {
            let config = RunConfig {
                seq_length,
                batch_size: 3,
                ..config("\n", cell, embedding)
            };
            let model = tiny::fresh_model::<Inner>(&corpus, &config);
            let alone: Vec<f64> = expected(TEXT, "\n")
                .iter()
                .flat_map(|text| {
                    let inputs = format!("\n{}", &text[..text.len() - 1]);
                    surprise(&model, &encode(&inputs), &encode(text))
                })
                .collect();
            let mean = alone.iter().sum::<f64>() / alone.len() as f64;
            let (train, _) = split(&corpus, &config).expect("documents");
            let ours = evaluate(
                &model,
                &Batches::Documents(Box::new(train)),
                &Default::default(),
            );
            let ours = ours.expect("in memory");
            assert!(
                (ours - mean).abs() < 1e-5,
                "{cell:?}, windows of {seq_length}: {ours}, not {mean}"
            );
        }
    }
}

/// Row `row` of a window, without its padding.
fn row(batch: &Batch, row: usize) -> Option<Batch> {
    let time = batch.shape[1];
    let length = batch.lengths.as_ref().expect("lengths")[row];
    let steps = row * time..row * time + length;
    (length > 0).then(|| Batch {
        inputs: batch.inputs[steps.clone()].to_vec(),
        targets: batch.targets[steps].to_vec(),
        shape: [1, length],
        lengths: None,
        begins: batch.begins,
        part_of: None,
    })
}

/// Gradient descent by hand, with each document in a batch of its own.
#[test]
fn training_is_that_on_each_document_alone() {
    for (cell, embedding) in MODELS {
        let corpus = corpus(TEXT, "\n");
        let config = RunConfig {
            optimizer: OptimizerConfig::Sgd,
            learning_rate: 0.5,
            max_epochs: 2,
            batch_size: 3,
            ..config("\n", cell, embedding)
        };
        let (train, _) = split(&corpus, &config).expect("documents");
        let by_hand = |carry: bool| {
            let mut model = tiny::fresh_model::<B>(&corpus, &config);
            let device = Default::default();
            for epoch in 0..config.max_epochs {
                let mut states = Vec::new();
                for batch in batches(&train, epoch) {
                    if batch.begins || !carry {
                        states = vec![None; batch.shape[0]];
                    }
                    let mut sum: Option<Values> = None;
                    for (i, state) in states.iter_mut().enumerate() {
                        let Some(alone) = row(&batch, i) else {
                            continue;
                        };
                        let before = state
                            .take()
                            .map(|data| model.initial_state(1).with_data(data));
                        let (loss, next) = loss(&model, &alone, before, &device);
                        *state = Some(next.to_data());
                        let share = alone.n_targets() as f64 / batch.n_targets() as f64;
                        let grads = GradientsParams::from_grads((loss * share).backward(), &model);
                        let found = gradients(&model, &grads);
                        match &mut sum {
                            None => sum = Some(found),
                            Some(sum) => add(sum, &found, 1.0),
                        }
                    }
                    let mut weights = parameters(&model);
                    add(&mut weights, &sum.expect("a symbol"), -config.learning_rate);
                    model = with_parameters(model, weights);
                }
            }
            parameters(&model)
        };

        let folder = tempfile::tempdir().expect("a folder");
        let (outcome, _) = tiny::train(&corpus, &config, folder.path()).expect("a run");
        let trained = parameters(&outcome.model);
        let error = difference(&trained, &by_hand(true));
        assert!(error < 1e-5, "weights differ by {error:e}");
        let forgetful = difference(&trained, &by_hand(false));
        assert!(forgetful > 1e-3, "without the state only {forgetful:e}");
    }
}

fn add(sum: &mut Values, other: &Values, factor: f64) {
    for ((_, sum), (_, other)) in sum.iter_mut().zip(other) {
        for (sum, other) in sum.iter_mut().zip(other) {
            *sum += factor * other;
        }
    }
}

/// Two kinds of documents, each learned as often as it is there, and each from its start.
#[test]
fn a_model_of_documents_writes_documents() {
    let config = RunConfig {
        learning_rate: 0.02,
        max_epochs: 60,
        batch_size: 4,
        initializer: Initializer::PyTorch,
        ..config("<>", CellKind::Lstm, 4)
    };
    let corpus = corpus(&"abc<>cab<>".repeat(8), "<>");
    let folder = tempfile::tempdir().expect("a folder");
    let (outcome, _) = tiny::train(&corpus, &config, folder.path()).expect("a run");
    let write = |prime: &str| -> Vec<String> {
        let vocab = &corpus.vocab;
        let how = Sampling {
            documents: config.documents.as_ref(),
            prime: prime.as_bytes(),
            ..Sampling::default()
        };
        let sampler = Sampler::new(&outcome.model, vocab, &how);
        let mut text = Vec::new();
        for token in sampler.expect("known").take(2000) {
            vocab.decode(token, &mut text);
        }
        let text = prime.to_owned() + &String::from_utf8(text).expect("UTF-8");
        text.split("<>").map(str::to_owned).collect()
    };
    let mut counts = BTreeMap::new();
    for document in write("") {
        *counts.entry(document).or_insert(0) += 1;
    }
    let of = |text: &str| f64::from(counts.get(text).copied().unwrap_or(0));
    let (abc, cab) = (of("abc"), of("cab"));
    assert!(abc + cab > 0.9 * 400.0, "{counts:?}");
    assert!((0.3..0.7).contains(&(abc / (abc + cab))), "{counts:?}");
    assert_eq!(write("ca")[0], "cab");
}
