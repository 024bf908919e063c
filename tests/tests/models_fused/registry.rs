//! A backend of one's own gets kernels by `register`.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Int, Tensor};
use burn_ndarray::NdArray;
use models::{
    LstmConfig, RnnConfig,
    fused::{Input, SequenceKernels, Weights, kernels, register},
};

/// A backend that has no kernels by itself.
type B = NdArray<f32, i32>;

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Declines every `Lstm`; its `Rnn` gives zeros.
struct Zeros;

impl SequenceKernels<B> for Zeros {
    fn rnn(
        &self,
        _: &Weights<B>,
        input: &Input<B>,
        hidden: &Tensor<B, 2>,
    ) -> Option<(Tensor<B, 3>, Tensor<B, 2>)> {
        CALLS.fetch_add(1, Ordering::Relaxed);
        let ([batch, time], [_, h]) = (input.shape(), hidden.dims());
        let zeros = Tensor::zeros([batch, time, h], &Default::default());
        Some((zeros, hidden.zeros_like()))
    }

    fn lstm(
        &self,
        _: &Weights<B>,
        _: &Input<B>,
        _: [&Tensor<B, 2>; 2],
    ) -> Option<(Tensor<B, 3>, [Tensor<B, 2>; 2])> {
        CALLS.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn cross_entropy(
        &self,
        _: &Tensor<B, 2>,
        _: &Tensor<B, 2>,
        _: &Tensor<B, 1>,
        _: &Tensor<B, 1, Int>,
    ) -> Option<Tensor<B, 1>> {
        None
    }
}

#[test]
fn registered_kernels_are_asked_and_may_decline() {
    let device = Default::default();
    let x = Tensor::<B, 3>::ones([2, 3, 4], &device);
    let rnn = RnnConfig::new(4, 5).init_seeded::<B>(1, &device);
    let lstm = LstmConfig::new(4, 5).init_seeded::<B>(1, &device);
    let largest = |y: Tensor<B, 3>| y.abs().max().into_scalar();

    assert!(kernels::<B>().is_none());
    assert!(largest(rnn.forward(x.clone(), None).0) > 0.0);
    let by_reference = lstm.forward(x.clone(), None).0;

    register::<B>(Zeros);
    assert_eq!(largest(rnn.forward(x.clone(), None).0), 0.0);
    let declined = lstm.forward(x, None).0;
    assert_eq!(largest(declined - by_reference), 0.0);
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}
