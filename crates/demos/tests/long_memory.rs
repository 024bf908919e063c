//! `long_memory` as a whole: what it prints and writes, that its gradients are right, and that bad input
//! ends in one line.
#![allow(missing_docs)]

mod common;

use std::fs;

use burn::tensor::{Tensor, backend::Backend};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use common::{Place, column};
use long_memory::{
    Budget, Job, Network, NetworkKind,
    network::Layer,
    task::{Answer, Task},
    tasks::{Adding, RunningXor},
    training::{GRADIENT, Stream},
};
use models::AnyCell;

type B = NdArray<f32>;

const SMALL: &[&str] = &[
    "--distances",
    "6,3",
    "--seeds",
    "2",
    "--updates",
    "40",
    "--hidden-size",
    "4",
    "--batch-size",
    "8",
    "--backend",
    "ndarray",
];

const FILES: [&str; 15] = [
    "curves.csv",
    "curves.png",
    "curves.svg",
    "distance.png",
    "distance.svg",
    "example.csv",
    "forget_gate.png",
    "forget_gate.svg",
    "gates.csv",
    "gradient.png",
    "gradient.svg",
    "gradients.csv",
    "pasts.csv",
    "results.csv",
    "settings.json",
];

fn place() -> Place {
    Place::of(env!("CARGO_BIN_EXE_long_memory"))
}

fn files(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path().join(folder)).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

#[test]
fn an_experiment_tells_and_leaves_everything() {
    let place = place();
    let told = place.succeeds(&[SMALL, &["--out", "a"]].concat());
    for part in [
        "48 training runs of at most 40 updates",
        "xor: accuracy in %, solved at 99 or more",
        "adding: mean squared error, solved below 0.01",
        "Solved by every seed up to a distance of",
        "FeedForward  exactly 0: a pure function",
        "What is left of |∂loss/∂h| and |∂loss/∂c| that many steps back",
        "wrote a/forget_gate.png",
        "wrote a/gates.csv",
    ] {
        assert!(told.contains(part), "does not say {part:?}:\n{told}");
    }
    assert_eq!(files(&place, "a"), FILES);

    let results = place.read("a/results.csv");
    // Tasks, distances, networks, seeds.
    assert_eq!(results.lines().count(), 1 + 4 * 2 * 3 * 2);
    let gradients = place.read("a/gradients.csv");
    // Steps of all distances, networks with a state, seeds, start and end.
    let steps = 3 * (6 + 3) + (7 + 4);
    assert_eq!(gradients.lines().count(), 1 + steps * 2 * 2 * 2);
    for name in ["curves", "distance", "forget_gate", "gradient"] {
        assert!(place.read(&format!("a/{name}.svg")).starts_with("<svg"));
        let png = fs::read(place.path().join(format!("a/{name}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    }
}

#[test]
fn each_experiment_has_a_folder_of_its_own_unless_one_is_named() {
    let place = place();
    let args = [SMALL, &["--tasks", "xor"]].concat();
    for number in [1, 2] {
        let told = place.succeeds(&args);
        let folder = format!("runs/long_memory-{number}");
        assert!(
            told.contains(&format!("wrote {folder}/results.csv")),
            "{told}"
        );
        assert!(!files(&place, &folder).is_empty());
    }
}

#[test]
fn the_same_seed_leaves_the_same_bytes_and_another_does_not() {
    let place = place();
    let run = |out, more: &[&str]| place.succeeds(&[SMALL, &["--out", out], more].concat());
    run("a", &[]);
    // Next to what another experiment left.
    fs::create_dir(place.path().join("b")).unwrap();
    place.file("b/results.csv", "something else");
    run("b", &[]);
    for name in FILES {
        let [a, b] = ["a", "b"].map(|out| fs::read(place.path().join(out).join(name)).unwrap());
        assert!(a == b, "{name} differs");
    }
    run("c", &["--seed", "7"]);
    assert_ne!(place.read("a/results.csv"), place.read("c/results.csv"));
}

#[test]
fn what_an_older_experiment_left_and_this_one_has_not_goes() {
    let place = place();
    place.succeeds(&[SMALL, &["--out", "a"]].concat());
    place.succeeds(&[SMALL, &["--out", "a", "--tasks", "running-xor"]].concat());
    let left = [
        "curves.csv",
        "curves.png",
        "curves.svg",
        "distance.png",
        "distance.svg",
    ];
    let left = left
        .into_iter()
        .chain(["gradient.png", "gradient.svg", "gradients.csv"]);
    let left: Vec<_> = left.chain(["results.csv", "settings.json"]).collect();
    assert_eq!(files(&place, "a"), left);
}

#[test]
fn a_feed_forward_network_says_the_same_after_every_past() {
    let place = place();
    place.succeeds(&[SMALL, &["--out", "a", "--tasks", "xor"]].concat());
    let pasts = place.read("a/pasts.csv");
    let rows = [
        column(&pasts, "network"),
        column(&pasts, "seed"),
        column(&pasts, "distance"),
    ];
    let pair = std::iter::zip(column(&pasts, "a"), column(&pasts, "b"));
    let mut apart = 0;
    let mut all = std::collections::BTreeMap::new();
    for (i, (pair, answer)) in std::iter::zip(pair, column(&pasts, "answer")).enumerate() {
        let key = (
            rows[0][i].clone(),
            rows[1][i].clone(),
            rows[2][i].clone(),
            pair,
        );
        let first: &mut String = all.entry(key).or_insert_with(|| answer.clone());
        match rows[0][i].as_str() {
            "FeedForward" => assert_eq!(*first, answer),
            _ => apart += usize::from(*first != answer),
        }
    }
    assert_eq!(all.len(), 3 * 2 * 2 * 4);
    assert!(apart > 100, "a state is there: {apart}");
}

/// Compares each gradient in the table, of a fresh and of a trained network, with central differences of
/// a loss that is computed here from the equations, in 64 bits.
#[test]
fn gradients_equal_finite_differences() {
    let place = place();
    let flags = ["--out", "a", "--tasks", "running-xor,adding", "--seed", "3"];
    place.succeeds(&[SMALL, &flags].concat());
    let table = place.read("a/gradients.csv");
    let get = |name| column(&table, name);
    let rows: Vec<[String; 7]> = {
        let names = [
            "task", "distance", "network", "seed", "training", "hidden", "cell",
        ];
        let columns = names.map(get);
        (0..columns[0].len())
            .map(|i| columns.each_ref().map(|column| column[i].clone()))
            .collect()
    };
    let budget = Budget {
        hidden_size: 4,
        updates: 40,
        batch_size: 8,
        ..Budget::default()
    };
    let device = Default::default();
    let (mut checked, mut worst) = (0, 0.0f64);
    for task in [&RunningXor as &dyn Task, &Adding] {
        for kind in [NetworkKind::RNN, NetworkKind::LSTM] {
            let job = Job {
                task,
                distance: 6,
                kind,
                seed: 3,
            };
            let fresh: Network<B> = job.network(&budget).init(job.seed, &device);
            let trained = job.train::<Autodiff<B>>(&budget, &device, || true).unwrap();
            for (training, network) in [("start", fresh), ("end", trained.network)] {
                let key = [task.name(), "6", &kind.to_string(), "3", training];
                let of_key = rows.iter().filter(|row| row[..5] == key);
                let differences = Equations::of(&network).reach(&job);
                for (row, expected) in of_key.zip(differences) {
                    let told = [&row[5], &row[6]].map(|field| field.parse::<f64>().ok());
                    for (told, expected) in told.into_iter().flatten().zip(expected) {
                        let error = (told - expected).abs() / expected.max(1e-5);
                        worst = worst.max(error);
                        assert!(error < 1e-3, "{key:?}: {told} told, {expected} found");
                        checked += 1;
                    }
                }
            }
        }
    }
    // Six steps, start and end, two tasks: the hidden states of two networks, the cell of one.
    assert_eq!(checked, 6 * 2 * 2 * 3);
    println!("{checked} norms, relative error at most {worst:.1e}");
}

/// A network as plain numbers.
struct Equations {
    is_lstm: bool,
    d_hidden: usize,
    wx: Vec<f64>,
    wh: Vec<f64>,
    b: Vec<f64>,
    head: Vec<f64>,
    head_bias: Vec<f64>,
}

fn numbers<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

impl Equations {
    fn of(network: &Network<B>) -> Self {
        let (wx, wh, b) = match &network.layer {
            Layer::Recurrent(AnyCell::Rnn(rnn)) => {
                (rnn.wx.val(), rnn.wh.val(), rnn.b.as_ref().unwrap().val())
            }
            Layer::Recurrent(AnyCell::Lstm(lstm)) => {
                (lstm.wx.val(), lstm.wh.val(), lstm.b.as_ref().unwrap().val())
            }
            _ => unreachable!("not among the article's recurrent networks"),
        };
        Equations {
            is_lstm: matches!(network.layer, Layer::Recurrent(AnyCell::Lstm(_))),
            d_hidden: wh.dims()[0],
            wx: numbers(wx),
            wh: numbers(wh),
            b: numbers(b),
            head: numbers(network.head.weight.val()),
            head_bias: numbers(network.head.bias.as_ref().unwrap().val()),
        }
    }

    /// Returns `h`, followed in an LSTM by `c`.
    fn step(&self, x: &[f64], state: &[f64]) -> Vec<f64> {
        let h = self.d_hidden;
        let width = self.b.len();
        let a: Vec<f64> = (0..width)
            .map(|j| {
                let input: f64 = x
                    .iter()
                    .zip(self.wx[j..].iter().step_by(width))
                    .map(|(x, w)| x * w)
                    .sum();
                let state = state[..h].iter().zip(self.wh[j..].iter().step_by(width));
                self.b[j] + input + state.map(|(h, w)| h * w).sum::<f64>()
            })
            .collect();
        if !self.is_lstm {
            return a.into_iter().map(f64::tanh).collect();
        }
        let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
        let cell =
            |u: usize| sigmoid(a[h + u]) * state[h + u] + sigmoid(a[u]) * a[2 * h + u].tanh();
        let cells: Vec<f64> = (0..h).map(cell).collect();
        let hidden = (0..h).map(|u| sigmoid(a[3 * h + u]) * cells[u].tanh());
        hidden.chain(cells.iter().copied()).collect()
    }

    /// Returns the loss at the end of these inputs, starting from `state`.
    fn loss(&self, inputs: &[&[f64]], mut state: Vec<f64>, answer: Answer, target: f64) -> f64 {
        for x in inputs {
            state = self.step(x, &state);
        }
        let width = self.head_bias.len();
        let outputs: Vec<f64> = (0..width)
            .map(|j| {
                let column = self.head[j..].iter().step_by(width);
                self.head_bias[j]
                    + state[..self.d_hidden]
                        .iter()
                        .zip(column)
                        .map(|(h, w)| h * w)
                        .sum::<f64>()
            })
            .collect();
        match answer {
            Answer::Number => (outputs[0] - target).powi(2),
            Answer::Class(_) => {
                let sum: f64 = outputs.iter().map(|output| output.exp()).sum();
                sum.ln() - outputs[target as usize]
            }
        }
    }

    /// Returns the gradient norms of `h` and `c` at each step back, averaged over the sequences.
    fn reach(&self, job: &Job) -> Vec<[f64; 2]> {
        const STEP: f64 = 1e-5;
        let batch = job
            .batch::<B>(Stream::Gradient, GRADIENT, &Default::default())
            .at_the_end();
        let [size, steps, d_input] = batch.inputs.dims();
        let inputs = numbers(batch.inputs);
        let mut norms = vec![[0.0; 2]; steps];
        for (sequence, &target) in inputs.chunks(steps * d_input).zip(&batch.targets) {
            let xs: Vec<&[f64]> = sequence.chunks(d_input).collect();
            let parts = if self.is_lstm { 2 } else { 1 };
            let mut state = vec![0.0; parts * self.d_hidden];
            for t in 0..steps {
                state = self.step(xs[t], &state);
                let slope = |i: usize| {
                    let [low, high] = [-STEP, STEP].map(|by| {
                        let mut moved = state.clone();
                        moved[i] += by;
                        self.loss(&xs[t + 1..], moved, job.task.answer(), f64::from(target))
                    });
                    (high - low) / (2.0 * STEP)
                };
                let slopes: Vec<f64> = (0..state.len()).map(slope).collect();
                for (part, slopes) in slopes.chunks(self.d_hidden).enumerate() {
                    let norm = slopes.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
                    norms[steps - 1 - t][part] += norm / size as f64;
                }
            }
        }
        norms
    }
}

#[test]
fn bad_input_is_one_line() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["--distances", "0"], &["--distances 0", "must be from 2"]),
        (&["--distances", "1"], &["--distances 1", "must be from 2"]),
        (&["--distances", ""], &["--distances"]),
        (&["--distances"], &["--distances"]),
        (&["--distances", "10,,20"], &["--distances"]),
        (
            &["--distances", "10,x"],
            &["--distances x: must be a whole number"],
        ),
        (&["--distances", "10,-5"], &["--distances"]),
        (&["--distances", "10,20,10"], &["--distances 10", "twice"]),
        (&["--distances", "99999999999999999999"], &["--distances"]),
        (&["--tasks", ""], &["--tasks"]),
        (&["--tasks", "xor,adding,xor"], &["--tasks xor", "twice"]),
        (
            &["--learning-rate", "-1"],
            &["--learning-rate -1", "above 0"],
        ),
        (
            &["--learning-rate", "1e300"],
            &["--learning-rate", "at most 1000"],
        ),
        (
            &["--tasks", "xor,chess"],
            &["--tasks", "'chess'", "running-xor"],
        ),
        (&["--seeds", "0"], &["--seeds 0", "must be from 1"]),
        (&["--updates", "0"], &["--updates 0", "must be from 1"]),
        (
            &["--batch-size", "0"],
            &["--batch-size 0", "must be from 1"],
        ),
        (
            &["--hidden-size", "0"],
            &["--hidden-size 0", "must be from 1"],
        ),
        (
            &["--hidden-size", "1000000"],
            &["of memory", "lower --hidden-size"],
        ),
        (
            &["--distances", "1000000", "--batch-size", "1000000"],
            &["of memory", "--distances"],
        ),
        (&["--learning-rate", "0"], &["--learning-rate 0", "above 0"]),
        (
            &["--learning-rate", "NaN"],
            &["--learning-rate NaN", "above 0"],
        ),
        (
            &["--forget-bias", "inf"],
            &["--forget-bias inf", "must be a number"],
        ),
        (&["--nonsense"], &["--nonsense"]),
    ];
    let place = place();
    for (args, told) in cases {
        place.fails(2, args, told);
        assert!(
            !place.path().join("long_memory").exists(),
            "{args:?} left a folder"
        );
    }
}

#[test]
fn an_unwritable_folder_is_one_line() {
    let place = place();
    place.fails(1, &["--out", "/proc/pictures"], &["/proc/pictures"]);
    place.file("taken", "a file");
    place.fails(1, &["--out", "taken"], &["taken: not a folder"]);
    // A folder in place of a file: we cannot write to it.
    fs::create_dir_all(place.path().join("a/settings.json")).unwrap();
    place.fails(1, &["--out", "a"], &["a/settings.json"]);
    fs::create_dir_all(place.path().join("b/results.csv")).unwrap();
    place.fails(1, &[SMALL, &["--out", "b"]].concat(), &["b/results.csv"]);
}

#[cfg(unix)]
mod stopped {
    use std::{
        io::Read,
        process::{Command, Stdio},
        sync::mpsc,
        thread,
    };

    use rustix::process::Signal;

    use super::{
        common::{column, events::Running, terminal, text},
        place,
    };

    /// What was trained until then is told and written, and no more is claimed.
    #[test]
    fn a_signal_ends_it_with_what_there_is() {
        let place = place();
        let (mut shown, stderr) = terminal::open(80);
        // A network without memory learns xor at once, whatever the distance. Others take many times as long
        // for an update, and nobody learns running xor over 500 bits.
        let flags = "--tasks xor,running-xor --distances 500 --seeds 1 --hidden-size 32 --batch-size 1 \
                     --updates 40000 --backend ndarray --out a";
        let mut command = Command::new(env!("CARGO_BIN_EXE_long_memory"));
        command
            .current_dir(place.path())
            .args(flags.split_whitespace())
            .env("TERM", "xterm")
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut program = Running::start(&mut command);
        // The program's end of the terminal closes with it.
        drop(command);
        let (sender, blocks) = mpsc::channel();
        thread::spawn(move || {
            let mut block = [0; 1024];
            // All that it shows, also when nobody looks any more: it would wait for a reader.
            while let Ok(n @ 1..) = shown.read(&mut block) {
                let _ = sender.send(block[..n].to_vec());
            }
        });
        let mut bar = Vec::new();
        program.wait_for("the first network to be trained", || {
            bar.extend(blocks.try_iter().flatten());
            text(&bar).contains("xor 500 FeedForward: ")
        });
        program.signal(Signal::INT);
        let output = program.output();
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(130), "{told}");
        assert!(told.contains("did not finish"), "{told}");
        assert!(told.contains("xor: accuracy"), "{told}");
        assert!(!told.contains("Lstm 500"), "{told}");
        // What did not run is not called unsolved, and pictures say that something is missing.
        assert!(
            told.contains("Lstm not run") && !told.contains("Lstm none"),
            "{told}"
        );
        assert!(place.read("a/distance.svg").contains("Interrupted: "));
        let networks = column(&place.read("a/results.csv"), "network");
        assert_eq!(networks[0], "FeedForward");
        assert!(networks.len() < 6, "{networks:?}");
    }
}
