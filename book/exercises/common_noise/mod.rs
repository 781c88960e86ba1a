//! Marks a central difference of a mean by its variance.

pub mod start;

#[path = "../../solutions/common_noise.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{FromFn, Options, Solved, prove};

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "common_noise",
    chapter: 14,
    task: "a finite difference of a mean without needless noise",
    start: || mark(start::difference),
    solution: || mark(solution::difference),
};

const HINT: &str = "The two sides must differ by the parameter only.";
const MEAN_HINT: &str = "The mean must stay what it is: (f(μ + h) − f(μ − h))/2h.";

fn mark(difference: fn(f64, f64, &mut Enumerator) -> f64) -> Mark {
    let problem = Solved::new("E (μ + ε)²", &[1.0], None);
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        out[0] = difference(0.5, 1e-3, source);
    });
    // The variance needs few draws; the mean of a noisy difference would need billions.
    let options = Options { draws: 256_000, ..Options::default() };
    let proof = prove(&problem, &candidate, &options);
    // Along the path the variance is that of 2 (μ + ε), which is four.
    let variance = proof.variance();
    let words = format!("the variance of a draw is {variance:.1e}, and 4 along the path");
    Mark::check(variance < 4.1, words, HINT).and(|| Mark::of(&proof, MEAN_HINT))
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn a_difference_of_zero_is_rejected() {
        assert!(!mark(|_, _, _| 0.0).passed);
    }
}
