//! Training on several ranks equals training on one, in double precision.

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::CellKind;
use tests::{
    in_threads::{WHOLE, train_on},
    tiny::{self, random_text},
};
use train::{Clip, OptimizerConfig, RunConfig};

type B = Autodiff<NdArray<f64>>;

#[test]
fn losses_of_the_first_updates_equal_those_of_one_process() {
    let corpus = tiny::corpus(&random_text(9, 2000, 4));
    for cell in CellKind::ALL {
        let config = RunConfig {
            hidden_size: 16,
            // Powers of two, because NdArray 0.21 rounds the factor 1/n of a mean's gradient to single precision.
            batch_size: 8,
            seq_length: 8,
            max_epochs: 2,
            // Adam divides the smallest gradients by themselves, and so lets errors of rounding grow.
            optimizer: OptimizerConfig::Sgd,
            grad_clip: Clip::Norm(0.1),
            val_frac: 0.1,
            ..tiny::config(cell, 5)
        };
        let losses = |size| {
            let folder = tempfile::tempdir().expect("a folder");
            train_on::<B>(size, &corpus, &config, folder.path(), &WHOLE).expect("a run")
        };
        let expected = losses(1);
        for size in [2, 4] {
            for (update, (loss, expected)) in losses(size).iter().zip(&expected).enumerate() {
                let difference = (loss - expected).abs();
                let cell = cell.description().name;
                assert!(
                    difference < 1e-9,
                    "{cell}, {size} ranks, update {update}: {difference}"
                );
            }
        }
    }
}
