//! Whether an answer depends on what came before.

use burn::tensor::{Tensor, TensorData, activation::softmax, backend::Backend};
use rand::RngExt;

use crate::{network::Network, training::Stream};

/// The four pairs of bits.
pub const PAIRS: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

/// Returns what a network that was trained on [`Xor`](crate::tasks::Xor) answers to a pair after different
/// pasts: for each of [`PAIRS`], the probability of a 1 after each of `n` pasts of `distance − 1` random
/// pairs. A pure function gives the same answer after every past.
pub fn after_pasts<B: Backend>(
    network: &Network<B>,
    distance: usize,
    n: usize,
    seed: u64,
    device: &B::Device,
) -> [Vec<f64>; 4] {
    let mut rng = Stream::Example.of(seed);
    let pasts: Vec<Vec<f32>> = (0..n)
        .map(|_| {
            let bits = (0..2 * (distance - 1)).map(|_| f32::from(rng.random::<bool>()));
            bits.collect()
        })
        .collect();
    // All steps are asked, so that a network without memory reads them all too.
    PAIRS.map(|pair| {
        let inputs: Vec<f32> = pasts
            .iter()
            .flat_map(|past| [past, &pair[..]].concat())
            .collect();
        let inputs = Tensor::from_data(TensorData::new(inputs, [n, distance, 2]), device);
        let answers = softmax(network.forward(inputs, distance), 1);
        let of_one: Vec<f64> = answers.narrow(1, 1, 1).into_data().iter().collect();
        of_one
            .chunks(distance)
            .map(|of_text| of_text[distance - 1])
            .collect()
    })
}
