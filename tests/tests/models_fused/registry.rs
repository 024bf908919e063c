//! A backend of one's own gets kernels by `register`.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Int, Tensor, backend::Backend};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_ndarray::NdArray;
use models::{
    Lengths, LstmConfig, RecurrentCell, RnnConfig,
    fused::{
        self, CpuAutodiff, CpuInference, Input, KernelLayer, SequenceKernels, kernels, register,
        without_kernels,
    },
};

/// A backend that has no kernels by itself.
type B = NdArray<f32, u8>;

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
    // The `Rnn`'s, and for the `Lstm` the sequence and each of its steps.
    assert_eq!(CALLS.load(Ordering::Relaxed), 1 + 1 + 3);
}

/// What the crate registers itself, and what takes one line.
#[test]
fn every_form_of_f32_can_have_kernels() {
    fn paths<B: Backend>() -> [usize; 2] {
        let device = Default::default();
        let lstm = LstmConfig::new(4, 5).init_seeded::<B>(1, &device);
        let x = Tensor::ones([2, 3, 4], &device);
        let (_, paths) = fused::paths(|| lstm.forward(x, None));
        [paths.kernels, paths.reference]
    }
    let (by_kernels, by_steps) = ([1, 0], [0, 1]);
    assert_eq!(paths::<NdArray>(), by_kernels);
    assert_eq!(paths::<NdArray<f32, i32>>(), by_kernels);
    assert_eq!(paths::<Autodiff<NdArray<f32, i32>>>(), by_kernels);
    assert_eq!(paths::<Flex>(), by_kernels);
    assert_eq!(without_kernels(paths::<Flex>), by_steps);

    assert_eq!(paths::<NdArray<f32, i16>>(), by_steps);
    register::<NdArray<f32, i16>>(CpuInference);
    register::<Autodiff<NdArray<f32, i16>>>(CpuAutodiff);
    assert_eq!(paths::<NdArray<f32, i16>>(), by_kernels);
    assert_eq!(paths::<Autodiff<NdArray<f32, i16>>>(), by_kernels);
}
