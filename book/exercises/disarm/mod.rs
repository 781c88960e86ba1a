//! Marks a gradient from an antithetic pair of bits.

pub mod start;

#[path = "../../solutions/disarm.rs"]
pub mod solution;

use crate::{Exercise, Mark, sigmoid};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Expectation, FromFn};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "disarm",
    chapter: 8,
    task: "DisARM: a pair of bits from one uniform number",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str = "A bit with the logit η differs from its partner with the probability 2 min(p, 1 − p). Take the mean of your \
                    formula over u, and compare it with p (1 − p) (f(1) − f(0)).";

/// One draw of a gradient from η, u and f.
type Draw = fn(f64, f64, fn(bool) -> f64) -> f64;

/// f(b) = (b − 0.45)².
fn f(b: bool) -> f64 {
    (f64::from(b) - 0.45).powi(2)
}

fn mark(gradient: Draw) -> Mark {
    let of = |logit: f64| {
        let problem = Expectation::new("one bit: (b − 0.45)²", &[logit], |at, source| {
            f(source.bernoulli(sigmoid(at[0])))
        });
        let least = sigmoid(-logit.abs());
        let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            out[0] = gradient(logit, source.uniform_split(&[least, 1.0 - least]), f);
        });
        Mark::proof(&problem, &candidate, HINT).at(&format!("η = {logit}"))
    };
    of(1.0).and(|| of(-0.4))
}
