//! Marks the gradient of the ELBO that vanishes where q is the posterior.

pub mod start;

#[path = "../../solutions/landing.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{FromFn, Solved};
use pathscore::prelude::RandomSource;

/// One draw of a gradient from μ, ln σ, ε and the derivative of ln p(x, z) with respect to z.
type Draw = fn(f64, f64, f64, &dyn Fn(f64) -> f64) -> [f64; 2];

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "landing",
    chapter: 6,
    task: "a gradient of the ELBO without noise where q is the posterior",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str = "The mean of the gradient must stay what it is.";
const NOISE_HINT: &str = "Let the parameters inside ln q be constants, and follow the path of z through ln q as well: \
                          ∂ ln q/∂z = −ε/σ.";

/// ∂ ln p(x, z)/∂z for z ~ N(0, 1), x|z ~ N(1.5 z + 0.2, 0.5) and x = 1.
fn slope(z: f64) -> f64 {
    -z + 1.5 * (1.0 - 0.2 - 1.5 * z) / 0.5
}

fn mark(gradient: Draw) -> Mark {
    let problem = Solved::new("a line: ELBO", &[0.75, -1.2], None);
    let log_sigma = 0.5 * 0.4_f64.ln();
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        out.copy_from_slice(&gradient(0.3, log_sigma, source.normal(), &slope));
    });
    Mark::proof(&problem, &candidate, HINT).and(|| {
        // The posterior is N(24/55, 2/11).
        let draws = [-2.0, -1.0, -0.3, 0.4, 1.5]
            .map(|eps| gradient(24.0 / 55.0, 0.5 * (2.0_f64 / 11.0).ln(), eps, &slope));
        let largest = draws.as_flattened().iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        let words = format!("where q is the posterior, a draw is as large as {largest:.1e}");
        // Differences of numbers of the order of ten.
        Mark::check(largest < 1e-12, words, NOISE_HINT)
    })
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn a_gradient_of_zero_is_rejected() {
        assert!(!mark(|_, _, _, _| [0.0; 2]).passed);
    }
}
