//! candle-nn, which has an LSTM and a GRU but no plain RNN; its matrix product is the crate `gemm`.

use std::{collections::HashMap, hint::black_box};

use anyhow::{Result, anyhow};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{GRU, GRUConfig, LSTM, LSTMConfig, RNN, VarBuilder, VarMap};

use super::Run;
use crate::case::{Case, Kind};

/// Prepares to run `case`.
///
/// # Errors
///
/// Returns an error if candle fails.
pub fn prepare(case: Case) -> Result<Option<Run>> {
    let run: Run = match case.kind {
        Kind::LstmForward => {
            let lstm = untracked(case)?;
            let x = Tensor::randn(0_f32, 1.0, x_shape(case), &Device::Cpu)?;
            Box::new(move || {
                black_box(forward(&lstm, &x)?);
                Ok(())
            })
        }
        Kind::LstmTrain => {
            let vars = VarMap::new();
            layer_train(lstm(case, tracked(&vars))?, case)?
        }
        Kind::GruTrain => {
            let vars = VarMap::new();
            let gru = GRU::new(
                case.d_input,
                case.d_hidden,
                GRUConfig::default(),
                tracked(&vars),
            );
            layer_train(gru?, case)?
        }
        Kind::Sgemm => {
            let matrix = |rows, columns| Tensor::randn(0_f32, 1.0, (rows, columns), &Device::Cpu);
            let a = matrix(case.batch * case.time, case.d_input)?;
            let b = matrix(case.d_input, case.d_hidden)?;
            Box::new(move || {
                black_box(a.matmul(&b)?);
                Ok(())
            })
        }
        Kind::RnnTrain
        | Kind::BidirectionalTrain
        | Kind::PaddedTrain
        | Kind::MinLstmTrain
        | Kind::Update
        | Kind::Stream
        | Kind::GruStream => return Ok(None),
    };
    Ok(Some(run))
}

/// Runs a layer forward and backward.
fn layer_train(layer: impl RNN + 'static, case: Case) -> Result<Run> {
    let x = Var::randn(0_f32, 1.0, x_shape(case), &Device::Cpu)?;
    Ok(Box::new(move || {
        black_box(forward(&layer, &x)?.backward()?);
        Ok(())
    }))
}

/// `[batch, time, d_input]` → `[batch, time, d_hidden]`; a GRU's is flat, `[batch, time·d_hidden]`.
fn forward(layer: &impl RNN, x: &Tensor) -> candle_core::Result<Tensor> {
    layer.states_to_tensor(&layer.seq(x)?)
}

fn x_shape(case: Case) -> (usize, usize, usize) {
    (case.batch, case.time, case.d_input)
}

fn tracked(vars: &VarMap) -> VarBuilder<'static> {
    VarBuilder::from_varmap(vars, DType::F32, &Device::Cpu)
}

fn lstm(case: Case, weights: VarBuilder) -> candle_core::Result<LSTM> {
    LSTM::new(case.d_input, case.d_hidden, LSTMConfig::default(), weights)
}

/// A layer whose weights leave no graph behind.
fn untracked(case: Case) -> Result<LSTM> {
    let vars = VarMap::new();
    lstm(case, tracked(&vars))?;
    let vars = vars
        .data()
        .lock()
        .map_err(|_| anyhow!("candle's weights"))?;
    let tensors: HashMap<_, _> = vars
        .iter()
        .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
        .collect();
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    Ok(lstm(case, weights)?)
}
