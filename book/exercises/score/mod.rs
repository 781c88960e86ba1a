//! Marks a gradient through the score of a normal density.

pub mod start;

#[path = "../../solutions/score.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Effect, FromFn, Solved};
use pathscore::prelude::{Cdf, Normal, RandomSource, Tape};

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "score",
    chapter: 4,
    task: "the score of a normal density, for a function with a jump",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str = "ln q(z) = −ln σ − (z − μ)²/2σ² + const. The mean of the score is zero; is it for your second component?";

/// P(z > 1) for z ~ N(0.4, 0.8²): along a path the derivative of the step is zero wherever it exists.
fn mark(gradient: fn(f64, f64, f64, f64) -> [f64; 2]) -> Mark {
    let (mu, sigma, place) = (0.4, 0.8_f64, 1.0);
    let t = (place - mu) / sigma;
    let density = (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
    let tape = Tape::new();
    let above = 1.0 - Normal::standard(&tape, 1).cdf(tape.constant(&[t], [1])).item();
    let exact = [density / sigma, t * density];
    let problem = Solved::new("P(z > 1)", &exact, None).with_mistake(
        "the derivative of −ln σ is missing from the score",
        Effect::Instead(vec![exact[0], exact[1] + above]),
    );
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let z = mu + sigma * source.normal();
        let f = f64::from(z > place);
        out.copy_from_slice(&gradient(mu, sigma.ln(), z, f));
    });
    Mark::proof(&problem, &candidate, HINT)
}
