//! What each task asks, by its definition, and what can be known without memory, by counting.

use std::collections::HashMap;

use long_memory::{
    Answer, Task,
    task::Sequence,
    tasks::{ALL, Adding, FirstSymbol, RunningXor, Xor},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn draw(task: &dyn Task, distance: usize, n: usize) -> Vec<Sequence> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..n).map(|_| task.draw(distance, &mut rng)).collect()
}

#[test]
fn sequences_have_the_shapes_they_say() {
    for task in ALL {
        for distance in [2, 3, 7, 20] {
            for sequence in draw(task, distance, 5) {
                let steps = task.steps(distance);
                assert_eq!(
                    sequence.inputs.len(),
                    steps * task.d_input(),
                    "{}",
                    task.name()
                );
                assert!((1..=steps).contains(&sequence.targets.len()));
                let classes = task.answer().d_output() as f32;
                if task.answer() != Answer::Number {
                    assert!(
                        sequence
                            .targets
                            .iter()
                            .all(|&class| class >= 0.0 && class < classes)
                    );
                }
            }
        }
    }
}

#[test]
fn xor_is_that_of_each_pair() {
    for sequence in draw(&Xor, 9, 20) {
        let pairs = sequence.inputs.chunks(2);
        let expected: Vec<f32> = pairs.map(|pair| (pair[0] - pair[1]).abs()).collect();
        assert_eq!(sequence.targets, expected);
    }
}

#[test]
fn running_xor_is_the_parity_of_the_bits_so_far() {
    for Sequence { inputs, targets } in draw(&RunningXor, 9, 20) {
        for t in 0..9 {
            let ones: f32 = inputs[..=t].iter().sum();
            assert_eq!(targets[t], ones % 2.0);
        }
    }
}

#[test]
fn adding_is_the_sum_of_two_marked_numbers_one_in_each_half() {
    for distance in [2, 3, 10, 11] {
        for Sequence { inputs, targets } in draw(&Adding, distance, 200) {
            let marked: Vec<usize> = (0..distance).filter(|t| inputs[2 * t + 1] == 1.0).collect();
            assert!(matches!(marked[..], [a, b] if a < distance / 2 && b >= distance / 2));
            assert_eq!(targets, [inputs[2 * marked[0]] + inputs[2 * marked[1]]]);
            let numbers = inputs.chunks(2).map(|pair| pair[0]);
            assert!(numbers.into_iter().all(|x| (0.0..1.0).contains(&x)));
        }
    }
}

#[test]
fn the_first_symbol_is_one_and_noise_is_never_like_it() {
    for Sequence { inputs, targets } in draw(&FirstSymbol, 30, 50) {
        let hot = |one_hot: &[f32]| {
            assert_eq!(one_hot.iter().sum::<f32>(), 1.0);
            one_hot.iter().position(|&x| x == 1.0).unwrap()
        };
        let symbols: Vec<usize> = inputs.chunks(FirstSymbol.d_input()).map(hot).collect();
        assert_eq!(symbols.len(), 31);
        assert_eq!(targets, [symbols[0] as f32]);
        assert!(symbols[0] < 4 && symbols[1..].iter().all(|&noise| noise >= 4));
    }
}

/// The best that one can say after `what` was seen: the class that came most often with it, or the mean.
/// Gives how good that is on the sequences themselves.
fn best(task: &dyn Task, sequences: &[Sequence], what: impl Fn(&[f32]) -> Seen) -> f64 {
    let mut with: HashMap<Vec<u32>, Vec<f64>> = HashMap::new();
    for sequence in sequences {
        let last = &sequence.inputs[sequence.inputs.len() - task.d_input()..];
        let Seen { key, known } = what(last);
        let target = f64::from(*sequence.targets.last().unwrap());
        with.entry(key).or_default().push(target - known);
    }
    let of_one = |targets: &Vec<f64>| match task.answer() {
        Answer::Number => {
            let mean = targets.iter().sum::<f64>() / targets.len() as f64;
            targets
                .iter()
                .map(|target| (target - mean).powi(2))
                .sum::<f64>()
        }
        Answer::Class(n) => {
            let count = |class: usize| targets.iter().filter(|&&t| t == class as f64).count();
            (0..n).map(count).max().unwrap() as f64
        }
    };
    with.values().map(of_one).sum::<f64>() / sequences.len() as f64
}

/// What a guess may rely on.
struct Seen {
    /// Of which there are few different ones.
    key: Vec<u32>,
    /// What is known to be a part of the target.
    known: f64,
}

#[test]
fn chance_and_floor_are_what_counting_gives() {
    const N: usize = 40_000;
    for task in ALL {
        for distance in [2, 5, 8] {
            let sequences = draw(task, distance, N);
            let nothing = best(task, &sequences, |_| Seen {
                key: Vec::new(),
                known: 0.0,
            });
            let last = best(task, &sequences, |last| match task.name() {
                // A marked number is a part of the sum, one that is not says nothing.
                "adding" => Seen {
                    key: vec![last[1] as u32],
                    known: f64::from(last[0] * last[1]),
                },
                _ => Seen {
                    key: last.iter().map(|x| x.to_bits()).collect(),
                    known: 0.0,
                },
            });
            for (found, told) in [
                (nothing, task.chance(distance)),
                (last, task.floor(distance)),
            ] {
                // Four standard deviations of a share; a share of the best class is a little above it.
                let tolerance = 4.0 * 0.5 / (N as f64).sqrt();
                assert!(
                    (found - told).abs() < tolerance,
                    "{} {distance}: {found}, {told}",
                    task.name()
                );
            }
        }
    }
}
