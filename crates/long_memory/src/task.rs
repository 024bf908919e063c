//! What a task is: random sequences whose length depends on a distance, and the answer at their end.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use models::loss::cross_entropy;
use rand_chacha::ChaCha8Rng;

/// A task: an endless supply of random sequences.
pub trait Task: Sync {
    /// Returns its name on the command line and in files.
    fn name(&self) -> &'static str;

    /// Returns the size of each input vector.
    fn d_input(&self) -> usize;

    /// Returns what kind of answer it asks for.
    fn answer(&self) -> Answer;

    /// Returns the number of steps of a sequence in which what decides the answer lies `distance` steps apart
    /// or back.
    fn steps(&self, distance: usize) -> usize;

    /// Draws a sequence of [`steps`](Self::steps) steps.
    fn draw(&self, distance: usize, rng: &mut ChaCha8Rng) -> Sequence;

    /// Returns the result of the best guess that ignores the input.
    fn chance(&self, distance: usize) -> f64;

    /// Returns the best result of a function of the last input alone, which no feed-forward network can beat.
    fn floor(&self, distance: usize) -> f64;
}

/// One sequence of a task.
pub struct Sequence {
    /// `[steps, d_input]`, row by row.
    pub inputs: Vec<f32>,
    /// The answers at the last steps, in order: numbers, or class indices.
    pub targets: Vec<f32>,
}

/// The kind of an answer, which decides the loss and how a result is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A number. Loss and result are the mean squared error.
    Number,
    /// One of this many classes. The loss is the cross-entropy in nats, the result the accuracy: the share of
    /// correct answers.
    Class(usize),
}

impl Answer {
    /// Returns how many numbers a network outputs for an answer.
    pub fn d_output(self) -> usize {
        match self {
            Answer::Number => 1,
            Answer::Class(n) => n,
        }
    }

    /// Returns the name of what a result measures.
    pub fn measure(self) -> &'static str {
        match self {
            Answer::Number => "mean squared error",
            Answer::Class(_) => "accuracy",
        }
    }

    /// Returns whether a task counts as solved: a mean squared error below 0.01, or an accuracy of at least
    /// 99 %.
    pub fn is_solved(self, result: f64) -> bool {
        match self {
            Answer::Number => result < 0.01,
            Answer::Class(_) => result >= 0.99,
        }
    }

    /// Returns whether so little is left to learn that training may end: a tenth of the error that
    /// [`is_solved`] allows.
    ///
    /// [`is_solved`]: Self::is_solved
    pub fn is_learned(self, result: f64) -> bool {
        match self {
            Answer::Number => result < 0.001,
            Answer::Class(_) => result >= 0.999,
        }
    }

    /// Returns the mean loss `[1]` of `outputs` `[n, d_output]`.
    pub fn loss<B: Backend>(self, outputs: Tensor<B, 2>, targets: &[f32]) -> Tensor<B, 1> {
        let device = outputs.device();
        match self {
            Answer::Number => (outputs - numbers(targets, &device)).square().mean(),
            Answer::Class(_) => cross_entropy(outputs, classes(targets, &device)),
        }
    }

    /// Returns the sum over `outputs` `[n, d_output]` of square errors or correct answers.
    pub fn judge<B: Backend>(self, outputs: Tensor<B, 2>, targets: &[f32]) -> f64 {
        let device = outputs.device();
        let sum = match self {
            Answer::Number => (outputs - numbers(targets, &device)).square().sum(),
            Answer::Class(_) => {
                let said = outputs.argmax(1).flatten::<1>(0, 1);
                said.equal(classes(targets, &device)).float().sum()
            }
        };
        sum.into_data().iter::<f64>().sum()
    }
}

fn numbers<B: Backend>(targets: &[f32], device: &B::Device) -> Tensor<B, 2> {
    Tensor::from_data(
        TensorData::new(targets.to_vec(), [targets.len(), 1]),
        device,
    )
}

fn classes<B: Backend>(targets: &[f32], device: &B::Device) -> Tensor<B, 1, Int> {
    let classes: Vec<i64> = targets.iter().map(|&class| class as i64).collect();
    Tensor::from_data(TensorData::new(classes, [targets.len()]), device)
}

/// Several sequences side by side.
pub struct Sequences<B: Backend> {
    /// `[batch, steps, d_input]`
    pub inputs: Tensor<B, 3>,
    /// How many of the last steps ask for an answer.
    pub asked: usize,
    /// `[batch, asked]`, row by row.
    pub targets: Vec<f32>,
}

impl<B: Backend> Sequences<B> {
    /// Draws the next `size` sequences of a random stream.
    pub fn draw(
        task: &dyn Task,
        distance: usize,
        size: usize,
        rng: &mut ChaCha8Rng,
        device: &B::Device,
    ) -> Self {
        let shape = [size, task.steps(distance), task.d_input()];
        let mut inputs = Vec::with_capacity(shape.iter().product());
        let mut targets = Vec::new();
        for _ in 0..size {
            let sequence = task.draw(distance, rng);
            inputs.extend(sequence.inputs);
            targets.extend(sequence.targets);
        }
        Sequences {
            inputs: Tensor::from_data(TensorData::new(inputs, shape), device),
            asked: targets.len() / size,
            targets,
        }
    }

    /// Returns the same sequences, asking for an answer only at the last step.
    pub fn at_the_end(self) -> Self {
        let rows = self.targets.chunks(self.asked);
        Sequences {
            targets: rows.map(|row| row[self.asked - 1]).collect(),
            asked: 1,
            inputs: self.inputs,
        }
    }
}
