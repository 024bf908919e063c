//! Trainings: what is learned, what is not, and that neither company nor order changes a bit of it.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering},
};

use burn::tensor::{Tensor, backend::Backend};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use long_memory::{
    Budget, Experiment, ExperimentEvent, Job, NetworkKind, Trained,
    network::Layer,
    tasks::{Adding, FirstSymbol, RunningXor, Xor},
};
use models::AnyCell;
use train::{Error, learn::norms::is_finite};

type B = Autodiff<NdArray<f32>>;

fn small() -> Experiment {
    Experiment {
        tasks: vec![&RunningXor, &Adding],
        distances: vec![4, 2],
        seeds: 2,
        budget: Budget {
            hidden_size: 5,
            updates: 20,
            batch_size: 4,
            ..Budget::default()
        },
        ..Experiment::default()
    }
}

fn run(experiment: &Experiment, workers: usize) -> Vec<Trained<NdArray<f32>>> {
    let go_on = |_: ExperimentEvent<'_, NdArray<f32>>| ControlFlow::Continue(());
    experiment.run::<B>(&Default::default(), workers, go_on)
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<u32> {
    tensor.into_data().iter::<f32>().map(f32::to_bits).collect()
}

/// All bits that came out.
fn bits(trained: &Trained<NdArray<f32>>) -> (Vec<u32>, Vec<u64>) {
    let network = &trained.network;
    let mut weights = values(network.head.weight.val());
    match &network.layer {
        Layer::FeedForward(layer) => weights.extend(values(layer.wx.val())),
        Layer::Recurrent(AnyCell::Rnn(rnn)) => weights.extend(values(rnn.wh.val())),
        Layer::Recurrent(AnyCell::Lstm(lstm)) => weights.extend(values(lstm.wh.val())),
        Layer::Recurrent(_) => unreachable!("not among the article's networks"),
    }
    let reach = trained.reach.iter().flatten();
    let gradients = reach.flat_map(|reach| reach.all().flat_map(|(_, norms)| norms));
    let curve = trained.curve.iter().map(|point| &point.result);
    let numbers = gradients.chain(curve).chain([&trained.result]);
    (weights, numbers.map(|x| x.to_bits()).collect())
}

#[test]
fn the_number_of_workers_changes_no_bit() {
    let experiment = small();
    let one = run(&experiment, 1);
    assert_eq!(one.len(), 2 * 2 * 3 * 2);
    for workers in [2, 5] {
        let several = run(&experiment, workers);
        assert_eq!(several.len(), one.len());
        for (a, b) in one.iter().zip(&several) {
            let name = |job: &Job| (job.task.name(), job.distance, job.kind, job.seed);
            assert_eq!(name(&a.job), name(&b.job));
            assert!(
                bits(a) == bits(b),
                "{:?} with {workers} workers",
                name(&a.job)
            );
        }
    }
    // Another seed is another training.
    assert!(bits(&one[0]) != bits(&one[1]));
}

#[test]
fn what_was_trained_before_a_stop_comes_out() {
    let done = AtomicUsize::new(0);
    let trained = small().run::<B>(&Default::default(), 1, |event| {
        if let ExperimentEvent::Trained(_) = event
            && done.fetch_add(1, Ordering::Relaxed) == 2
        {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(trained.len(), 3);
}

fn train(job: Job, updates: usize) -> Trained<NdArray<f32>> {
    let budget = Budget {
        updates,
        ..Budget::default()
    };
    let trained = job.train::<B>(&budget, &Default::default(), || true);
    trained.expect("nothing stopped it")
}

#[test]
fn a_feed_forward_network_learns_xor_and_no_running_xor() {
    let kind = NetworkKind::FeedForward;
    let distance = 3;
    let xor = train(
        Job {
            task: &Xor,
            distance,
            kind,
            seed: 1,
        },
        300,
    );
    assert_eq!(xor.result, 1.0);
    assert!(xor.updates < 300, "it stops once it has learned");
    assert!(xor.reach.is_none(), "there is no state");
    let running = train(
        Job {
            task: &RunningXor,
            distance,
            kind,
            seed: 1,
        },
        300,
    );
    // Four standard deviations of 2,000 tosses of a coin.
    assert!(
        (running.result - 0.5).abs() < 4.0 * 0.5 / 2000f64.sqrt(),
        "{}",
        running.result
    );
    assert_eq!(running.updates, 300);
}

#[test]
fn recurrent_networks_learn_short_tasks() {
    for kind in [NetworkKind::RNN, NetworkKind::LSTM] {
        let parity = train(
            Job {
                task: &RunningXor,
                distance: 4,
                kind,
                seed: 1,
            },
            1000,
        );
        assert!(parity.result >= 0.99, "{kind}: {}", parity.result);
        let symbol = train(
            Job {
                task: &FirstSymbol,
                distance: 5,
                kind,
                seed: 1,
            },
            500,
        );
        assert!(symbol.result >= 0.99, "{kind}: {}", symbol.result);
        let updates: Vec<usize> = symbol.curve.iter().map(|point| point.update).collect();
        assert!(updates.is_sorted() && updates[0] == 0);
        assert_eq!(updates.last(), Some(&symbol.updates));
    }
}

/// In a fresh network: the plain one loses the gradient as a power of the distance, the cell does not.
#[test]
fn the_gradient_vanishes_in_a_plain_network() {
    let reach = |kind| {
        let job = Job {
            task: &Adding,
            distance: 60,
            kind,
            seed: 1,
        };
        train(job, 1).reach.expect("a state")[0].clone()
    };
    let (rnn, lstm) = (reach(NetworkKind::RNN), reach(NetworkKind::LSTM));
    assert_eq!([rnn.hidden().len(), lstm.hidden().len()], [60, 60]);
    assert!(rnn.hidden()[59] < 1e-10 * rnn.hidden()[0]);
    let cell = lstm.of("cell").expect("a cell");
    assert_eq!(
        cell[0], 0.0,
        "after the last step the answer is of the hidden state alone"
    );
    assert!(cell[59] > 0.05 * cell[1]);
}

/// Numbers that are not finite are never learned from.
#[test]
fn a_learning_rate_beyond_reason_leaves_finite_weights() {
    let job = Job {
        task: &Adding,
        distance: 4,
        kind: NetworkKind::RNN,
        seed: 1,
    };
    let budget = Budget {
        updates: 50,
        learning_rate: 1e30,
        ..Budget::default()
    };
    let trained = job.train::<B>(&budget, &Default::default(), || true);
    assert!(is_finite(&trained.expect("an end").network));
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |change: fn(&mut Experiment)| {
        let mut experiment = small();
        change(&mut experiment);
        match experiment.validate() {
            Err(Error::Setting { setting, .. }) => setting,
            other => panic!("{other:?}"),
        }
    };
    small().validate().expect("in range");
    assert_eq!(refused(|e| e.tasks.clear()), "tasks");
    assert_eq!(refused(|e| e.distances.clear()), "distances");
    assert_eq!(refused(|e| e.distances.push(1)), "distances");
    assert_eq!(refused(|e| e.distances.push(4)), "distances");
    assert_eq!(refused(|e| e.seeds = 0), "seeds");
    assert_eq!(refused(|e| e.budget.updates = 0), "updates");
    assert_eq!(refused(|e| e.budget.hidden_size = 0), "hidden_size");
    assert_eq!(refused(|e| e.budget.batch_size = 0), "batch_size");
    assert_eq!(
        refused(|e| e.budget.learning_rate = f64::NAN),
        "learning_rate"
    );
    assert_eq!(
        refused(|e| e.budget.forget_bias = Some(f64::INFINITY)),
        "forget_bias"
    );
    assert_eq!(refused(|e| (e.seed, e.seeds) = (u64::MAX, 2)), "seed");
}
