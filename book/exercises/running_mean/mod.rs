//! Marks a running mean that serves as a baseline.

pub mod start;

#[path = "../../solutions/running_mean.rs"]
pub mod solution;

use crate::{Exercise, Mark, problems};
use pathscore::estimators::Target;
use pathscore::estimators::draw::Score;
use pathscore::estimators::proof::Applied;
use pathscore::prelude::*;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "running_mean",
    chapter: 5,
    task: "a running mean as a baseline: which mean is subtracted?",
    start: || mark(start::signal),
    solution: || mark(solution::signal),
};

const HINT: &str = "Which of the two means depends on the present draw?";
const LEARN_HINT: &str =
    "Return 0.8 times the mean before, plus 0.2 times f, as the second number.";
const SHIFT_HINT: &str = "The signal is f less the mean.";

/// REINFORCE with the student's baseline.
#[derive(Clone)]
struct Learner {
    mean: f64,
    signal: fn(f64, f64) -> (f64, f64),
}

impl Columns for Learner {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            move |k| {
                let (signal, _) = (self.signal)(self.mean, w.log_weight(k, b).to_f64());
                (F::ONE, F::from_f64(signal))
            }
        });
    }

    fn observe(&mut self, mean: f64) {
        (_, self.mean) = (self.signal)(self.mean, mean);
    }
}

fn mark(signal: fn(f64, f64) -> (f64, f64)) -> Mark {
    let problem = problems::bits(Target::Elbo, 1);
    let candidate = Applied::new(&problem, Learner { mean: -2.0, signal });
    Mark::proof(&*problem, &candidate, HINT)
        .and(|| {
            let found = (0..100).fold(0.0, |mean, _| signal(mean, 3.0).1);
            // 0.8¹⁰⁰ = 2·10⁻¹⁰ of the start is left.
            let words = format!("a hundred times f = 3 bring the mean from 0 to {found:.6}");
            Mark::check((found - 3.0).abs() < 1e-8, words, LEARN_HINT)
        })
        .and(|| {
            let moved = (signal(-500.0, -501.0).0 - signal(0.0, -1.0).0).abs();
            let words = format!("500 nats less of f and mean move the signal by {moved:.1e}");
            Mark::check(moved < 1e-9, words, SHIFT_HINT)
        })
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn no_baseline_and_a_mean_that_stands_still_are_rejected() {
        assert!(!mark(|mean, f| (f, 0.8 * mean + 0.2 * f)).passed);
        assert!(!mark(|mean, f| (f - mean, mean)).passed);
    }
}
