//! The cells that PyTorch lacks against a second implementation: `tests/golden/cells.py`, in NumPy.

use burn::{
    module::Param,
    tensor::{Tensor, backend::Backend},
};
use burn_ndarray::NdArray;
use models::{
    CoupledLstm, Gru, LayerNormLstm, Lstm, MinGru, MinLstm, PeepholeLstm, ProjectedLstm,
    RecurrentCell, RecurrentState, Reset, ZoneoutConfig,
};
use tests::{
    compare::Worst,
    golden::{self, Case},
    network::by_steps,
};

type B = NdArray<f64>;

const TOLERANCE: f64 = 1e-10;
/// Batch 1, 3 × time 1, 7 × with and without bias × with and without initial state.
const CASES: usize = 16;

/// Compares a cell's sequence and its steps with every case.
fn check<C: RecurrentCell<B>>(name: &str, load: impl Fn(&Case) -> C) {
    let mut worst = Worst::default();
    let all = golden::cases("cells_f64");
    let cases: Vec<_> = all
        .iter()
        .filter(|(case, _)| case.starts_with(name))
        .collect();
    assert_eq!(cases.len(), CASES, "{name}");
    for (case_name, case) in cases {
        let cell = load(case);
        let x: Tensor<B, 3> = case.get("x").expect("x");
        let zeros = cell.initial_state(x.dims()[0]);
        let letters = ["h", "c"].into_iter().take(zeros.tensors().len());
        let get = |letter: &str| case.get::<B, 2>(&format!("{letter}_0"));
        let state = match letters.clone().map(get).collect::<Option<Vec<_>>>() {
            Some(state) => zeros.with_tensors(state),
            None => zeros,
        };
        let ways = [
            ("forward", cell.forward(x.clone(), Some(state.clone()))),
            ("step", by_steps(&cell, x, state)),
        ];
        for (way, (y, last)) in ways {
            let mut see = |tensor: &str, ours: &_| {
                worst.see(
                    &format!("{case_name} {tensor} by {way}"),
                    ours,
                    case.data(tensor),
                );
            };
            see("y", &y.into_data());
            for (letter, tensor) in letters.clone().zip(last.tensors()) {
                see(&format!("{letter}_T"), &tensor.into_data());
            }
        }
    }
    worst.assert_within(TOLERANCE);
}

fn weight<B: Backend, const D: usize>(case: &Case, name: &str) -> Param<Tensor<B, D>> {
    optional(case, name).unwrap_or_else(|| panic!("no {name}"))
}

fn optional<B: Backend, const D: usize>(case: &Case, name: &str) -> Option<Param<Tensor<B, D>>> {
    case.get(name).map(Param::from_tensor)
}

macro_rules! load {
    ($Cell:ident { $($name:ident),+ } $($rest:tt)*) => {
        |case: &Case| $Cell {
            b: optional(case, "b"),
            $($name: weight(case, stringify!($name)),)+
            $($rest)*
        }
    };
}

#[test]
fn original_gru() {
    let load = load!(Gru { wx, wh } bhn: None, reset: Reset::BeforeProduct);
    check("original_gru", load);
}

#[test]
fn peephole_lstm() {
    check("peephole_lstm", load!(PeepholeLstm { wx, wh, p }));
}

#[test]
fn coupled_lstm() {
    check("coupled_lstm", load!(CoupledLstm { wx, wh }));
}

#[test]
fn projected_lstm() {
    check("projected_lstm", load!(ProjectedLstm { wx, wh, wr }));
}

#[test]
fn layer_norm_lstm() {
    let load = load!(LayerNormLstm { wx, wh, gain_x, gain_h, gain_c, bias_c } epsilon: 1e-5);
    check("layer_norm_lstm", load);
}

#[test]
fn min_gru() {
    check("min_gru", load!(MinGru { wx }));
}

#[test]
fn min_lstm() {
    check("min_lstm", load!(MinLstm { wx }));
}

#[test]
fn zoneout_without_autodiff() {
    let lstm = load!(Lstm { wx, wh });
    check("zoneout_lstm", |case| {
        let p = |name: &str| case.data(name).iter::<f64>().next().expect("a probability");
        let config = ZoneoutConfig::new().with_hidden(p("p_hidden"));
        config.with_cell(p("p_cell")).init::<B, _>(lstm(case))
    });
}
