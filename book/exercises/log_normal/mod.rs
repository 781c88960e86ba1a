//! Marks a gradient along the path of a log-normal number.

pub mod start;

#[path = "../../solutions/log_normal.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Expectation, FromFn};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "log_normal",
    chapter: 3,
    task: "the path of a log-normal number, by μ and ln σ",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str =
    "The second parameter is λ = ln σ. Write z = exp(μ + e^λ ε) and differentiate by λ.";

fn mark(gradient: fn(f64, f64, f64) -> [f64; 2]) -> Mark {
    let at = [0.2, -0.9];
    let problem = Expectation::new("a log-normal number", &at, |at, source| {
        ((at[0] + at[1].exp() * source.normal()).exp() - 1.0).powi(2)
    });
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        out.copy_from_slice(&gradient(at[0], at[1], source.normal()));
    });
    Mark::proof(&problem, &candidate, HINT)
}
