//! The precision of a module is the default of its device. Burn sets it once for a device in a process, so
//! these tests have a process of their own.

use burn::tensor::{DType, Tensor, backend::Backend, set_default_dtypes};
use burn_flex::{Flex, FlexDevice};
use burn_ndarray::{NdArray, NdArrayDevice};
use models::{CellKind, CharLmConfig, RecurrentCell, Stack, StackConfig, fused::paths};
// What it has compiled of the networks is not compiled again.
use tests as _;

fn check<B: Backend>(device: &B::Device, dtype: DType) {
    for kind in CellKind::ALL {
        let stack: Stack<B> = StackConfig::new(3, 8).init_seeded(kind, 1, device);
        // Without `dtype`, as a program creates its tensors.
        let x = Tensor::ones([2, 5, 3], device);
        let ((y, _), paths) = paths(|| stack.forward(x, None));
        assert_eq!((y.dtype(), paths.kernels), (dtype, 0), "{kind}");
        assert!(y.into_data().iter::<f32>().all(f32::is_finite), "{kind}");

        let config = CharLmConfig::new(11).with_cell(kind).with_d_embedding(0);
        let model = config.init_seeded::<B>(1, device);
        let text = Tensor::from_ints([[1, 2, 3], [4, 5, 6]], device);
        let (loss, _) = model.loss(text.clone(), text, None, None);
        assert_eq!(loss.dtype(), dtype, "{kind}");
        let loss = loss.into_data().iter::<f64>().next().expect("a loss");
        assert!((loss - 11f64.ln()).abs() < 0.5, "{kind}: {loss}");
    }
}

#[test]
fn of_ndarray() {
    set_default_dtypes::<NdArray>(&NdArrayDevice::Cpu, DType::F64, DType::I64).expect("the first");
    check::<NdArray>(&NdArrayDevice::Cpu, DType::F64);
}

#[test]
fn of_flex() {
    set_default_dtypes::<Flex>(&FlexDevice, DType::F16, DType::I32).expect("the first");
    check::<Flex>(&FlexDevice, DType::F16);
}
