//! Layers on top of one another, and the language model around them.

use burn::{
    module::AutodiffModule,
    nn::Embedding,
    tensor::{Int, Tensor, backend::Backend},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    AnyState, CellKind, CharLm, CharLmConfig, RecurrentCell, RecurrentState, Stack, StackConfig,
};
use tests::{compare::assert_close, network::by_steps, random::Random};

type B = NdArray<f64>;

const D_INPUT: usize = 3;
const D_HIDDEN: usize = 5;
const KINDS: [CellKind; 2] = [CellKind::Rnn, CellKind::Lstm];

fn config(n_layers: usize) -> StackConfig {
    StackConfig::new(D_INPUT, D_HIDDEN).with_n_layers(n_layers)
}

fn input<B: Backend>() -> Tensor<B, 3> {
    Random::new(1).tensor([2, 6, D_INPUT])
}

/// A state that is not zeros.
fn some_state(stack: &Stack<B>) -> <Stack<B> as RecurrentCell<B>>::State {
    let mut random = Random::new(2);
    let zeros = stack.initial_state(2);
    zeros.map(&mut |_, zeros| random.tensor(zeros.dims()))
}

#[test]
fn the_output_of_each_layer_is_the_input_of_the_next() {
    for kind in KINDS {
        let stack: Stack<B> = config(3).init(kind, &Default::default());
        let state = some_state(&stack);
        let (y, last) = stack.forward(input(), Some(state.clone()));
        let mut x = input();
        for ((layer, state), last) in stack.layers.iter().zip(state).zip(last) {
            let (above, state) = layer.forward(x, Some(state));
            assert_eq!(last.to_data(), state.to_data());
            x = above;
        }
        assert_eq!(y.into_data(), x.into_data());
    }
}

#[test]
fn a_sequence_layer_by_layer_is_the_sequence_step_by_step() {
    for kind in KINDS {
        let stack: Stack<B> = config(3).init(kind, &Default::default());
        let state = some_state(&stack);
        let (y, last) = stack.forward(input(), Some(state.clone()));
        let (y_steps, last_steps) = by_steps(&stack, input(), state);
        assert_close("y", y, y_steps, 1e-12);
        for (last, by_steps) in last.tensors().into_iter().zip(last_steps.tensors()) {
            assert_close("the last state", last, by_steps, 1e-12);
        }
    }
}

#[test]
fn dropout_acts_on_what_goes_up_in_training_only() {
    let config = config(1).with_dropout(0.5);
    let stack: Stack<Autodiff<B>> = config.init(CellKind::Lstm, &Default::default());
    let (y, state) = stack.valid().forward(input(), None);
    let (dropped, state_in_training) = stack.forward(input(), None);
    let (values, dropped) = (y.clone().into_data(), dropped.into_data());
    let (mut zeroed, mut doubled) = (0, 0);
    for (y, dropped) in values.iter::<f64>().zip(dropped.iter::<f64>()) {
        match dropped {
            0.0 => zeroed += 1,
            _ if (dropped - 2.0 * y).abs() < 1e-12 => doubled += 1,
            _ => panic!("{dropped} is neither 0 nor 2·{y}"),
        }
    }
    assert!(zeroed > 0 && doubled > 0, "of {zeroed} and {doubled}");
    assert_eq!(state_in_training.to_data(), state.to_data());
    let [_, time, _] = y.dims();
    let AnyState::Lstm(state) = &state[0] else {
        panic!("another kind");
    };
    let last = y.narrow(1, time - 1, 1).squeeze_dim::<2>(1);
    assert_eq!(last.into_data(), state.hidden.to_data());
}

#[test]
#[should_panic(expected = "a state for each layer")]
fn a_state_of_fewer_layers_is_refused() {
    let stack: Stack<B> = config(2).init(CellKind::Lstm, &Default::default());
    let mut state = stack.initial_state(2);
    state.pop();
    stack.forward(input(), Some(state));
}

#[test]
#[should_panic(expected = "another kind of cell")]
fn a_state_of_another_kind_is_refused() {
    let [rnn, lstm]: [Stack<B>; 2] = KINDS.map(|kind| config(1).init(kind, &Default::default()));
    lstm.forward(input(), Some(rnn.initial_state(2)));
}

fn text() -> Tensor<B, 2, Int> {
    Tensor::from([[0, 3, 1, 1, 2], [3, 3, 0, 2, 1]])
}

fn char_lm(cell: CellKind, d_embedding: usize) -> CharLm<B> {
    let config = CharLmConfig::new(4).with_cell(cell).with_d_hidden(D_HIDDEN);
    let config = config.with_d_embedding(d_embedding);
    config.init_seeded(3, &Default::default())
}

#[test]
fn a_text_is_its_characters_one_by_one() {
    for (kind, d_embedding) in [(CellKind::Rnn, 3), (CellKind::Lstm, 3), (CellKind::Lstm, 0)] {
        let model = char_lm(kind, d_embedding);
        let (logits, last) = model.forward(text(), None);
        let (mut by_character, mut state) = (Vec::new(), model.initial_state(2));
        for characters in text().iter_dim(1) {
            let (next, after) = model.step(characters.squeeze_dim(1), state);
            by_character.push(next);
            state = after;
        }
        assert_close("logits", logits, Tensor::stack(by_character, 1), 1e-12);
        for (last, by_character) in last.tensors().into_iter().zip(state.tensors()) {
            assert_close("the last state", last, by_character, 1e-12);
        }
    }
}

#[test]
fn one_hot_vectors_are_an_embedding_by_the_identity() {
    let one_hot = char_lm(CellKind::Lstm, 0);
    assert!(one_hot.embedding.is_none());
    let identity = Tensor::<B, 2>::eye(4, &Default::default()).cast(burn::tensor::DType::F64);
    let embedded = CharLm {
        embedding: Some(Embedding {
            weight: burn::module::Param::from_tensor(identity),
        }),
        ..one_hot.clone()
    };
    let logits = |model: CharLm<B>| model.forward(text(), None).0.into_data();
    assert_eq!(logits(one_hot), logits(embedded));
}
