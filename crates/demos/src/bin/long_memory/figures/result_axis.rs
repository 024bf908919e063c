//! The axis of results, to which results beyond its ends are moved.

use demos::view::panels::Axis;
use long_memory::Answer;

/// The range of the axis of mean squared errors.
const LEAST: f64 = 1e-4;
const MOST: f64 = 10.0;

/// Returns the axis of results.
pub fn axis(answer: Answer) -> Axis {
    match answer {
        Answer::Number => Axis::log("mean squared error", LEAST..MOST),
        Answer::Class(_) => Axis::linear("accuracy", -0.02..1.04),
    }
}

/// Moves a result into the range of the axis.
pub fn within(answer: Answer, result: f64) -> f64 {
    match answer {
        Answer::Number => result.clamp(LEAST, MOST),
        Answer::Class(_) => result,
    }
}
