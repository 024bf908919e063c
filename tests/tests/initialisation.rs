//! What fresh weights are: their bounds, their seeds, their precision.

use burn::tensor::{DType, Tensor, backend::Backend};
use burn_ndarray::NdArray;
use models::{
    CellKind, CharLmConfig, Initializer, Lstm, LstmConfig, RecurrentState, Remember, Rnn,
    RnnConfig, Stack, StackConfig,
};
use tests::{network::Network, random::Random};

type B = NdArray<f32>;

const D: usize = 6;
const H: usize = 25;

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter().collect()
}

/// Asserts that `values` look drawn from U(−bound, bound): all within, some near either end.
fn assert_uniform(values: &[f64], bound: f64) {
    // The bound itself is rounded to f32.
    let (low, high) = (-bound * (1.0 + 1e-6), bound * (1.0 + 1e-6));
    assert!(
        values.iter().all(|v| (low..=high).contains(v)),
        "{values:?}"
    );
    assert!(values.iter().any(|&v| v > 0.8 * bound), "{values:?}");
    assert!(values.iter().any(|&v| v < -0.8 * bound), "{values:?}");
}

fn assert_uniform_weights<N: Network<B>>(network: &N, bound: f64) {
    let (wx, wh, b) = network.weights();
    assert_eq!(wx.dims(), [D, N::GATES * H]);
    assert_eq!(wh.dims(), [H, N::GATES * H]);
    let b = b.expect("a bias");
    assert_eq!(b.dims(), [N::GATES * H]);
    for weights in [values(wx), values(wh), values(b)] {
        assert_uniform(&weights, bound);
    }
}

#[test]
fn the_default_bound_is_pytorchs() {
    let bound = 1.0 / 5.0; // 1/√H
    let (rnn, lstm) = (
        RnnConfig::new(D, H),
        LstmConfig::new(D, H).with_forget_bias(None),
    );
    assert_uniform_weights::<Rnn<B>>(&rnn.init_seeded(1, &Default::default()), bound);
    assert_uniform_weights::<Lstm<B>>(&lstm.init_seeded(1, &Default::default()), bound);
}

#[test]
fn a_uniform_bound_is_kept() {
    let uniform = Initializer::Uniform { bound: 0.08 };
    let rnn = RnnConfig::new(D, H).with_initializer(uniform);
    let lstm = LstmConfig::new(D, H)
        .with_initializer(uniform)
        .with_forget_bias(None);
    assert_uniform_weights::<Rnn<B>>(&rnn.init_seeded(2, &Default::default()), 0.08);
    assert_uniform_weights::<Lstm<B>>(&lstm.init_seeded(2, &Default::default()), 0.08);
}

#[test]
fn the_forget_bias_fills_the_forget_gate_only() {
    let b = |config: LstmConfig| {
        let lstm: Lstm<B> = config.init_seeded(3, &Default::default());
        values(lstm.b.expect("a bias").val())
    };
    let config = LstmConfig::new(D, H);
    let drawn = b(config.clone().with_forget_bias(None));
    for (filled, value) in [
        (b(config.clone()), 1.0),
        (b(config.with_forget_bias(Some(-2.0))), -2.0),
    ] {
        assert_eq!(filled[H..2 * H], [value; H]);
        assert_eq!(filled[..H], drawn[..H]);
        assert_eq!(filled[2 * H..], drawn[2 * H..]);
    }
}

#[test]
fn without_bias_there_is_none() {
    let device = Default::default();
    let rnn: Rnn<B> = RnnConfig::new(D, H)
        .with_bias(false)
        .init_seeded(1, &device);
    let lstm: Lstm<B> = LstmConfig::new(D, H)
        .with_bias(false)
        .init_seeded(1, &device);
    assert!(rnn.b.is_none() && lstm.b.is_none());
}

#[test]
fn each_recurrent_block_can_be_orthogonal() {
    fn check<N: Network<B>>(network: N) {
        let (_, wh, _) = network.weights();
        let blocks = wh.chunk(N::GATES, 1);
        for block in &blocks {
            let product = block.clone().transpose().matmul(block.clone());
            for (k, p) in values(product).into_iter().enumerate() {
                let identity = if k % (H + 1) == 0 { 1.0 } else { 0.0 };
                assert!((p - identity).abs() < 1e-6, "WᵀW[{k}] = {p}");
            }
        }
        for pair in blocks.windows(2) {
            assert_ne!(values(pair[0].clone()), values(pair[1].clone()));
        }
    }
    let rnn = RnnConfig::new(D, H).with_orthogonal_recurrent(true);
    let lstm = LstmConfig::new(D, H).with_orthogonal_recurrent(true);
    check::<Rnn<B>>(rnn.init_seeded(4, &Default::default()));
    check::<Lstm<B>>(lstm.init_seeded(4, &Default::default()));
}

#[test]
fn a_language_model_has_bounds_by_the_input_of_each_layer() {
    let config = CharLmConfig::new(40).with_d_embedding(D).with_d_hidden(H);
    let model = config.init_seeded::<B>(5, &Default::default());
    assert_uniform(&values(model.head.weight.val()), 0.2);
    assert_uniform(&values(model.head.bias.expect("a bias").val()), 0.2);

    // 240 draws from N(0, 1): mean and variance within four standard errors.
    let embedding = values(model.embedding.expect("an embedding").weight.val());
    let n = embedding.len() as f64;
    let mean = embedding.iter().sum::<f64>() / n;
    let variance = embedding.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 4.0 / n.sqrt(), "{mean}");
    assert!(
        (variance - 1.0).abs() < 4.0 * (2.0 / n).sqrt(),
        "{variance}"
    );
}

#[test]
fn a_stack_has_what_its_config_says() {
    let config = StackConfig::new(D, 1)
        .with_layer_sizes(Some(vec![H, 4]))
        .with_orthogonal_recurrent(true)
        .with_remember(Remember::UpTo(50));
    let stack: Stack<B, Lstm<B>> = config.init_seeded((), 7, &Default::default());
    let shapes: Vec<_> = stack.layers.iter().map(|l| l.wx.dims()).collect();
    assert_eq!(shapes, [[D, 4 * H], [H, 4 * 4]]);
    for (layer, h) in stack.layers.into_iter().zip([H, 4]) {
        let block = layer.wh.val().narrow(1, h, h);
        let product = values(block.clone().transpose().matmul(block));
        let diagonal = product.iter().step_by(h + 1);
        assert!(diagonal.clone().all(|d| (d - 1.0).abs() < 1e-5));
        let b = values(layer.b.expect("a bias").val());
        assert!(b[h..2 * h].iter().all(|f| (0.0..50f64.ln()).contains(f)));
        assert!(b[..h].iter().zip(&b[h..]).all(|(i, f)| *i == -f));
    }

    let config = StackConfig::new(D, H).with_n_layers(2).with_bias(false);
    for kind in CellKind::ALL {
        let stack: Stack<B> = config.init_seeded(kind, 7, &Default::default());
        let vectors = burn::module::list_param_ids::<_, B>(&stack).len();
        let with: Stack<B> =
            config
                .clone()
                .with_bias(true)
                .init_seeded(kind, 7, &Default::default());
        assert!(
            vectors < burn::module::list_param_ids::<_, B>(&with).len(),
            "{kind}"
        );
    }
}

#[test]
fn a_seed_decides_the_weights() {
    fn check<N: Network<B>>() {
        let weights = |seed| {
            let (wx, wh, b) = N::init(D, H, true, seed).weights();
            [values(wx), values(wh), values(b.expect("a bias"))]
        };
        assert_eq!(weights(6), weights(6));
        for (six, seven) in weights(6).iter().zip(&weights(7)) {
            assert_ne!(six, seven);
        }
    }
    check::<Rnn<B>>();
    check::<Lstm<B>>();
}

#[test]
fn the_layers_of_a_model_differ() {
    let config = CharLmConfig::new(D).with_d_embedding(H).with_d_hidden(H);
    let config = config.with_cell(CellKind::Rnn);
    let model = config.init_seeded::<B>(8, &Default::default());
    let wx = |layer: &models::AnyCell<B>| match layer {
        models::AnyCell::Rnn(rnn) => values(rnn.wx.val()),
        _ => panic!("another kind"),
    };
    assert_ne!(wx(&model.stack.layers[0]), wx(&model.stack.layers[1]));
}

/// The only test of this file that draws from the backend: its stream is one for all threads.
#[test]
fn the_seed_of_the_backend_decides_the_weights_too() {
    let device = Default::default();
    let weights = || {
        let lstm: Lstm<B> = LstmConfig::new(D, H).init(&device);
        let rnn: Rnn<B> = RnnConfig::new(D, H).init(&device);
        [values(lstm.wh.val()), values(rnn.wh.val())]
    };
    let seeded = |seed| {
        B::seed(&device, seed);
        weights()
    };
    let first = seeded(9);
    assert_ne!(weights(), first, "the stream goes on");
    assert_eq!(seeded(9), first);
    assert_ne!(seeded(10), first);
}

/// Burn 0.21 has one default precision per device in a process, whatever the backend says.
#[test]
fn two_precisions_live_in_one_process() {
    fn check<B: Backend, N: Network<B>>(precision: DType) -> Vec<f64> {
        let network = N::init(D, H, true, 11);
        let x = Random::new(12).tensor([2, 3, D]);
        let (y, state) = network.forward(x, None);
        let (wx, wh, b) = network.weights();
        let zeros = network.initial_state(2).to_data();
        let mut found = vec![
            wx.dtype(),
            wh.dtype(),
            b.expect("a bias").dtype(),
            y.dtype(),
        ];
        found.extend(zeros.iter().chain(&state.to_data()).map(|data| data.dtype));
        assert!(found.iter().all(|&dtype| dtype == precision), "{found:?}");
        values(y)
    }
    fn both<N32: Network<NdArray<f32>>, N64: Network<NdArray<f64>>>() {
        let single = check::<NdArray<f32>, N32>(DType::F32);
        let double = check::<NdArray<f64>, N64>(DType::F64);
        for (single, double) in single.iter().zip(&double) {
            assert!((single - double).abs() < 1e-6, "{single} ≠ {double}");
        }
    }
    both::<Rnn<_>, Rnn<_>>();
    both::<Lstm<_>, Lstm<_>>();
}
