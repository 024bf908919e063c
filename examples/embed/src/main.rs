//! An [`Lstm`](models::Lstm) in a Burn module of your own: it learns to forecast a noisy wave one value
//! ahead, then continues alone from its own forecasts.
//!
//! `cargo run -p embed` writes `forecast.svg`, or the file named by its argument.

mod forecaster;
mod plot;
mod wave;

use std::{path::PathBuf, process::ExitCode};

use burn::{
    module::AutodiffModule,
    optim::{AdamConfig, GradientsParams, Optimizer},
    tensor::{
        ElementConversion, Tensor,
        backend::{AutodiffBackend, Backend},
    },
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;

use forecaster::{Forecaster, ForecasterConfig};
use wave::Waves;

const UPDATES: usize = 200;
const SEEN: usize = 150;
const ALONE: usize = 100;

fn main() -> ExitCode {
    let file = std::env::args_os()
        .nth(1)
        .map_or("forecast.svg".into(), PathBuf::from);
    let device = Default::default();
    let model = train::<Autodiff<NdArray<f32>>>(&device);
    let test = Waves::<NdArray<f32>>::random(1, SEEN + ALONE + 1, &device);

    let (ahead, alone) = forecast(&model, &test);
    let error = mean_squared_error(ahead.clone(), test.signal.clone().narrow(1, 1, SEEN));
    let naive = mean_squared_error(
        test.noisy.clone().narrow(1, 0, SEEN),
        test.signal.clone().narrow(1, 1, SEEN),
    );
    println!("a wave it has never seen, mean squared error:");
    println!("one step ahead:       {error:.4}");
    println!("the last value again: {naive:.4}");

    let values = |tensor: Tensor<NdArray<f32>, 3>| tensor.into_data().iter::<f32>().collect();
    let curves = plot::Curves {
        signal: values(test.signal),
        noisy: values(test.noisy.narrow(1, 0, SEEN)),
        ahead: values(ahead),
        alone: values(alone),
    };
    if let Err(error) = plot::draw(&file, &curves) {
        eprintln!("error: {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    println!("wrote {}", file.display());
    ExitCode::SUCCESS
}

/// Trains on the next noisy value, with new waves at each update.
fn train<B: AutodiffBackend>(device: &B::Device) -> Forecaster<B::InnerBackend> {
    B::seed(device, 1);
    let mut model = ForecasterConfig::new().init::<B>(device);
    let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
    for update in 1..=UPDATES {
        let waves = Waves::<B>::random(16, 101, device);
        let (forecast, _) = model.forward(waves.noisy.clone().narrow(1, 0, 100), None);
        let error = (forecast - waves.noisy.narrow(1, 1, 100)).square().mean();
        if update % 50 == 0 {
            let error = error.clone().into_scalar().elem::<f32>();
            println!("update {update:>3}/{UPDATES}: mean squared error {error:.4}");
        }
        let grads = GradientsParams::from_grads(error.backward(), &model);
        model = optimizer.step(1e-2, model, grads);
    }
    model.valid()
}

/// Forecasts one step ahead through the observed values; then each forecast is the next input.
fn forecast<B: Backend>(model: &Forecaster<B>, test: &Waves<B>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let (ahead, mut state) = model.forward(test.noisy.clone().narrow(1, 0, SEEN), None);
    let mut value = ahead.clone().narrow(1, SEEN - 1, 1).squeeze_dim(1);
    let mut alone = Vec::new();
    for _ in 0..ALONE {
        (value, state) = model.step(value, state);
        alone.push(value.clone());
    }
    (ahead, Tensor::stack(alone, 1))
}

fn mean_squared_error<B: Backend>(a: Tensor<B, 3>, b: Tensor<B, 3>) -> f32 {
    (a - b).square().mean().into_scalar().elem()
}
