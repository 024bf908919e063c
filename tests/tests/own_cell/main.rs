//! A cell of a user's own, in a file of its own, does all that the crate's cells do: it goes into a stack,
//! streams, trains, stops, resumes to the same bits, and writes. So do the cells of the list.

mod slow_fast;

use std::{cell::Cell as Counter, collections::BTreeSet, fs, path::Path};

use burn::{
    module::Module,
    tensor::{Tensor, TensorData},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    AnyCell, Cell, CellKind, CellOptions, Init, Lstm, RecurrentCell, RecurrentState, Stack,
    StackConfig, Stepper, TrainableCell,
};
use safetensors::SafeTensors;
use slow_fast::{SlowFast, SlowFastState};
use tests::{
    compare::Worst,
    interrupted::{TO_THE_END, create, left, newest, reopen, sign},
    network::by_steps,
    random::Random,
    refused::panic_message,
    tiny::{corpus, random_text},
};
use train::{Corpus, Event, Outcome, Run, RunConfig, Sampler, Sampling, TextStream};

models::cells! {
    /// The kinds of a list with a cell of one's own.
    pub enum OurKind;
    /// A cell of that list.
    pub enum OurCell;
    /// Its state.
    pub enum OurState;

    SlowFast = crate::slow_fast::{SlowFast, SlowFastState, DESCRIPTION},
    Lstm = models::lstm::{Lstm, LstmState, DESCRIPTION},
}

type Inner = NdArray<f32>;
type B = Autodiff<Inner>;

/// Five epochs of eight updates of two layers, with a part held out.
fn config<K: models::Kind>(kind: K) -> RunConfig<K> {
    RunConfig {
        hidden_size: 6,
        num_layers: 2,
        embedding_size: 4,
        seq_length: 4,
        batch_size: 2,
        learning_rate: 0.02,
        val_frac: 0.2,
        max_epochs: 5,
        ..RunConfig::of_kind(kind)
    }
}

fn text() -> Corpus {
    corpus(&random_text(6, 82, 1))
}

/// Runs until `updates` more updates are done, or to the end.
fn go<C: TrainableCell<B>>(run: Run<'_, B, C>, updates: usize) -> Outcome<Inner, C::Inner> {
    let done = Counter::new(0);
    let count = |event: &Event| {
        if matches!(event, Event::Update { .. }) {
            done.set(done.get() + 1);
        }
    };
    run.go(|| done.get() >= updates, count).expect("a run")
}

fn begin<C: TrainableCell<B>>(
    config: &RunConfig<C::Kind>,
    folder: &Path,
    updates: usize,
) -> Outcome<Inner, C::Inner> {
    let (text, folder) = (text(), create(folder));
    let run = Run::<B, C>::new(&text, config, &Default::default(), || Ok(folder));
    go(run.expect("a run"), updates)
}

fn resume<C: TrainableCell<B>>(
    config: &RunConfig<C::Kind>,
    folder: &Path,
) -> Outcome<Inner, C::Inner> {
    let (text, folder) = (text(), reopen(folder));
    let run = Run::<B, C>::resume(&text, config, &Default::default(), &folder);
    go(run.expect("a checkpoint"), TO_THE_END)
}

fn resumes_to_the_same_bits<C: TrainableCell<B>>(kind: C::Kind) {
    let config = config(kind);
    let whole = tempfile::tempdir().unwrap();
    begin::<C>(&config, whole.path(), TO_THE_END);
    for updates in [0, 1, 13, 16, 39] {
        let folder = tempfile::tempdir().unwrap();
        let outcome = begin::<C>(&config, folder.path(), updates);
        assert!(outcome.is_stopped);
        resume::<C>(&config, folder.path());
        assert!(
            left(folder.path()) == left(whole.path()),
            "stopped after {updates} updates"
        );
    }
}

#[test]
fn it_stops_and_resumes_to_the_same_bits() {
    resumes_to_the_same_bits::<SlowFast<B>>(());
    resumes_to_the_same_bits::<OurCell<B>>(OurKind::SlowFast);
    resumes_to_the_same_bits::<OurCell<B>>(OurKind::Lstm);
    resumes_to_the_same_bits::<Lstm<B>>(());
}

/// The same text and seed: more is learned than the shares of the symbols.
#[test]
fn it_learns() {
    let text = corpus(&"abcdef".repeat(60));
    let config = RunConfig {
        max_epochs: 20,
        ..config(OurKind::SlowFast)
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = create(folder.path());
    let run = Run::<B, OurCell<B>>::new(&text, &config, &Default::default(), || Ok(folder));
    let outcome = go(run.unwrap(), TO_THE_END);
    let (loss, _) = outcome.best.expect("a validation loss");
    assert!(loss < 0.1, "{loss} nats; a guess has {}", 6f64.ln());
}

/// The checkpoint has each of its state's tensors, and one that lacks the third is refused.
#[test]
fn its_whole_state_is_in_a_checkpoint() {
    let (config, folder) = (config(()), tempfile::tempdir().unwrap());
    begin::<SlowFast<B>>(&config, folder.path(), 5);
    let update = newest(folder.path()).expect("a checkpoint").to_string();
    let checkpoint = folder.path().join("checkpoints").join(update);
    let path = checkpoint.join("state.safetensors");
    let bytes = fs::read(&path).unwrap();
    let state = SafeTensors::deserialize(&bytes).unwrap();
    let names: BTreeSet<&str> = state.names().into_iter().collect();
    let expected = [
        "layers.0.fast",
        "layers.0.hidden",
        "layers.0.slow",
        "layers.1.fast",
        "layers.1.hidden",
        "layers.1.slow",
    ];
    assert!(names.iter().eq(&expected), "{names:?}");
    let nonzero = |name: &&str| state.tensor(name).unwrap().data().iter().any(|&b| b != 0);
    assert!(expected.iter().all(nonzero), "all of it is remembered");

    let views = state.tensors().into_iter();
    let rest = views.filter(|(name, _)| name != "layers.1.slow");
    // As long as before, so that it is the tensor that is missed.
    let padding = (
        "layers.9.slow".to_owned(),
        state.tensor("layers.1.slow").unwrap(),
    );
    let damaged = safetensors::serialize(rest.chain([padding]), None).unwrap();
    fs::write(&path, damaged).unwrap();
    sign(&checkpoint);
    let (text, device) = (text(), Default::default());
    let resumed = Run::<B, SlowFast<B>>::resume(&text, &config, &device, &reopen(folder.path()));
    let run = resumed.expect("the checkpoint at the start");
    let mut passed_over = Vec::new();
    let stop = Counter::new(false);
    let listen = |event: &Event| {
        if let Event::Resume {
            passed_over: why, ..
        } = event
        {
            passed_over.clone_from(why);
            stop.set(true);
        }
    };
    run.go(|| stop.get(), listen).expect("resumes");
    assert!(passed_over[0].contains("layers.9.slow"), "{passed_over:?}");
}

/// What it writes is drawn from its own logits, by the reference path: there is no kernel.
#[test]
fn it_writes() {
    let (config, folder) = (config(()), tempfile::tempdir().unwrap());
    let model = begin::<SlowFast<B>>(&config, folder.path(), TO_THE_END).model;
    assert!(model.stack.kernel_layers().is_none());

    let (vocab, prime) = (text().vocab, b"abc");
    let how = Sampling {
        prime,
        temperature: 0.0,
        ..Sampling::default()
    };
    let sampler = Sampler::new(&model, &vocab, &how).expect("known symbols");
    let written: Vec<u32> = sampler.take(20).collect();
    let mut tokens = vocab.encode("abc").unwrap();
    for &token in &written {
        let ints = tokens.iter().map(|&token| i64::from(token)).collect();
        let ints = TensorData::new::<i64, _>(ints, [1, tokens.len()]);
        let (logits, _) = model.forward(Tensor::from_data(ints, &Default::default()), None);
        let last = logits.narrow(1, tokens.len() - 1, 1);
        let likeliest = last.argmax(2).into_data().iter::<i64>().next();
        assert_eq!(likeliest, Some(token.into()), "after {tokens:?}");
        tokens.push(token);
    }
    let mut stream = TextStream::new(&vocab);
    let text: String = written.iter().map(|&token| stream.push(token)).collect();
    assert_eq!(text.len(), 20);
}

fn cell<C: Cell<Inner>>(kind: C::Kind, d_hidden: usize) -> C {
    let options = CellOptions::new(5, d_hidden);
    C::init(kind, &options, &mut Init::from_seed(3, &Default::default()))
}

/// `forward` of a stack is the loop over its steps, and its stepper does the same on slices.
#[test]
fn it_goes_into_a_stack() {
    let config = StackConfig::new(5, 7).with_n_layers(3);
    let stack: Stack<Inner, SlowFast<Inner>> = config.init_seeded((), 2, &Default::default());
    let x = Random::new(1).tensor::<Inner, 3>([2, 6, 5]);
    let (y, last) = stack.forward(x.clone(), None);
    let (by_hand, last_by_hand) = by_steps(&stack, x.clone(), stack.initial_state(2));
    let mut worst = Worst::default();
    worst.see("y", &y.to_data(), &by_hand.to_data());
    for (ours, expected) in last.to_data().iter().zip(last_by_hand.to_data()) {
        worst.see("state", ours, &expected);
    }

    let mut stepper = Stepper::new(&stack, 2);
    let mut streamed = vec![0.0; stepper.output_len()];
    for (x, y) in x.iter_dim(1).zip(y.iter_dim(1)) {
        let x = x.into_data().to_vec::<f32>().unwrap();
        stepper.step(&x, &mut streamed);
        let streamed = TensorData::new(streamed.clone(), [2, 1, 7]);
        worst.see("streamed", &streamed, &y.to_data());
    }
    worst.assert_within(1e-6);
    let state: Vec<&[f32]> = stepper.state().collect();
    assert_eq!(state.len(), 9, "three tensors of three layers");
    stepper.reset();
    assert!(stepper.state().all(|state| state.iter().all(|&s| s == 0.0)));
}

/// A stack may hold different cells of a list.
#[test]
fn it_stands_beside_the_cells_of_the_crate() {
    let device = Default::default();
    let init = &mut Init::from_seed(4, &device);
    let layer = |kind, d_input, init: &mut Init<Inner>| -> OurCell<Inner> {
        OurCell::init(kind, &CellOptions::new(d_input, 4), init)
    };
    let layers = vec![
        layer(OurKind::SlowFast, 5, init),
        layer(OurKind::Lstm, 4, init),
    ];
    let stack = Stack::new(layers, burn::nn::DropoutConfig::new(0.0).init());
    let x = Random::new(5).tensor::<Inner, 3>([2, 6, 5]);
    let (y, state) = stack.forward(x.clone(), None);
    let (by_hand, _) = by_steps(&stack, x, stack.initial_state(2));
    let mut worst = Worst::default();
    worst.see("y", &y.to_data(), &by_hand.to_data());
    worst.assert_within(1e-5);
    assert!(matches!(
        state[..],
        [OurState::SlowFast(SlowFastState { .. }), OurState::Lstm(_)]
    ));
}

/// What is said of a cell before it has weights is what it has: parameters, and numbers in its state.
#[test]
fn descriptions_are_true() {
    fn check<C: Cell<Inner>>(kind: C::Kind) {
        let (description, cell) = (C::description(kind), cell::<C>(kind, 7));
        let name = description.name;
        let parameters = (description.parameters)(5.0, 7.0);
        assert_eq!(parameters, Module::num_params(&cell) as f64, "{name}");
        let state = cell.initial_state(1).tensors();
        let numbers: usize = state
            .iter()
            .map(|tensor| tensor.shape().num_elements())
            .sum();
        assert_eq!((description.state)(7.0), numbers as f64, "{name}");
        // Names tell the tensors of a checkpoint apart.
        let mut names = BTreeSet::new();
        cell.initial_state(1).map(&mut |name, tensor| {
            names.insert(name.to_owned());
            tensor
        });
        assert_eq!(names.len(), state.len(), "{name}: {names:?}");
    }
    for kind in CellKind::ALL {
        check::<AnyCell<Inner>>(kind);
    }
    for kind in OurKind::ALL {
        check::<OurCell<Inner>>(kind);
    }
    check::<SlowFast<Inner>>(());
}

#[test]
fn kinds_have_names() {
    for kind in CellKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{kind}\""));
        assert_eq!(serde_json::from_str::<CellKind>(&json).unwrap(), kind);
    }
    let unknown = "gru2".parse::<OurKind>().expect_err("no such cell");
    let names = OurKind::NAMES.join(", ");
    assert_eq!(names, "slow_fast, lstm");
    assert_eq!(
        unknown.to_string(),
        format!(r#"no cell "gru2"; there is {names}"#)
    );
}

/// Kernels or not: the stepper says the same when a cell takes the wrong kind of input.
#[test]
fn a_stepper_of_vectors_refuses_tokens() {
    fn refusal<C: RecurrentCell<Inner> + Clone + Send + 'static>(cell: C) -> String {
        let mut stepper = Stepper::new(&cell, 1);
        let message = panic_message(|| stepper.step_tokens(&[1], &mut [0.0; 4]));
        message.lines().next().unwrap_or_default().to_owned()
    }
    let own = refusal(cell::<SlowFast<Inner>>((), 4));
    let lstm = refusal(cell::<Lstm<Inner>>((), 4));
    assert!(own.contains("this network takes vectors"), "{own}");
    assert_eq!(own, lstm);
}
