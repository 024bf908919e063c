//! Random masks in training: what they do on average, that the seed decides them, and their gradients. They
//! have a process of their own, because Burn has one random number generator per process.

use std::sync::Mutex;

use burn::{
    module::AutodiffModule,
    tensor::{Tensor, backend::Backend},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    Gru, GruConfig, Lstm, LstmConfig, MinGruConfig, RecurrentCell, VariationalDropoutConfig,
    WeightDropoutConfig, ZoneoutConfig,
};
use tests::{compare::assert_close, gradcheck::check, random::Random};

type B = Autodiff<NdArray<f64>>;

const KEEP: f64 = 0.6;
const P: f64 = 1.0 - KEEP;

/// One test at a time draws random numbers.
static GENERATOR: Mutex<()> = Mutex::new(());

fn seeded<R>(seed: u64, f: impl FnOnce() -> R) -> R {
    B::seed(&Default::default(), seed);
    f()
}

fn lstm(d_input: usize, d_hidden: usize) -> Lstm<B> {
    LstmConfig::new(d_input, d_hidden).init_seeded(1, &Default::default())
}

fn gru(d_input: usize, d_hidden: usize) -> Gru<B> {
    GruConfig::new(d_input, d_hidden).init_seeded(1, &Default::default())
}

fn values<const D: usize>(tensor: &Tensor<B, D>) -> Vec<f64> {
    tensor.to_data().iter().collect()
}

#[test]
fn the_seed_decides_every_mask() {
    let _alone = GENERATOR.lock();
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 6, 3]);
    let weight = WeightDropoutConfig::new(P).init::<B, _>(lstm(3, 8));
    let variational = VariationalDropoutConfig::new()
        .with_input(P)
        .with_hidden(P)
        .with_output(P);
    let variational = variational.init::<B, _>(gru(3, 8));
    let zoneout = ZoneoutConfig::new().with_hidden(P).with_cell(P);
    let zoneout = zoneout.init::<B, _>(lstm(3, 8));
    let runs: [&dyn Fn() -> Tensor<B, 3>; 3] = [
        &|| weight.forward(x.clone(), None).0,
        &|| variational.forward(x.clone(), None).0,
        &|| zoneout.forward(x.clone(), None).0,
    ];
    for run in runs {
        let [one, again, other] = [7, 7, 8].map(|seed| values(&seeded(seed, run)));
        assert_eq!(one, again);
        assert_ne!(one, other);
    }
}

/// `h[t] = z∘h[t-1] + …` of a Gru would show a mask that is another at each step.
#[test]
fn one_mask_serves_all_steps() {
    let _alone = GENERATOR.lock();
    let config = VariationalDropoutConfig::new().with_output(P);
    let cell = config.init::<B, _>(gru(3, 200));
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 6, 3]);
    let (y, _) = seeded(3, || cell.forward(x, None));
    let zero = |t: usize| -> Vec<bool> {
        let y_t = values(&y.clone().narrow(1, t, 1));
        y_t.into_iter().map(|y| y == 0.0).collect()
    };
    let dropped = zero(0);
    assert!((1..6).all(|t| zero(t) == dropped));
    let (first, second) = dropped.split_at(200);
    assert_ne!(first, second, "each sequence has a mask of its own");
    let share = dropped.iter().filter(|&&zero| zero).count() as f64 / 400.0;
    // Four standard deviations of a binomial of 400.
    assert!(
        (share - P).abs() < 4.0 * (P * KEEP / 400.0).sqrt(),
        "{share}"
    );
}

/// The gradient of `Wh` shows which weights took part: all of them, whole rows, or single ones.
#[test]
fn weights_are_dropped_one_by_one_and_rows_by_the_row() {
    let _alone = GENERATOR.lock();
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 6, 3]);
    let rows_of = |wh: Tensor<B, 2>, y: Tensor<B, 3>| -> Vec<usize> {
        let gradient = wh.grad(&y.sum().backward()).expect("a gradient");
        let used = gradient.not_equal_elem(0.0).int().sum_dim(1);
        used.into_data().iter::<i64>().map(|n| n as usize).collect()
    };
    let cell = WeightDropoutConfig::new(P).init::<B, _>(lstm(3, 50));
    let y = seeded(4, || cell.forward(x.clone(), None).0);
    let used = rows_of(cell.cell.wh.val(), y);
    let share = used.iter().sum::<usize>() as f64 / (50.0 * 200.0);
    assert!(
        (share - KEEP).abs() < 4.0 * (P * KEEP / 1e4).sqrt(),
        "{share}"
    );
    assert!(used.iter().all(|&n| n > 0 && n < 200));

    let cell = VariationalDropoutConfig::new()
        .with_hidden(P)
        .init::<B, _>(lstm(3, 50));
    let y = seeded(4, || cell.forward(x, None).0);
    let used = rows_of(cell.cell.wh.val(), y);
    assert!(used.iter().all(|&n| n == 0 || n == 200));
    assert!(used.contains(&0) && used.contains(&200));
}

/// Of a thousand draws the mean is that without a mask, for a cell that is linear in its input.
#[test]
fn masks_keep_the_mean() {
    let _alone = GENERATOR.lock();
    let cell = MinGruConfig::new(3, 4).with_bias(false);
    let mut cell = cell.init_seeded::<B>(1, &Default::default());
    // An update gate of one half, whatever comes in.
    cell.wx = cell.wx.map(|wx| {
        let zeros = wx.clone().narrow(1, 0, 4).zeros_like();
        Tensor::cat(vec![zeros, wx.narrow(1, 4, 4)], 1)
    });
    let x: Tensor<B, 3> = Random::new(2).tensor([1, 3, 3]);
    let (expected, _) = cell.forward(x.clone(), None);
    let config = VariationalDropoutConfig::new().with_input(P).with_output(P);
    let dropped = config.init::<B, _>(cell);
    let n = 4000;
    let all = x.repeat_dim(0, n);
    let (y, _) = seeded(5, || dropped.forward(all, None));
    let mean = y.clone().mean_dim(0);
    let error = (y - expected.clone()).powi_scalar(2).mean_dim(0).sqrt() / (n as f64).sqrt();
    // Five standard errors, of twelve numbers.
    let off = ((mean - expected) / error).abs().max().into_scalar();
    assert!(off < 5.0, "{off} standard errors");
}

#[test]
fn zoneout_keeps_elements_or_not() {
    let _alone = GENERATOR.lock();
    let (lstm, n) = (lstm(3, 2000), 2000.0);
    let config = ZoneoutConfig::new().with_hidden(0.3).with_cell(0.6);
    let cell = config.init::<B, _>(lstm.clone());
    let (x, mut random) = (Random::new(2).tensor([1, 3]), Random::new(3));
    let old = lstm.initial_state(1);
    use models::RecurrentState;
    let old = old.map(&mut |_, zeros| random.tensor(zeros.dims()));
    let (_, new) = lstm.step(x.clone(), old.clone());
    let (y, zoned) = seeded(6, || cell.step(x, old.clone()));
    assert_close("y", y, zoned.hidden.clone(), 1e-14);
    for (p, [old, new, zoned]) in [
        (0.3, [&old.hidden, &new.hidden, &zoned.hidden]),
        (0.6, [&old.cell, &new.cell, &zoned.cell]),
    ] {
        let [old, new, zoned] = [old, new, zoned].map(values);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let kept = (0..zoned.len()).filter(|&j| near(zoned[j], old[j])).count();
        let fresh = (0..zoned.len()).filter(|&j| near(zoned[j], new[j])).count();
        assert_eq!(kept + fresh, 2000);
        let share = kept as f64 / n;
        assert!(
            (share - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt(),
            "{share}"
        );
    }
}

#[test]
fn gradients() {
    let _alone = GENERATOR.lock();
    let x: Tensor<B, 3> = Random::new(2).tensor([2, 5, 3]);
    fn sees<C: RecurrentCell<B>>(cell: &C, x: &Tensor<B, 3>) -> Tensor<B, 1> {
        let (y, _) = seeded(9, || cell.forward(x.clone(), None));
        let weights: Tensor<B, 3> = Random::new(3).tensor(y.dims());
        (y * weights).sum()
    }
    let weight = WeightDropoutConfig::new(P).init::<B, _>(lstm(3, 4));
    check::<B, _>(weight, |cell| sees(cell, &x));
    let variational = VariationalDropoutConfig::new()
        .with_input(P)
        .with_hidden(P)
        .with_output(P);
    check::<B, _>(variational.init::<B, _>(gru(3, 4)), |cell| sees(cell, &x));
    let zoneout = ZoneoutConfig::new().with_hidden(P).with_cell(P);
    check::<B, _>(zoneout.init::<B, _>(lstm(3, 4)), |cell| sees(cell, &x));
}

#[test]
#[should_panic(expected = "the cell has no recurrent weights, no parameter wh")]
fn a_cell_without_recurrent_weights_is_refused() {
    let cell = MinGruConfig::new(3, 4).init_seeded::<B>(1, &Default::default());
    let cell = WeightDropoutConfig::new(P).init::<B, _>(cell);
    cell.forward(Random::new(2).tensor([2, 5, 3]), None);
}

/// Without autodiff nothing is dropped, so nothing is looked for.
#[test]
fn a_cell_without_recurrent_weights_is_evaluated() {
    let cell = MinGruConfig::new(3, 4).init_seeded::<B>(1, &Default::default());
    let dropped = WeightDropoutConfig::new(P).init::<B, _>(cell.clone());
    let x: Tensor<NdArray<f64>, 3> = Random::new(2).tensor([2, 5, 3]);
    let (y, _) = dropped.valid().forward(x.clone(), None);
    let (expected, _) = cell.valid().forward(x, None);
    assert_eq!(y.into_data(), expected.into_data());
}
