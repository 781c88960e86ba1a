//! Marks a proposal by the verdict on the gradient that it gives.

pub mod start;

#[path = "../../solutions/proposal.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{FromFn, Options, Solved, prove};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "proposal",
    chapter: 13,
    task: "a proposal for which there is a verdict",
    start: || mark(start::scale),
    solution: || mark(solution::scale),
};

const HINT: &str = "The weight is N(z; μ, 1)/N(z; μ, s²). For which s has it a variance, and for which does it not grow at all?";

fn mark(scale: fn() -> f64) -> Mark {
    // E z³ by μ for z ~ N(μ, 1) is 3 (μ² + 1).
    let (mu, scale) = (0.5, scale());
    let problem = Solved::new("E z³", &[3.0 * (mu * mu + 1.0)], None);
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let eps: f64 = source.normal();
        let z = mu + scale * eps;
        let log_weight = scale.ln() + 0.5 * eps * eps * (1.0 - scale * scale);
        out[0] = log_weight.exp() * z.powi(3) * (z - mu);
    });
    let options = Options { draws: 512_000, ..Options::default() };
    let proof = prove(&problem, &candidate, &options);
    let mut mark = Mark::of(&proof, HINT);
    mark.evidence
        .push(format!("the variance of a draw, as far as seen, is {:.1e}", proof.variance()));
    mark
}
