//! The modules of burn-nn 0.21, which have a linear layer for each gate from the input, and one from the hidden
//! state.
//!
//! ```text
//! wx = [weight of each gate's input_transform, side by side]      wh = [weight of each gate's hidden_transform]
//! b  = bias of the input_transforms + bias of the hidden_transforms
//!
//! Gru with reset_after: the hidden_transform's bias of the candidate is bhn
//! ```
//!
//! On the way out a bias goes into the input_transforms, and that of the hidden_transforms is 0 (except bhn),
//! so that the sum is exact.
//!
//! ```
//! use burn::nn;
//! use burn_ndarray::NdArray;
//! use models::Lstm;
//!
//! type B = NdArray<f32>;
//! let theirs: nn::Lstm<B> = nn::LstmConfig::new(3, 8, true).init(&Default::default());
//! let ours = Lstm::try_from(&theirs)?;
//! let back = nn::Lstm::from(&ours);
//! let weight = |lstm: &nn::Lstm<B>| lstm.forget_gate.input_transform.weight.to_data();
//! assert_eq!(weight(&back), weight(&theirs));
//! # Ok::<(), models::weights::WeightsError>(())
//! ```

use burn::{
    module::Param,
    nn::{
        self, GateController, Linear,
        activation::{Activation, ActivationConfig},
    },
    tensor::{Tensor, backend::Backend},
};

use super::error::WeightsError;
use crate::{
    gru::{Gru, Reset},
    lstm::Lstm,
    rnn::{self, Rnn},
};

/// The weights of some gates side by side.
struct Gates<B: Backend> {
    wx: Tensor<B, 2>,
    wh: Tensor<B, 2>,
    /// The biases of the input_transforms and of the hidden_transforms.
    biases: Option<[Tensor<B, 1>; 2]>,
}

impl<B: Backend> Gates<B> {
    fn new(gates: &[&GateController<B>]) -> Self {
        let side_by_side = |of: fn(&GateController<B>) -> &Linear<B>| {
            let weights = gates.iter().map(|gate| of(gate).weight.val());
            let biases = gates
                .iter()
                .map(|gate| of(gate).bias.as_ref().map(Param::val));
            let biases: Option<Vec<_>> = biases.collect();
            let biases = biases.map(|biases| Tensor::cat(biases, 0));
            (Tensor::cat(weights.collect(), 1), biases)
        };
        let (wx, of_input) = side_by_side(|gate| &gate.input_transform);
        let (wh, of_hidden) = side_by_side(|gate| &gate.hidden_transform);
        let zeros = |like: &Tensor<B, 1>| like.zeros_like();
        let biases = match (of_input, of_hidden) {
            (None, None) => None,
            (Some(bx), None) => Some([bx.clone(), zeros(&bx)]),
            (None, Some(bh)) => Some([zeros(&bh), bh]),
            (Some(bx), Some(bh)) => Some([bx, bh]),
        };
        Gates { wx, wh, biases }
    }

    /// Returns each gate's part.
    fn split(self, n: usize) -> Vec<GateController<B>> {
        let biases = match self.biases {
            Some([bx, bh]) => bx
                .chunk(n, 0)
                .into_iter()
                .zip(bh.chunk(n, 0))
                .map(Some)
                .collect(),
            None => vec![None; n],
        };
        let weights = self.wx.chunk(n, 1).into_iter().zip(self.wh.chunk(n, 1));
        let linear = |weight, bias: Option<Tensor<B, 1>>| Linear {
            weight: Param::from_tensor(weight),
            bias: bias.map(Param::from_tensor),
        };
        let gate = |((wx, wh), biases): (_, Option<(Tensor<B, 1>, Tensor<B, 1>)>)| {
            let (bx, bh) = biases.unzip();
            GateController {
                input_transform: linear(wx, bx),
                hidden_transform: linear(wh, bh),
            }
        };
        weights.zip(biases).map(gate).collect()
    }
}

fn param<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Param<Tensor<B, D>> {
    Param::from_tensor(tensor)
}

/// Returns an error if the first of these options is on, which our cells have not.
fn check(what: &str, options: &[(&str, bool)]) -> Result<(), WeightsError> {
    match options.iter().find(|(_, is_on)| *is_on) {
        Some((option, _)) => Err(WeightsError::NotPortable(format!(
            "burn-nn's {what} with {option}: no cell of ours has that"
        ))),
        None => Ok(()),
    }
}

fn is_sigmoid<B: Backend>(activation: &Activation<B>) -> bool {
    matches!(activation, Activation::Sigmoid(_))
}

fn is_tanh<B: Backend>(activation: &Activation<B>) -> bool {
    matches!(activation, Activation::Tanh(_))
}

/// # Errors
///
/// Returns an error if it clips, couples its gates, reads from the end, or has other activations.
impl<B: Backend> TryFrom<&nn::Lstm<B>> for Lstm<B> {
    type Error = WeightsError;

    fn try_from(theirs: &nn::Lstm<B>) -> Result<Self, WeightsError> {
        let has_default = is_sigmoid(&theirs.gate_activation)
            && is_tanh(&theirs.cell_activation)
            && is_tanh(&theirs.hidden_activation);
        let options = [
            ("clip", theirs.clip.is_some()),
            ("input_forget", theirs.input_forget),
            ("reverse", theirs.reverse),
            ("other activations", !has_default),
        ];
        check("Lstm", &options)?;
        let gates = Gates::new(&[
            &theirs.input_gate,
            &theirs.forget_gate,
            &theirs.cell_gate,
            &theirs.output_gate,
        ]);
        Ok(Lstm {
            wx: param(gates.wx),
            wh: param(gates.wh),
            b: gates.biases.map(|[bx, bh]| param(bx + bh)),
        })
    }
}

impl<B: Backend> From<&Lstm<B>> for nn::Lstm<B> {
    fn from(ours: &Lstm<B>) -> Self {
        let [d_hidden, _] = ours.wh.dims();
        let gates = Gates {
            wx: ours.wx.val(),
            wh: ours.wh.val(),
            biases: ours.b.as_ref().map(|b| [b.val(), b.val().zeros_like()]),
        };
        let [i, f, g, o] = gates.split(4).try_into().expect("four gates");
        nn::Lstm {
            input_gate: i,
            forget_gate: f,
            cell_gate: g,
            output_gate: o,
            d_hidden,
            // Its options; the weights drawn with them are dropped.
            ..nn::LstmConfig::new(1, 1, false).init(&ours.wx.device())
        }
    }
}

/// # Errors
///
/// Returns an error if it clips or has other activations.
impl<B: Backend> TryFrom<&nn::Gru<B>> for Gru<B> {
    type Error = WeightsError;

    fn try_from(theirs: &nn::Gru<B>) -> Result<Self, WeightsError> {
        let has_default = is_sigmoid(&theirs.gate_activation) && is_tanh(&theirs.hidden_activation);
        let options = [
            ("clip", theirs.clip.is_some()),
            ("other activations", !has_default),
        ];
        check("Gru", &options)?;
        let gates = Gates::new(&[&theirs.reset_gate, &theirs.update_gate, &theirs.new_gate]);
        let h = theirs.d_hidden;
        let (b, bhn) = match gates.biases {
            None => (None, None),
            Some([bx, bh]) if !theirs.reset_after => (Some(bx + bh), None),
            Some([bx, bh]) => {
                let of_r_and_z = bh.clone().narrow(0, 0, 2 * h);
                let bhn = bh.narrow(0, 2 * h, h);
                let bh = Tensor::cat(vec![of_r_and_z, bhn.zeros_like()], 0);
                (Some(bx + bh), Some(bhn))
            }
        };
        Ok(Gru {
            wx: param(gates.wx),
            wh: param(gates.wh),
            b: b.map(param),
            bhn: bhn.map(param),
            reset: match theirs.reset_after {
                true => Reset::AfterProduct,
                false => Reset::BeforeProduct,
            },
        })
    }
}

impl<B: Backend> From<&Gru<B>> for nn::Gru<B> {
    fn from(ours: &Gru<B>) -> Self {
        let [d_hidden, _] = ours.wh.dims();
        let bh = |b: Tensor<B, 1>| match &ours.bhn {
            None => b.zeros_like(),
            Some(bhn) => Tensor::cat(
                vec![b.narrow(0, 0, 2 * d_hidden).zeros_like(), bhn.val()],
                0,
            ),
        };
        let gates = Gates {
            wx: ours.wx.val(),
            wh: ours.wh.val(),
            biases: ours.b.as_ref().map(|b| [b.val(), bh(b.val())]),
        };
        let [r, z, n] = gates.split(3).try_into().expect("three gates");
        nn::Gru {
            reset_gate: r,
            update_gate: z,
            new_gate: n,
            d_hidden,
            reset_after: ours.reset == Reset::AfterProduct,
            ..nn::GruConfig::new(1, 1, false).init(&ours.wx.device())
        }
    }
}

/// # Errors
///
/// Returns an error if it clips, reads from the end, or has an activation that is neither tanh nor ReLU.
impl<B: Backend> TryFrom<&nn::Rnn<B>> for Rnn<B> {
    type Error = WeightsError;

    fn try_from(theirs: &nn::Rnn<B>) -> Result<Self, WeightsError> {
        let activation = match &theirs.hidden_activation {
            Activation::Tanh(_) => Some(rnn::Activation::Tanh),
            Activation::Relu(_) => Some(rnn::Activation::Relu),
            _ => None,
        };
        let options = [
            ("clip", theirs.clip.is_some()),
            ("reverse", theirs.reverse),
            ("another activation", activation.is_none()),
        ];
        check("Rnn", &options)?;
        let gates = Gates::new(&[&theirs.gate]);
        Ok(Rnn {
            wx: param(gates.wx),
            wh: param(gates.wh),
            b: gates.biases.map(|[bx, bh]| param(bx + bh)),
            activation: activation.unwrap_or_default(),
        })
    }
}

impl<B: Backend> From<&Rnn<B>> for nn::Rnn<B> {
    fn from(ours: &Rnn<B>) -> Self {
        let [d_hidden, _] = ours.wh.dims();
        let gates = Gates {
            wx: ours.wx.val(),
            wh: ours.wh.val(),
            biases: ours.b.as_ref().map(|b| [b.val(), b.val().zeros_like()]),
        };
        let [gate] = gates.split(1).try_into().expect("one gate");
        let activation = match ours.activation {
            rnn::Activation::Tanh => ActivationConfig::Tanh,
            rnn::Activation::Relu => ActivationConfig::Relu,
        };
        let config = nn::RnnConfig::new(1, 1, false).with_hidden_activation(activation);
        nn::Rnn {
            gate,
            d_hidden,
            ..config.init(&ours.wx.device())
        }
    }
}
