//! Every backend that is compiled in finds a device, and all agree.
#![allow(missing_docs)]

mod common;

use common::Place;

/// Returns the names of the backends in this build.
fn compiled_in() -> Vec<&'static str> {
    let all = [
        ("ndarray", cfg!(feature = "ndarray")),
        ("flex", cfg!(feature = "flex")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("cuda", cfg!(feature = "cuda")),
    ];
    all.into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn all_that_are_compiled_in_answer() {
    let list = Place::new().succeeds(&["--list-backends"]);
    for name in compiled_in() {
        let line = list
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line for each");
        assert!(line.contains("ready:"), "{line}");
    }
}

/// The same short run on each backend: losses agree to 1e-3 over the first 20 updates, and a model
/// trained on one generates the same text on another.
#[test]
fn losses_agree() {
    for model in ["lstm", "rnn"] {
        let place = Place::new();
        place.file("text", common::words(3000));
        let names = compiled_in();
        for name in &names {
            place.succeeds(&[
                "train",
                "--data",
                "text",
                "--backend",
                name,
                "--model",
                model,
                "--hidden-size",
                "16",
                "--embedding-size",
                "8",
                "--batch-size",
                "8",
                "--seq-length",
                "16",
                "--max-epochs",
                "1",
                "--val-frac",
                "0",
                "--out",
                name,
            ]);
        }
        let first = place.losses(names[0]);
        assert!(first.len() >= 20, "{} updates", first.len());
        for name in &names[1..] {
            let losses = place.losses(name);
            assert_eq!(losses.len(), first.len());
            for (update, (a, b)) in std::iter::zip(&first, &losses).take(20).enumerate() {
                let difference = (a - b).abs();
                assert!(
                    difference < 1e-3,
                    "{model}, update {update}: {a} on {}, {b} on {name}",
                    names[0]
                );
            }
            let write = |backend: &str| {
                let flags = ["--length", "20", "--temperature", "0", "--backend", backend];
                place.succeeds(&[&["sample", name][..], &flags].concat())
            };
            assert_eq!(write(names[0]), write(name), "{model}");
        }
    }
}

/// The same tiny experiment on each backend: the answers of networks after many pasts, and how far
/// gradients reach.
#[test]
fn experiments_agree() {
    let place = Place::of(env!("CARGO_BIN_EXE_long_memory"));
    let numbers = |name: &str| {
        place.succeeds(&[
            "--tasks",
            "xor,adding",
            "--distances",
            "4",
            "--seeds",
            "1",
            "--updates",
            "5",
            "--hidden-size",
            "6",
            "--batch-size",
            "4",
            "--backend",
            name,
            "--out",
            name,
        ]);
        let columns = [
            ("pasts.csv", "answer"),
            ("gradients.csv", "hidden"),
            ("gradients.csv", "cell"),
        ];
        let of_column =
            |(file, column)| common::column(&place.read(&format!("{name}/{file}")), column);
        columns.into_iter().flat_map(of_column).collect::<Vec<_>>()
    };
    let names = compiled_in();
    let first = numbers(names[0]);
    assert!(first.len() > 1000, "{} numbers", first.len());
    for name in &names[1..] {
        let other = numbers(name);
        assert_eq!(other.len(), first.len());
        for (a, b) in std::iter::zip(&first, &other) {
            // A plain network has no cell.
            if a.is_empty() && b.is_empty() {
                continue;
            }
            let [a, b] = [a, b].map(|number| number.parse::<f64>().expect("a number"));
            assert!((a - b).abs() < 1e-5, "{a} on {}, {b} on {name}", names[0]);
        }
    }
}

/// `models::matmul` is right where Burn's own kernels are not: of a vector, and of sums over an odd number
/// of their steps. Operations before and after it are there to be fused with it, and with its gradients.
#[test]
#[cfg(feature = "wgpu")]
fn matmuls_agree() {
    use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend};
    use burn_autodiff::Autodiff;

    fn tensor<B: AutodiffBackend>(dims: [usize; 2]) -> Tensor<B, 2> {
        let number = |i: usize| (i as f32 * 0.7).cos() / (dims[0] as f32).sqrt();
        let numbers: Vec<f32> = (0..dims[0] * dims[1]).map(number).collect();
        Tensor::from_data(TensorData::new(numbers, dims), &Default::default()).require_grad()
    }
    /// `y = tanh(x/2·W/2 + b)` and the gradients of `Σ y²` by `x` and `W`.
    fn numbers<B: AutodiffBackend>([n, d_input, d_output]: [usize; 3]) -> [Vec<f32>; 3] {
        let (x, w) = (tensor::<B>([n, d_input]), tensor([d_input, d_output]));
        let product = models::matmul(x.clone() / 2, w.clone() / 2);
        let y = (product + tensor([1, d_output])).tanh();
        let gradients = y.clone().powi_scalar(2).sum().backward();
        let [dx, dw] = [x, w].map(|tensor| tensor.grad(&gradients).expect("its gradient"));
        [y.inner(), dx, dw].map(|tensor| tensor.into_data().to_vec().expect("32-bit floats"))
    }
    for sizes in [
        [32, 3, 1],
        [1, 64, 16],
        [1, 7, 4],
        [8, 1, 8],
        [1, 1, 1],
        [5, 40, 24],
        [64, 150, 600],
    ] {
        let cpu = numbers::<Autodiff<burn_ndarray::NdArray<f32>>>(sizes);
        let gpu = numbers::<Autodiff<burn_wgpu::Wgpu>>(sizes);
        for ((a, b), of) in cpu.iter().zip(&gpu).zip(["x·W", "∂x", "∂W"]) {
            let largest = |numbers: &[f32]| numbers.iter().fold(0.0f32, |max, n| max.max(n.abs()));
            let differ: Vec<f32> = std::iter::zip(a, b).map(|(a, b)| a - b).collect();
            let relative = largest(&differ) / largest(a);
            assert!(
                a.len() == b.len() && relative < 1e-4,
                "{of} of {sizes:?}: {relative}"
            );
        }
    }
}

/// Mesa emulates a GPU in software. It is chosen if it is named, and never otherwise.
#[test]
#[cfg(all(feature = "wgpu", feature = "ndarray", not(feature = "cuda")))]
fn a_gpu_in_software_is_not_the_default() {
    let place = Place::new();
    let list = place.succeeds(&["--list-backends"]);
    let wgpu = list.lines().find(|line| line.starts_with("wgpu")).unwrap();
    let is_software = wgpu.contains(", Cpu)");
    place.file("text", common::words(600));
    let args = [common::TINY, &["--data", "text"]].concat();
    let output = place.run(&[&args[..], &["--backend", "wgpu"]].concat());
    assert!(common::text(&output.stdout).contains("on wgpu ("));
    let none = place
        .command(&args)
        .env("VK_DRIVER_FILES", "/nowhere")
        .output()
        .unwrap();
    assert!(common::text(&none.stdout).contains("on ndarray ("));
    assert!(common::text(&none.stderr).contains("wgpu finds no device; using ndarray"));
    let output = place.run(&args);
    let (out, err) = (common::text(&output.stdout), common::text(&output.stderr));
    assert_eq!(out.contains("on ndarray ("), is_software, "{out}");
    let told: Vec<&str> = err
        .lines()
        .filter(|line| line.contains("using ndarray"))
        .collect();
    assert_eq!(told.len(), usize::from(is_software), "{err}");
}

/// Vulkan finds no driver if this variable names none.
#[test]
#[cfg(feature = "wgpu")]
fn no_device_is_one_line() {
    let place = Place::new();
    let args = ["train", "--backend", "wgpu"];
    let output = place
        .command(&args)
        .env("VK_DRIVER_FILES", "/nowhere")
        .output()
        .unwrap();
    common::refused(
        &output,
        1,
        &args,
        &["no device found", "mesa-vulkan-drivers"],
    );
}
