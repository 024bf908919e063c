//! No step allocates: a long sequence costs as many allocations as a short one.

use std::hint::black_box;

use allocation_counter::measure;
use kernels::{
    Backward, Engine, Gru, Input, Isa, Kernel, Layer, LayerWeights, Lengths, Lstm, NeedsGrad, Rnn,
    Shape, Stepper, Takes, recurrent::Cell,
};

const BATCH: usize = 3;
const D_INPUT: usize = 5;
const D_HIDDEN: usize = 19;
const ALL: NeedsGrad = NeedsGrad {
    input: true,
    weights: true,
};

/// A layer of some gates, and sequences for it.
struct Problem {
    engine: Engine,
    shape: Shape,
    wx: Vec<f32>,
    wh: Vec<f32>,
    x: Vec<f32>,
    state: Vec<f32>,
    output: Vec<f32>,
}

impl Problem {
    /// For one thread.
    fn new(isa: Isa, gates: usize, time: usize) -> Self {
        let numbers = |n: usize| (0..n).map(|k| (k % 7) as f32 * 0.1 - 0.3).collect();
        Problem {
            engine: Engine::new().with_isa(isa).with_threads(1),
            shape: Shape { batch: BATCH, time },
            wx: numbers(D_INPUT * gates * D_HIDDEN),
            wh: numbers(D_HIDDEN * gates * D_HIDDEN),
            x: numbers(BATCH * time * D_INPUT),
            state: numbers(BATCH * D_HIDDEN),
            output: vec![0.0; BATCH * time * D_HIDDEN],
        }
    }
}

fn infer<C: Cell>(isa: Isa, time: usize) -> u64 {
    let Problem {
        engine,
        shape,
        wx,
        wh,
        x,
        state,
        mut output,
    } = Problem::new(isa, C::GATES.count(), time);
    let layer = Layer::<C>::new(&engine, D_HIDDEN, &wx, &wh, &[]);
    let mut cell = if C::HAS_CELL {
        state.clone()
    } else {
        Vec::new()
    };
    let infer = || layer.infer(shape, Input::Vectors(&x), &state, &mut cell, &mut output);
    measure(infer).count_total
}

fn backward<C: Cell>(isa: Isa, time: usize) -> u64 {
    let Problem {
        engine,
        shape,
        wx,
        wh,
        x,
        state,
        output,
    } = &Problem::new(isa, C::GATES.count(), time);
    let (shape, input) = (*shape, Input::Vectors(x));
    let layer = Layer::<C>::new(engine, D_HIDDEN, wx, wh, &[]);
    let c = if C::HAS_CELL { &state[..] } else { &[] };
    let (_, saved) = layer.forward(shape, input, state, c);
    let backward = Backward {
        shape,
        lengths: Lengths::ALL,
        wx,
        wh,
        input,
        h0: state,
        output,
        d_output: output,
        d_cell: c,
    };
    measure(|| drop(backward.run::<C>(engine, ALL, saved))).count_total
}

#[test]
fn steps_do_not_allocate() {
    type Allocations = fn(Isa, usize) -> u64;
    let functions: [(&str, Allocations); 6] = [
        ("Layer::<Lstm>::infer", infer::<Lstm>),
        ("Backward::run::<Lstm>", backward::<Lstm>),
        ("Layer::<Gru>::infer", infer::<Gru>),
        ("Backward::run::<Gru>", backward::<Gru>),
        ("Layer::<Rnn>::infer", infer::<Rnn>),
        ("Backward::run::<Rnn>", backward::<Rnn>),
    ];
    for (name, allocations) in functions {
        for isa in Isa::available() {
            // The first call starts rayon.
            allocations(isa, 1);
            let (few, many) = (allocations(isa, 10), allocations(isa, 1000));
            // Large buffers are used again, and the list of them may grow.
            assert!(
                many < few + 10,
                "{name}, {isa}: {few} for 10 steps and {many} for 1000"
            );
        }
    }
}

/// Layers of all kinds and a head.
#[test]
fn a_stepper_allocates_nothing() {
    let numbers = |n: usize| vec![0.1_f32; n];
    let [wx, wh, gru_wx, gru_wh, rnn_wx, rnn_wh] = [
        numbers(D_INPUT * 4 * D_HIDDEN),
        numbers(D_HIDDEN * 4 * D_HIDDEN),
        numbers(D_HIDDEN * 3 * D_HIDDEN),
        numbers(D_HIDDEN * 3 * D_HIDDEN),
        numbers(D_HIDDEN * D_HIDDEN),
        numbers(D_HIDDEN * D_HIDDEN),
    ];
    let layer = |kernel, wx, wh| LayerWeights {
        kernel,
        d_hidden: D_HIDDEN,
        wx,
        wh,
        b: &[],
    };
    let layers = [
        layer(&Lstm as &dyn Kernel, &wx, &wh),
        layer(&Gru, &gru_wx, &gru_wh),
        layer(&Rnn, &rnn_wx, &rnn_wh),
    ];
    let (weight, bias) = (numbers(D_HIDDEN * 7), numbers(7));
    let mut stepper = Stepper::new(BATCH, Takes::Vectors, &layers, Some((&weight, &bias)));
    let (x, mut y) = (numbers(BATCH * D_INPUT), numbers(BATCH * 7));
    let steps = || (0..10).for_each(|_| stepper.step(&x, &mut y));
    assert_eq!(measure(steps).count_total, 0);
}

/// Otherwise the tests above would be empty.
#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(vec![1_u8; 10]))).count_total, 1);
}
