//! Whether stacks of every kind compute what PyTorch computes: the cases of `tests/golden/sweep.py`, values,
//! final states and all gradients.

use std::{env, path::PathBuf};

use burn::{
    module::{Module, Param},
    nn::DropoutConfig,
    tensor::{Tensor, TensorData, backend::AutodiffBackend},
};
use models::{
    Activation, Bidirectional, Gru, Lengths, Lstm, ProjectedLstm, RecurrentCell, RecurrentState,
    Reset, Rnn, Stack,
};

use crate::{
    compare::{Worst, largest_of},
    golden::{self, Case},
};

/// A cell with the weights of a layer of PyTorch.
trait FromPyTorch<B: AutodiffBackend>: RecurrentCell<B> + Module<B> {
    /// The layer whose weights have this suffix, such as `_l0_reverse`.
    fn load(case: &Case, suffix: &str, relu: bool) -> Self;

    /// The gradient of each weight, under PyTorch's name without the suffix.
    fn gradients(&self, grads: &B::Gradients) -> Vec<(&'static str, TensorData)>;
}

/// A matrix, which PyTorch stores transposed.
fn matrix<B: AutodiffBackend>(case: &Case, name: String) -> Param<Tensor<B, 2>> {
    let weight: Tensor<B, 2> = case.get(&name).unwrap_or_else(|| panic!("no {name}"));
    Param::from_tensor(weight.transpose())
}

fn d_matrix<B: AutodiffBackend>(w: &Param<Tensor<B, 2>>, grads: &B::Gradients) -> TensorData {
    let gradient = w.val().grad(grads).expect("a gradient");
    gradient.transpose().into_data()
}

/// `bias_ih + bias_hh`.
fn bias<B: AutodiffBackend>(case: &Case, suffix: &str) -> Option<Param<Tensor<B, 1>>> {
    let get = |name: &str| case.get::<B, 1>(&format!("{name}{suffix}"));
    let (ih, hh) = (get("bias_ih")?, get("bias_hh")?);
    Some(Param::from_tensor(ih + hh))
}

/// The gradients of four weights of which the biases are summed.
fn four<B: AutodiffBackend>(
    wx: &Param<Tensor<B, 2>>,
    wh: &Param<Tensor<B, 2>>,
    b: &Option<Param<Tensor<B, 1>>>,
    grads: &B::Gradients,
) -> Vec<(&'static str, TensorData)> {
    let mut all = vec![
        ("weight_ih", d_matrix(wx, grads)),
        ("weight_hh", d_matrix(wh, grads)),
    ];
    if let Some(b) = b {
        let d = b.val().grad(grads).expect("a gradient").into_data();
        all.extend([("bias_ih", d.clone()), ("bias_hh", d)]);
    }
    all
}

impl<B: AutodiffBackend> FromPyTorch<B> for Rnn<B> {
    fn load(case: &Case, suffix: &str, relu: bool) -> Self {
        Rnn {
            wx: matrix(case, format!("weight_ih{suffix}")),
            wh: matrix(case, format!("weight_hh{suffix}")),
            b: bias(case, suffix),
            activation: match relu {
                true => Activation::Relu,
                false => Activation::Tanh,
            },
        }
    }

    fn gradients(&self, grads: &B::Gradients) -> Vec<(&'static str, TensorData)> {
        four(&self.wx, &self.wh, &self.b, grads)
    }
}

impl<B: AutodiffBackend> FromPyTorch<B> for Lstm<B> {
    fn load(case: &Case, suffix: &str, _: bool) -> Self {
        Lstm {
            wx: matrix(case, format!("weight_ih{suffix}")),
            wh: matrix(case, format!("weight_hh{suffix}")),
            b: bias(case, suffix),
        }
    }

    fn gradients(&self, grads: &B::Gradients) -> Vec<(&'static str, TensorData)> {
        four(&self.wx, &self.wh, &self.b, grads)
    }
}

impl<B: AutodiffBackend> FromPyTorch<B> for ProjectedLstm<B> {
    fn load(case: &Case, suffix: &str, _: bool) -> Self {
        ProjectedLstm {
            wx: matrix(case, format!("weight_ih{suffix}")),
            wh: matrix(case, format!("weight_hh{suffix}")),
            b: bias(case, suffix),
            wr: matrix(case, format!("weight_hr{suffix}")),
        }
    }

    fn gradients(&self, grads: &B::Gradients) -> Vec<(&'static str, TensorData)> {
        let mut all = four(&self.wx, &self.wh, &self.b, grads);
        all.push(("weight_hr", d_matrix(&self.wr, grads)));
        all
    }
}

impl<B: AutodiffBackend> FromPyTorch<B> for Gru<B> {
    fn load(case: &Case, suffix: &str, _: bool) -> Self {
        let get = |name: &str| case.get::<B, 1>(&format!("{name}{suffix}"));
        let wh = matrix::<B>(case, format!("weight_hh{suffix}"));
        let [h, _] = wh.dims();
        let biases = get("bias_ih").zip(get("bias_hh")).map(|(ih, hh)| {
            let gates = ih.clone().narrow(0, 0, 2 * h) + hh.clone().narrow(0, 0, 2 * h);
            let b = Tensor::cat(vec![gates, ih.narrow(0, 2 * h, h)], 0);
            (b, hh.narrow(0, 2 * h, h))
        });
        let (b, bhn) = biases.unzip();
        Gru {
            wx: matrix(case, format!("weight_ih{suffix}")),
            wh,
            b: b.map(Param::from_tensor),
            bhn: bhn.map(Param::from_tensor),
            reset: Reset::AfterProduct,
        }
    }

    fn gradients(&self, grads: &B::Gradients) -> Vec<(&'static str, TensorData)> {
        let mut all = four(&self.wx, &self.wh, &None, grads);
        if let (Some(b), Some(bhn)) = (&self.b, &self.bhn) {
            let [d_b, d_bhn] = [b, bhn].map(|b| b.val().grad(grads).expect("a gradient"));
            let [h] = bhn.dims();
            let d_hh = Tensor::cat(vec![d_b.clone().narrow(0, 0, 2 * h), d_bhn], 0);
            all.extend([("bias_ih", d_b.into_data()), ("bias_hh", d_hh.into_data())]);
        }
        all
    }
}

/// Asserts that every case of `sweep_<precision>` equals ours up to a relative error of `tolerance`, and
/// returns how many there are. The variable `SWEEP` names the folder of a whole sweep to take instead of the
/// committed part.
///
/// # Panics
///
/// Panics if a case does not.
pub fn assert_sweep<B: AutodiffBackend>(precision: &str, tolerance: f64) -> usize {
    let committed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    let folder = env::var_os("SWEEP").map_or(committed, PathBuf::from);
    let cases = golden::cases_in(&folder, &format!("sweep_{precision}"));
    let mut worst = Worst::default();
    for (name, case) in &cases {
        let worst = &mut worst;
        match name.split('_').next() {
            Some("rnn") => directions::<B, Rnn<B>>(name, case, worst),
            Some("gru") => directions::<B, Gru<B>>(name, case, worst),
            _ if name.contains("projection") => {
                directions::<B, ProjectedLstm<B>>(name, case, worst);
            }
            _ => directions::<B, Lstm<B>>(name, case, worst),
        }
    }
    worst.assert_within(tolerance);
    cases.len()
}

fn directions<B: AutodiffBackend, C: FromPyTorch<B>>(name: &str, case: &Case, worst: &mut Worst) {
    let (relu, layers) = (name.contains("relu"), (0..3));
    let present = layers.filter(|l| case.has(&format!("weight_ih_l{l}")));
    let load = |suffix: String| (C::load(case, &suffix, relu), suffix);
    let dropout = DropoutConfig::new(0.0).init();
    let cells: Vec<(C, String)>;
    if case.has("weight_ih_l0_reverse") {
        cells = present
            .flat_map(|l| [format!("_l{l}"), format!("_l{l}_reverse")].map(load))
            .collect();
        let layers = cells.chunks(2);
        let layers = layers.map(|two| Bidirectional::new(two[0].0.clone(), two[1].0.clone()));
        let stack = Stack::new(layers.collect(), dropout);
        compare(name, case, &stack, &cells, worst);
    } else {
        cells = present.map(|l| load(format!("_l{l}"))).collect();
        let layers = cells.iter().map(|(cell, _)| cell.clone()).collect();
        compare(name, case, &Stack::new(layers, dropout), &cells, worst);
    }
}

/// Compares a network that is made of `cells`, in PyTorch's order.
fn compare<B: AutodiffBackend, N: RecurrentCell<B>, C: FromPyTorch<B>>(
    name: &str,
    case: &Case,
    network: &N,
    cells: &[(C, String)],
    worst: &mut Worst,
) {
    // Behind a ReLU a whole gradient may be one number that two larger ones nearly cancel out to.
    let beside = 0.01 * largest_of(case.gradients());
    let mut see = |tensor: &str, ours: TensorData| {
        worst.see_beside(
            beside,
            &format!("{name} {tensor}"),
            &ours,
            case.data(tensor),
        );
    };
    let mut x = case.get::<B, 3>("x").expect("x");
    let batch = x.dims()[0];
    let lengths = case.has("lengths").then(|| {
        let lengths = case.data("lengths").iter::<f64>();
        Lengths::new(lengths.map(|length| length as usize).collect::<Vec<_>>())
    });
    if let Some(lengths) = &lengths {
        // What is in the padding must not matter.
        let steps = lengths.blank(x.ones_like());
        x = x.mask_fill(steps.equal_elem(0.0), f64::NAN);
    }
    let x = x.require_grad();

    let letters = if case.has("c_n") { "hc" } else { "h" };
    let letters: Vec<String> = letters.chars().map(String::from).collect();
    // PyTorch has a tensor [layers·directions, batch, size] for each letter, we have letters in each cell.
    let initial = case.has("h_0").then(|| {
        let all = letters
            .iter()
            .map(|s| case.get::<B, 3>(&format!("{s}_0")).expect("a state"));
        let all: Vec<Tensor<B, 3>> = all.collect();
        let of_cell = |k: usize| {
            let of = |all: &Tensor<B, 3>| all.clone().narrow(0, k, 1).squeeze_dim::<2>(0);
            all.iter().map(of).collect::<Vec<_>>()
        };
        let tensors: Vec<_> = (0..cells.len()).flat_map(of_cell).collect();
        let tensors: Vec<_> = tensors.into_iter().map(Tensor::require_grad).collect();
        tensors
    });
    let state = initial
        .clone()
        .map(|tensors| network.initial_state(batch).with_tensors(tensors));

    let (y, last) = match &lengths {
        Some(lengths) => network.forward_padded(x.clone(), lengths, state),
        None => network.forward(x.clone(), state),
    };
    let last = last.tensors();
    let by_letter = |tensors: &[Tensor<B, 2>], i: usize| {
        let of = tensors.iter().skip(i).step_by(letters.len());
        Tensor::stack::<3>(of.cloned().collect(), 0)
    };
    let mut loss = (y.clone() * case.get("d_y").expect("d_y")).sum();
    for (i, letter) in letters.iter().enumerate() {
        let d = case.get(&format!("d_{letter}_n")).expect("a cotangent");
        loss = loss + (by_letter(&last, i) * d).sum();
        see(&format!("{letter}_n"), by_letter(&last, i).into_data());
    }
    see("y", y.into_data());
    let grads = loss.backward();
    see("d_x", x.grad(&grads).expect("d_x").into_data());
    if let Some(initial) = &initial {
        let inner: Vec<_> = initial
            .iter()
            .map(|s| s.grad(&grads).expect("d_h_0"))
            .collect();
        for (i, letter) in letters.iter().enumerate() {
            let of = inner.iter().skip(i).step_by(letters.len());
            let d = Tensor::stack::<3>(of.cloned().collect(), 0);
            see(&format!("d_{letter}_0"), d.into_data());
        }
    }
    for (cell, suffix) in cells {
        for (weight, d) in cell.gradients(&grads) {
            see(&format!("d_{weight}{suffix}"), d);
        }
    }
}
