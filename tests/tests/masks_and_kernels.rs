//! Random masks act on every way of running a layer by kernels that goes around
//! [`RecurrentCell::sequence`]: the directions of a bidirectional layer together, and tokens by a table.

use burn::{
    module::{Module, ModuleDisplay},
    nn::{DropoutConfig, LinearConfig},
    tensor::{Int, Tensor, backend::Backend},
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{
    Bidirectional, CharLm, LearnedState, LstmConfig, RecurrentCell, Stack,
    VariationalDropoutConfig, WeightDropoutConfig,
};
use tests::random::Random;

type B = Autodiff<NdArray>;

/// Probability of a zero.
const P: f64 = 0.4;

#[test]
fn masks_act_on_every_way_to_a_kernel() {
    let device = Default::default();
    let lstm = |seed| LstmConfig::new(6, 8).init_seeded::<B>(seed, &device);
    let thin = |seed| WeightDropoutConfig::new(P).init::<B, _>(lstm(seed));
    let learned = |seed| LearnedState::new(thin(seed));
    let hidden = |seed| {
        let config = VariationalDropoutConfig::new().with_hidden(P);
        config.init::<B, _>(lstm(seed))
    };
    fn differs(run: impl Fn() -> Vec<f64>) {
        let [one, again, other] = [7, 7, 8].map(|seed| {
            B::seed(&Default::default(), seed);
            run()
        });
        assert_eq!(one, again);
        assert_ne!(one, other);
    }
    fn both_ways<C: RecurrentCell<B>>(layer: impl Fn(u64) -> C) {
        let both = Bidirectional::new(layer(1), layer(2));
        let x = Random::new(2).tensor::<B, 3>([2, 5, 6]);
        differs(|| both.forward(x.clone(), None).0.to_data().iter().collect());
    }
    both_ways(thin);
    both_ways(learned);
    both_ways(hidden);

    fn of_tokens<C: RecurrentCell<B> + Module<B> + ModuleDisplay>(layer: impl Fn(u64) -> C) {
        let device = Default::default();
        let head = LinearConfig::new(8, 6).init(&device);
        // It is drawn when it is first used, and must not be while the masks are.
        drop(head.weight.val());
        let model = CharLm {
            // One-hot vectors of six characters.
            embedding: None,
            stack: Stack::new(vec![layer(1)], DropoutConfig::new(0.0).init()),
            head,
            weight_dropout: 0.0,
        };
        let tokens =
            Tensor::<B, 2, Int>::from_data([[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]], &device);
        differs(|| {
            let (logits, _) = model.forward(tokens.clone(), None);
            logits.to_data().iter().collect()
        });
    }
    of_tokens(thin);
    of_tokens(learned);
    of_tokens(hidden);
}
