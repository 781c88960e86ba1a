//! Marks a relaxed bit as a control variate.

pub mod start;

#[path = "../../solutions/rebar.rs"]
pub mod solution;

use crate::{Exercise, Mark, sigmoid};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Effect, Expectation, FromFn, Solved};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "rebar",
    chapter: 9,
    task: "a relaxed bit as a control variate",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str =
    "z̃ is a function of θ, as z is. The terms of the relaxed bit must cancel in the mean.";

/// f(b) = (b − 0.45)², for bits and for numbers between zero and one.
pub fn f(b: f64) -> f64 {
    (b - 0.45).powi(2)
}

/// The control variate c(z) = f(σ(2z)) and its derivative: the relaxed bit has the temperature ½.
pub fn control(z: f64) -> [f64; 2] {
    let s = sigmoid(2.0 * z);
    [f(s), 2.0 * (s - 0.45) * 2.0 * s * (1.0 - s)]
}

/// A draw z̃ of the logistic number given its sign, from a uniform number v, and its derivative with respect to
/// θ.
pub fn conditional(theta: f64, b: bool, v: f64) -> [f64; 2] {
    let (p, r) = (sigmoid(theta), sigmoid(-theta));
    // u is uniform above 1 − p if b, and below it otherwise; θ + logit u is written without cancellation at the ends.
    if b {
        let u = r + v * p;
        [theta + (u / (p * (1.0 - v))).ln(), 1.0 - r / u]
    } else {
        let rest = 1.0 - v * r;
        [theta + (v * r / rest).ln(), 1.0 - p / rest]
    }
}

fn mark(gradient: fn(f64, f64, f64) -> f64) -> Mark {
    let theta = 1.0;
    let bit = Expectation::new("one bit: (b − 0.45)²", &[theta], |at, source| {
        f(f64::from(source.bernoulli(sigmoid(at[0]))))
    });
    // E c(z̃) by θ along the path of z̃, the law of the bit held still: p b̃ … is a mean over v and the two bits.
    let p = sigmoid(theta);
    let mut along = 0.0;
    Enumerator::for_each(64, 1000, |source| {
        let b = source.bernoulli(p);
        let [z, slope] = conditional(theta, b, source.uniform());
        along += source.probability() * control(z)[1] * slope;
    });
    let problem = Solved::of(&bit)
        .expect("a sum over two outcomes is exact")
        .with_mistake("∂c(z̃)/∂θ along the path of z̃", Effect::Beside(vec![along]));
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let u = source.uniform_split(&[1.0 - p]);
        out[0] = gradient(theta, u, source.uniform());
    });
    Mark::proof(&problem, &candidate, HINT)
}
