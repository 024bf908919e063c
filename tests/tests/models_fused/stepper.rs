//! The stepper equals `step` of the modules.

use burn::tensor::{Int, Tensor, TensorData};
use burn_ndarray::NdArray;
use models::{
    CellKind, CharLmConfig, LstmConfig, RecurrentCell, RecurrentState, RnnConfig, Stack,
    StackConfig, Stepper, fused::without_kernels,
};
use tests::{compare::Worst, random::Random};

type B = NdArray;

/// Steps of `[batch, 5]` through a cell and its stepper.
fn same_steps<C: RecurrentCell<B>>(cell: &C, mut stepper: Stepper, batch: usize) {
    let mut state = cell.initial_state(batch);
    let mut random = Random::new(1);
    let mut worst = Worst::default();
    let mut y = vec![0.0; stepper.output_len()];
    for _ in 0..4 {
        let x = random.tensor::<B, 2>([batch, 5]);
        stepper.step(&x.to_data().to_vec::<f32>().expect("f32"), &mut y);
        let (expected, next) = without_kernels(|| cell.step(x, state));
        state = next;
        let expected = expected.to_data();
        worst.see(
            "y",
            &TensorData::new(y.clone(), expected.shape.clone()),
            &expected,
        );
        for (ours, expected) in stepper.state().zip(state.to_data()) {
            let ours = TensorData::new(ours.to_vec(), expected.shape.clone());
            worst.see("state", &ours, &expected);
        }
    }
    worst.assert_within(1e-5);
}

#[test]
fn of_layers_and_stacks() {
    let device = Default::default();
    for batch in [1, 3] {
        for d_hidden in [1, 16, 33] {
            let rnn = RnnConfig::new(5, d_hidden).init_seeded::<B>(2, &device);
            same_steps(&rnn, Stepper::new(&rnn, batch), batch);
            let lstm = LstmConfig::new(5, d_hidden)
                .with_bias(false)
                .init_seeded::<B>(2, &device);
            same_steps(&lstm, Stepper::new(&lstm, batch), batch);
            for cell in CellKind::ALL {
                let stack = StackConfig::new(5, d_hidden).with_n_layers(3);
                let stack: Stack<B> = stack.init_seeded(cell, 2, &device);
                same_steps(&stack, Stepper::new(&stack, batch), batch);
            }
        }
    }
}

#[test]
fn of_a_character_model() {
    let device = Default::default();
    for (cell, d_embedding) in [
        (CellKind::Lstm, 7),
        (CellKind::Rnn, 7),
        (CellKind::Gru, 7),
        (CellKind::Lstm, 0),
        (CellKind::Gru, 0),
    ] {
        let config = CharLmConfig::new(13)
            .with_cell(cell)
            .with_d_embedding(d_embedding);
        let model = config.with_d_hidden(20).init_seeded::<B>(3, &device);
        let mut stepper = model.stepper(2);
        let mut state = model.initial_state(2);
        let mut logits = vec![0.0; stepper.output_len()];
        let mut worst = Worst::default();
        for tokens in [[0_u32, 12], [3, 3], [12, 1]] {
            stepper.step_tokens(&tokens, &mut logits);
            let tokens = Tensor::<B, 1, Int>::from_data(tokens.map(i64::from), &device);
            let (expected, next) = without_kernels(|| model.step(tokens, state));
            state = next;
            worst.see(
                "logits",
                &TensorData::new(logits.clone(), [2, 13]),
                &expected.to_data(),
            );
        }
        worst.assert_within(1e-5);
    }
}

#[test]
fn its_state_can_be_taken_and_put_back() {
    let lstm = LstmConfig::new(1, 6).init_seeded::<B>(4, &Default::default());
    let mut stepper = Stepper::new(&lstm, 1);
    let (mut first, mut again) = (vec![0.0; 6], vec![0.0; 6]);
    stepper.step(&[0.5], &mut first);
    let kept: Vec<Vec<f32>> = stepper.state().map(<[f32]>::to_vec).collect();
    stepper.step(&[-1.0], &mut first);

    for (state, kept) in stepper.state_mut().zip(&kept) {
        state.copy_from_slice(kept);
    }
    stepper.step(&[-1.0], &mut again);
    assert_eq!(first, again);

    stepper.reset();
    stepper.step(&[0.5], &mut again);
    assert_eq!(again, kept[0]);
}
