//! What a task is: sequences of a length that a knob decides, and what to answer at their end.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use models::loss::cross_entropy;
use rand_chacha::ChaCha8Rng;

/// A task for networks: sequences without end, drawn at random.
pub trait Task: Sync {
    /// What the command line and the files call it.
    fn name(&self) -> &'static str;

    /// Size of each input vector.
    fn d_input(&self) -> usize;

    /// What an answer is.
    fn answer(&self) -> Answer;

    /// Steps of a sequence in which what decides the answer lies `distance` steps apart or back.
    fn steps(&self, distance: usize) -> usize;

    /// One sequence of [`steps`](Self::steps) steps.
    fn draw(&self, distance: usize, rng: &mut ChaCha8Rng) -> Sequence;

    /// The result of the best guess that never looks at the input.
    fn chance(&self, distance: usize) -> f64;

    /// The best result of a function of the last input alone: no feed-forward network gets beyond it.
    fn floor(&self, distance: usize) -> f64;
}

/// One sequence of a task.
pub struct Sequence {
    /// `[steps, d_input]`, row by row.
    pub inputs: Vec<f32>,
    /// The answers at the last steps, in order: numbers, or the numbers of classes.
    pub targets: Vec<f32>,
}

/// What an answer is, how far it is off (the loss), and how a result is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A number. Loss and result are the mean square error.
    Number,
    /// One of so many classes. The loss is the cross-entropy in nats, the result the share of right
    /// answers.
    Class(usize),
}

impl Answer {
    /// How many numbers a network gives for an answer.
    pub fn d_output(self) -> usize {
        match self {
            Answer::Number => 1,
            Answer::Class(n) => n,
        }
    }

    /// What a result is.
    pub fn measure(self) -> &'static str {
        match self {
            Answer::Number => "mean square error",
            Answer::Class(_) => "accuracy",
        }
    }

    /// Whether a task counts as solved: a mean square error below 0.01, 99 % right answers.
    pub fn is_solved(self, result: f64) -> bool {
        match self {
            Answer::Number => result < 0.01,
            Answer::Class(_) => result >= 0.99,
        }
    }

    /// Whether so little is left to learn that training may end: a tenth of what [`is_solved`] allows.
    ///
    /// [`is_solved`]: Self::is_solved
    pub fn is_learned(self, result: f64) -> bool {
        match self {
            Answer::Number => result < 0.001,
            Answer::Class(_) => result >= 0.999,
        }
    }

    /// The mean loss `[1]` of `outputs` `[n, d_output]`.
    pub fn loss<B: Backend>(self, outputs: Tensor<B, 2>, targets: &[f32]) -> Tensor<B, 1> {
        let device = outputs.device();
        match self {
            Answer::Number => (outputs - numbers(targets, &device)).square().mean(),
            Answer::Class(_) => cross_entropy(outputs, classes(targets, &device)),
        }
    }

    /// The sum over `outputs` `[n, d_output]` of what the result is the mean of.
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
    /// How many of the last steps are asked.
    pub asked: usize,
    /// `[batch, asked]`, row by row.
    pub targets: Vec<f32>,
}

impl<B: Backend> Sequences<B> {
    /// The next `size` sequences of a random stream.
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

    /// The same sequences, asked at their last step only.
    pub fn at_the_end(self) -> Self {
        let rows = self.targets.chunks(self.asked);
        Sequences {
            targets: rows.map(|row| row[self.asked - 1]).collect(),
            asked: 1,
            inputs: self.inputs,
        }
    }
}
