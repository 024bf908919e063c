//! The axis of results, and what goes beyond its end.

use demos::view::panels::Axis;
use train::long_memory::Answer;

/// A mean square error beyond these stands at the end of the axis.
const LEAST: f64 = 1e-4;
const MOST: f64 = 10.0;

/// What a result is measured by.
pub fn axis(answer: Answer) -> Axis {
    match answer {
        Answer::Number => Axis::log("mean square error", LEAST..MOST),
        Answer::Class(_) => Axis::linear("share of right answers", -0.02..1.04),
    }
}

/// A result as it can be drawn.
pub fn within(answer: Answer, result: f64) -> f64 {
    match answer {
        Answer::Number => result.clamp(LEAST, MOST),
        Answer::Class(_) => result,
    }
}
