//! Gradients of all cells, combinators and of the character model against central differences.

use burn::{
    module::Param,
    nn::DropoutConfig,
    tensor::{Int, Tensor, activation::log_softmax},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    AnyCell, Bidirectional, Cell, CellKind, CellOptions, CharLmConfig, Init, Initializer,
    LearnedState, Lengths, Merge, RecurrentCell, Residual, Stack, ZoneoutConfig,
};
use tests::{
    gradcheck::{check, check_cell},
    random::Random,
};

type B = Autodiff<NdArray<f64>>;

/// A cell with large weights, in which nothing is too small to be seen.
fn cell(kind: CellKind, d_input: usize, d_hidden: usize, seed: u64) -> AnyCell<B> {
    let options =
        CellOptions::new(d_input, d_hidden).with_initializer(Initializer::Uniform { bound: 0.8 });
    AnyCell::init(
        kind,
        &options,
        &mut Init::from_seed(seed, &Default::default()),
    )
}

#[test]
fn every_cell() {
    for kind in CellKind::ALL {
        println!("{kind}");
        check_cell(cell(kind, 3, 4, 2), 3, None);
    }
}

#[test]
fn every_cell_over_padded_sequences() {
    let lengths = Lengths::new([2, 5, 1]);
    for kind in CellKind::ALL {
        println!("{kind}");
        check_cell(cell(kind, 3, 4, 3), 3, Some(&lengths));
    }
}

#[test]
fn bidirectional() {
    let lengths = Lengths::new([4, 1, 3]);
    for kind in [CellKind::Lstm, CellKind::MinGru] {
        for merge in [Merge::Concatenate, Merge::Sum] {
            let layer = |d_input, seed| {
                let (forward, backward) = (cell(kind, d_input, 3, seed), cell(kind, d_input, 3, 9));
                Bidirectional::new(forward, backward).with_merge(merge)
            };
            check_cell(layer(2, 1), 2, None);
            check_cell(layer(2, 1), 2, Some(&lengths));
            let above = if merge == Merge::Sum { 3 } else { 6 };
            let dropout = DropoutConfig::new(0.0).init();
            let stack = Stack::new(vec![layer(2, 1), layer(above, 2)], dropout);
            check_cell(stack, 2, Some(&lengths));
        }
    }
}

#[test]
fn a_learned_initial_state() {
    let cell = LearnedState::new(cell(CellKind::Lstm, 2, 3, 1));
    let (x, d_y) = (
        Random::new(5).tensor([2, 4, 2]),
        Random::new(6).tensor([2, 4, 3]),
    );
    check::<B, _>(cell, |cell| {
        let (y, _) = cell.forward(x.clone(), None);
        (y * d_y.clone()).sum()
    });
}

#[test]
fn combinators_of_combinators() {
    let lengths = Lengths::new([2, 5, 4]);
    for kind in [CellKind::Lstm, CellKind::Gru, CellKind::Irnn] {
        let zoneout = ZoneoutConfig::new();
        let layer = |seed| Residual::new(zoneout.init::<B, _>(cell(kind, 3, 3, seed)));
        let dropout = DropoutConfig::new(0.0).init();
        let stack = Stack::new(vec![layer(1), layer(2)], dropout.clone());
        check_cell(stack, 3, None);
        let both = || Residual::new(Bidirectional::new(layer(1), layer(2)).with_merge(Merge::Sum));
        check_cell(Stack::new(vec![both(), both()], dropout), 3, Some(&lengths));
    }
}

#[test]
fn char_lm() {
    // One of each form of sequence; `every_cell` has the others.
    for kind in [
        CellKind::Rnn,
        CellKind::Lstm,
        CellKind::Gru,
        CellKind::MinGru,
    ] {
        for d_embedding in [3, 0] {
            check_char_lm(kind, d_embedding);
        }
    }
}

#[test]
#[should_panic(expected = "relative error")]
fn a_gradient_that_got_lost_is_found() {
    let w = Param::from_tensor(Random::new(0).tensor::<B, 1>([3]));
    check::<B, _>(w, |w| (w.val() * w.val().detach()).sum());
}

/// Checks the gradients of all parameters under the loss of training. One character occurs more
/// than once, and one never.
fn check_char_lm(cell: CellKind, d_embedding: usize) {
    let model = CharLmConfig::new(5)
        .with_cell(cell)
        .with_d_embedding(d_embedding)
        .with_d_hidden(4)
        .with_n_layers(2)
        // Large enough that gradients reach the lower layer with more than rounding errors.
        .with_initializer(Initializer::Uniform { bound: 1.0 })
        .init_seeded::<B>(3, &Default::default());
    let tokens = |tokens: [[i64; 4]; 2]| Tensor::<B, 2, Int>::from(tokens);
    let (inputs, targets) = (
        tokens([[0, 1, 1, 3], [3, 0, 1, 0]]),
        tokens([[1, 1, 3, 4], [0, 1, 0, 2]]),
    );

    check::<B, _>(model, |model| {
        let (logits, _) = model.forward(inputs.clone(), None);
        let log_p = log_softmax(logits, 2).gather(2, targets.clone().unsqueeze_dim(2));
        -log_p.mean()
    });
}
