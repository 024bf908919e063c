//! `CharLm`: the table of tokens, and the head with its loss, against [`reference`].

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Int, Tensor, TensorData, backend::AutodiffBackend},
};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_ndarray::NdArray;
use models::{CellKind, CharLm, CharLmConfig, RecurrentState, fused::without_kernels};
use tests::compare::Worst;

struct Gradients<'a, B: AutodiffBackend> {
    grads: &'a B::Gradients,
    found: Vec<(String, TensorData)>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Gradients<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let name = format!("gradient {} of shape {:?}", self.found.len(), param.dims());
        let gradient = param
            .val()
            .grad(self.grads)
            .expect("every weight has a gradient");
        self.found.push((name, gradient.to_data()));
    }
}

fn tokens<B: AutodiffBackend>(vocab_size: i64, factor: i64) -> Tensor<B, 2, Int> {
    let values: Vec<i64> = (0..4 * 6)
        .map(|i| (i * factor + i / 5) % vocab_size)
        .collect();
    Tensor::from_data(TensorData::new(values, [4, 6]), &Default::default())
}

/// Two windows, the second from the state of the first, as training goes.
fn results<B: AutodiffBackend>(model: &CharLm<B>, vocab_size: i64) -> Vec<(String, TensorData)> {
    let (x, targets) = (tokens(vocab_size, 7), tokens(vocab_size, 11));
    let (logits, _) = model.forward(x.clone(), None);
    let (_, state) = model.loss(x.clone(), targets.clone(), None, None);
    let (loss, state) = model.loss(targets, x, None, Some(state.detach()));
    let mut found = vec![
        ("logits".into(), logits.to_data()),
        ("loss".into(), loss.to_data()),
    ];
    found.extend(
        state
            .to_data()
            .into_iter()
            .map(|data| ("state".into(), data)),
    );
    let grads = (loss * 3.0).backward();
    let mut gradients = Gradients {
        grads: &grads,
        found: Vec::new(),
    };
    model.visit(&mut gradients);
    found.extend(gradients.found);
    found
}

fn check<B: AutodiffBackend>() {
    // 24 characters in a window: with 50 in the vocabulary the embedding comes first.
    for (vocab_size, d_embedding) in [(11, 5), (11, 0), (50, 5), (50, 0)] {
        for cell in [CellKind::Rnn, CellKind::Lstm, CellKind::Gru] {
            for n_layers in [1, 2] {
                let config = CharLmConfig::new(vocab_size)
                    .with_cell(cell)
                    .with_d_embedding(d_embedding)
                    .with_d_hidden(9)
                    .with_n_layers(n_layers);
                let model = config.init_seeded::<B>(8, &Default::default());
                let ours = results(&model, vocab_size as i64);
                let expected = without_kernels(|| results(&model, vocab_size as i64));
                assert_eq!(ours.len(), expected.len());
                let mut worst = Worst::default();
                for ((name, ours), (_, expected)) in ours.iter().zip(&expected) {
                    worst.see(name, ours, expected);
                }
                worst.assert_within(1e-5);
            }
        }
    }
}

#[test]
fn on_ndarray() {
    check::<Autodiff<NdArray>>();
}

#[test]
fn on_flex() {
    check::<Autodiff<Flex>>();
}

/// Loss and gradients of `tokens` (a row a text) where the first `lengths` of each count.
fn masked<B: AutodiffBackend>(
    model: &CharLm<B>,
    tokens: &[i64],
    lengths: &[usize],
) -> Vec<(String, TensorData)> {
    let shape = [lengths.len(), tokens.len() / lengths.len()];
    let tensor = |tokens: Vec<i64>| {
        Tensor::<B, 2, Int>::from_data(TensorData::new(tokens, shape), &Default::default())
    };
    let targets = tokens.iter().map(|token| (token * 5 + 1) % 11).collect();
    let (x, targets) = (tensor(tokens.to_vec()), tensor(targets));
    let (loss, _) = model.loss(x, targets, Some(lengths), None);
    let value = ("loss".into(), loss.to_data());
    let grads = loss.backward();
    let mut gradients = Gradients {
        grads: &grads,
        found: vec![value],
    };
    model.visit(&mut gradients);
    gradients.found
}

fn check_masked<B: AutodiffBackend>() {
    for (cell, d_embedding) in [(CellKind::Rnn, 0), (CellKind::Lstm, 5), (CellKind::Gru, 5)] {
        let config = CharLmConfig::new(11)
            .with_cell(cell)
            .with_d_embedding(d_embedding)
            .with_d_hidden(9);
        let model = config.init_seeded::<B>(8, &Default::default());
        let texts = [
            [3, 1, 4, 1, 5, 9],
            [2, 6, 5, 0, 0, 0],
            [7, 0, 0, 0, 0, 0],
            [0; 6],
        ];
        let lengths = [6, 3, 1, 0];
        let ours = masked(&model, texts.as_flattened(), &lengths);
        let expected = without_kernels(|| masked(&model, texts.as_flattened(), &lengths));

        let mut others = texts;
        for (text, length) in others.iter_mut().zip(lengths) {
            text[length..].fill(10);
        }
        let others = masked(&model, others.as_flattened(), &lengths);

        // The mean over all characters, from each text alone.
        let mut alone: Vec<Vec<f64>> = ours
            .iter()
            .map(|(_, data)| vec![0.0; data.num_elements()])
            .collect();
        for (text, length) in texts.iter().zip(lengths).filter(|(_, length)| *length > 0) {
            let found = masked(&model, &text[..length], &[length]);
            for (sum, (_, data)) in alone.iter_mut().zip(found) {
                for (sum, value) in sum.iter_mut().zip(data.iter::<f64>()) {
                    *sum += value * length as f64 / 10.0;
                }
            }
        }

        let mut worst = Worst::default();
        for ((name, ours), (_, expected)) in ours.iter().zip(&expected) {
            worst.see(name, ours, expected);
        }
        for ((name, ours), (_, others)) in ours.iter().zip(&others) {
            worst.see(&format!("{name} with other padding"), ours, others);
        }
        for ((name, ours), alone) in ours.iter().zip(alone) {
            let alone = TensorData::new(alone, ours.shape.clone());
            worst.see(&format!("{name} of each text alone"), ours, &alone);
        }
        worst.assert_within(1e-5);
    }
}

#[test]
fn padding_counts_for_nothing() {
    check_masked::<Autodiff<NdArray>>();
    check_masked::<Autodiff<Flex>>();
}

/// The mean cross-entropy of logits that are known: every weight 0 but the head's bias.
#[test]
fn the_loss_is_that_of_the_head() {
    type B = NdArray;
    let device = Default::default();
    let mut model = CharLmConfig::new(3)
        .with_d_hidden(4)
        .init_seeded::<B>(9, &device);
    model.head.weight = Param::from_tensor(Tensor::zeros([4, 3], &device));
    let bias = Tensor::from_data([0.0_f32, 1.0, 2.0], &device);
    model.head.bias = Some(Param::from_tensor(bias));
    let x = Tensor::<B, 2, Int>::from_data([[0, 1, 2]], &device);
    let targets = Tensor::<B, 2, Int>::from_data([[2, 2, 0]], &device);
    let (loss, _) = model.loss(x, targets, None, None);
    let log_total = (1.0 + 1.0_f64.exp() + 2.0_f64.exp()).ln();
    let expected = log_total - 4.0 / 3.0;
    assert!((f64::from(loss.into_scalar()) - expected).abs() < 1e-6);
}
