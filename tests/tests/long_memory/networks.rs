//! The networks that are compared, and what can be seen of them.

use burn::{module::Module, tensor::Tensor};
use burn_ndarray::NdArray;
use long_memory::{
    Budget, Job, Network, NetworkConfig, NetworkKind, Sequences, Task, after_pasts,
    network::Layer,
    tasks::{ALL, Adding, Xor},
    trace,
    training::Stream,
};
use models::{AnyCell, Lstm, LstmConfig, RecurrentCell, RecurrentState, fused::without_kernels};
use tests::random::Random;

type B = NdArray<f32>;

fn network(kind: NetworkKind, task: &'static dyn Task) -> (Job, Network<B>) {
    let job = Job {
        task,
        distance: 12,
        kind,
        seed: 5,
    };
    let network = job.network(&Budget::default());
    (job, network.init(job.seed, &Default::default()))
}

/// Each has the size that brings it closest to the parameters of the Lstm; at the default size that is
/// within 2 %.
#[test]
fn all_have_as_many_parameters_as_their_sizes_allow() {
    for hidden_size in [1, 16, 32, 33, 100] {
        let budget = Budget {
            hidden_size,
            ..Budget::default()
        };
        for (task, kind) in ALL
            .into_iter()
            .flat_map(|task| NetworkKind::ARTICLE.map(|kind| (task, kind)))
        {
            let of_kind = |kind| {
                let job = Job {
                    task,
                    distance: 5,
                    kind,
                    seed: 1,
                };
                job.network(&budget)
            };
            let (lstm, config): (NetworkConfig, NetworkConfig) =
                (of_kind(NetworkKind::LSTM), of_kind(kind));
            let network = config.init::<B>(1, &Default::default());
            assert_eq!(network.num_params(), config.parameters());

            let off = |config: NetworkConfig| config.parameters().abs_diff(lstm.parameters());
            let name = format!("{kind} at {hidden_size} for {}", task.name());
            for d_hidden in [config.d_hidden - 1, config.d_hidden + 1] {
                assert!(
                    off(config) <= off(NetworkConfig { d_hidden, ..config }),
                    "{name}"
                );
            }
            if hidden_size == Budget::default().hidden_size {
                assert!(off(config) * 50 < lstm.parameters(), "{name}");
            }
        }
    }
}

#[test]
fn an_answer_without_memory_is_a_function_of_the_last_input() {
    for kind in NetworkKind::ARTICLE {
        let (job, network) = network(kind, &Xor);
        let batch: Sequences<B> = job.batch(Stream::Test, 8, &Default::default());
        let whole = network.forward(batch.inputs.clone(), 1);
        let last = network.forward(batch.inputs.narrow(1, job.distance - 1, 1), 1);
        let differs = (whole - last).abs().max().into_scalar() > 0.0;
        assert_eq!(differs, kind != NetworkKind::FeedForward, "{kind}");
    }
}

#[test]
fn answers_after_pasts_are_those_of_the_network() {
    let (job, network) = network(NetworkKind::RNN, &Xor);
    let answers = after_pasts(&network, 6, 10, job.seed, &Default::default());
    for of_pair in &answers {
        assert_eq!(of_pair.len(), 10);
        assert!(of_pair.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(of_pair.iter().any(|p| p != &of_pair[0]), "the past counts");
    }
}

/// Each moment of a trace against the gates' equations and the network's own answer.
#[test]
fn a_trace_is_what_the_network_does() {
    let (job, network) = network(NetworkKind::LSTM, &Adding);
    let device = Default::default();
    let sequence = Adding.draw(job.distance, &mut Stream::Example.of(1));
    let moments = trace(&network, &sequence.inputs, &device).expect("gates");
    assert_eq!(moments.len(), job.distance);
    let x = Tensor::<B, 1>::from_floats(&sequence.inputs[..], &device);
    let x = x.reshape([1, job.distance, 2]);
    let all = network.forward(x, job.distance).into_data();
    for (moment, answer) in moments.iter().zip(all.iter::<f64>()) {
        assert!((moment.answer[0] - answer).abs() < 1e-6);
    }
    for pair in moments.windows(2) {
        for unit in 0..pair[0].c.len() {
            // c[t] = f·c[t-1] + i·g, where g is from −1 to 1.
            let taken_in = pair[1].c[unit] - pair[1].f[unit] * pair[0].c[unit];
            assert!(taken_in.abs() <= pair[1].i[unit] + 1e-6);
        }
    }
    let (_, plain) = self::network(NetworkKind::RNN, &Adding);
    assert!(trace(&plain, &sequence.inputs, &device).is_none());
}

#[test]
fn the_gates_are_those_of_a_step() {
    let lstm: Lstm<B> = LstmConfig::new(3, 4).init_seeded(1, &Default::default());
    let mut random = Random::new(2);
    let x = random.tensor::<B, 2>([2, 3]);
    let state = lstm.initial_state(2).map(&mut |_, _| random.tensor([2, 4]));
    let gates = lstm.gates(x.clone(), state.hidden.clone());
    let (hidden, next) = without_kernels(|| lstm.step(x, state.clone()));
    let cell = gates.f * state.cell + gates.i * gates.g;
    next.cell
        .into_data()
        .assert_eq(&cell.clone().into_data(), true);
    hidden
        .into_data()
        .assert_eq(&(gates.o * cell.tanh()).into_data(), true);
}

/// Tallec and Ollivier 2018, section 3: forget gates from ln U(1, T−1), input gates the negative.
#[test]
fn the_chrono_initialisation_is_as_published() {
    let (h, longest) = (1000, 50usize);
    let config = LstmConfig::new(2, h).with_chrono(Some(longest));
    let lstm: Lstm<B> = config.init_seeded(1, &Default::default());
    let b: Vec<f64> = lstm.b.unwrap().val().into_data().iter().collect();
    let (input, forget) = (&b[..h], &b[h..2 * h]);
    assert!(input.iter().zip(forget).all(|(i, f)| *i == -f));
    let times: Vec<f64> = forget.iter().map(|bias| bias.exp()).collect();
    let (low, high) = (1.0, longest as f64 - 1.0);
    assert!(times.iter().all(|t| (low - 1e-4..high + 1e-3).contains(t)));
    let mean = times.iter().sum::<f64>() / h as f64;
    // The mean of a uniform distribution, within four standard errors.
    let error = 4.0 * (high - low) / 12f64.sqrt() / (h as f64).sqrt();
    assert!((mean - (low + high) / 2.0).abs() < error, "{mean}");

    let fixed = LstmConfig::new(2, 3).with_forget_bias(Some(2.0));
    let fixed: Lstm<B> = fixed.init_seeded(1, &Default::default());
    let b: Vec<f64> = fixed.b.unwrap().val().into_data().iter().collect();
    assert_eq!(b[3..6], [2.0; 3]);
}

#[test]
fn the_forget_bias_of_a_budget_is_the_network_s() {
    let budget = Budget {
        forget_bias: Some(-1.5),
        hidden_size: 4,
        ..Budget::default()
    };
    let job = Job {
        task: &Adding,
        distance: 9,
        kind: NetworkKind::LSTM,
        seed: 1,
    };
    let network: Network<B> = job.network(&budget).init(1, &Default::default());
    let Layer::Recurrent(AnyCell::Lstm(lstm)) = network.layer else {
        panic!("an Lstm was asked for")
    };
    let b: Vec<f64> = lstm.b.unwrap().val().into_data().iter().collect();
    assert_eq!(b[4..8], [-1.5; 4]);
}
