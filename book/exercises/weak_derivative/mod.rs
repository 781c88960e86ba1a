//! Marks a measure-valued derivative of a normal distribution.

pub mod start;

#[path = "../../solutions/weak_derivative.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Effect, Expectation, FromFn, Solved};
use pathscore::prelude::RandomSource;

/// One draw of a gradient from μ, σ, W and f.
type Draw = fn(f64, f64, f64, fn(f64) -> f64) -> f64;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "weak_derivative",
    chapter: 13,
    task: "a new estimator: the difference of two distributions",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str =
    "∂q(z)/∂μ is not a density: its positive part has an integral that is not one. Which?";

/// f(z) = sin 2z + z²/2.
fn f(z: f64) -> f64 {
    (2.0 * z).sin() + 0.5 * z * z
}

fn mark(gradient: Draw) -> Mark {
    let (mu, sigma) = (0.6, 0.5);
    let value = move |at: &[f64], source: &mut Enumerator| f(at[0] + sigma * source.normal());
    let problem = Solved::of(&Expectation::new("a normal number", &[mu], value))
        .expect("the function is smooth")
        .with_mistake(
            "√(2π): the constant of a normal density is missing",
            Effect::Factor(std::f64::consts::TAU.sqrt()),
        );
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        out[0] = gradient(mu, sigma, source.chi(2), f);
    });
    Mark::proof(&problem, &candidate, HINT)
}
