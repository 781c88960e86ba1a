//! Marks the derivative of an expectation whose function depends on the parameter, too.

pub mod start;

#[path = "../../solutions/two_terms.rs"]
pub mod solution;

use crate::{Exercise, Mark, sigmoid};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Expectation, FromFn};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "two_terms",
    chapter: 1,
    task: "the derivative of E (b − θ)² when θ is in f and in the law of b",
    start: || mark(start::derivative),
    solution: || mark(solution::derivative),
};

const HINT: &str = "E f = Σ_b p(b; θ) f(b, θ) is a sum of products. Differentiate both factors.";

fn mark(derivative: fn(f64) -> f64) -> Mark {
    let at_logit = |theta: f64| {
        let problem = Expectation::new("one bit", &[theta], |at, source| {
            (f64::from(source.bernoulli(sigmoid(at[0]))) - at[0]).powi(2)
        });
        let candidate =
            FromFn(move |_: &mut Enumerator, out: &mut [f64]| out[0] = derivative(theta));
        Mark::proof(&problem, &candidate, HINT).at(&format!("θ = {theta}"))
    };
    at_logit(0.7).and(|| at_logit(-1.3))
}
