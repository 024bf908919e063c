//! A backend of one's own gets kernels by `register`.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Int, Tensor};
use burn_ndarray::NdArray;
use models::{
    Lengths, LstmConfig, RecurrentCell, RnnConfig,
    fused::{Input, KernelLayer, SequenceKernels, kernels, register},
};

/// A backend that has no kernels by itself.
type B = NdArray<f32, i32>;

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Declines every `Lstm`; an `Rnn` returns zeros.
struct Zeros;

impl SequenceKernels<B> for Zeros {
    fn sequence(
        &self,
        layers: &[&KernelLayer<B>],
        input: &Input<B>,
        _: Option<&Lengths>,
        states: &[&[Tensor<B, 2>]],
    ) -> Option<(Tensor<B, 3>, Vec<Tensor<B, 2>>)> {
        CALLS.fetch_add(1, Ordering::Relaxed);
        if layers[0].kernel.name() == "lstm" {
            return None;
        }
        let state = states[0];
        let ([batch, time], [_, h]) = (input.shape(), state[0].dims());
        let zeros = Tensor::zeros([batch, time, h], &Default::default());
        Some((zeros, state.iter().map(Tensor::zeros_like).collect()))
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
