//! Marks a step of Metropolis and Hastings by its transition matrix.

pub mod start;

#[path = "../../solutions/metropolis.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::samplers::TransitionMatrix;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "metropolis",
    chapter: 11,
    task: "a random walk with ends that leaves a law invariant",
    start: || mark(start::step),
    solution: || mark(solution::step),
};

const HINT: &str = "Detailed balance is π(x) T(x, y) = π(y) T(y, x), and T contains the probability of the proposal. With which \
                    probability is state 1 proposed from state 0, and state 0 from state 1?";
const PARTS_HINT: &str = "The chain must be able to reach every state.";
const CHOICES_HINT: &str =
    "Use `source.bernoulli` for each random choice, so that all outcomes can be listed.";

fn mark(step: fn(usize, &[f64], &mut Enumerator) -> usize) -> Mark {
    let log_p = [-0.2, -1.0, 0.3, -0.5, -1.4];
    let total: f64 = log_p.iter().map(|p: &f64| p.exp()).sum();
    let pi = log_p.map(|p| p.exp() / total);
    // A state that does not exist counts as the last one.
    let last = log_p.len() - 1;
    let matrix = TransitionMatrix::enumerate(log_p.len(), |from, source| {
        step(from, &log_p, source).min(last)
    });
    let Some(matrix) = matrix else {
        return Mark::check(false, "the outcomes of a step cannot be listed", CHOICES_HINT);
    };
    let Some(found) = matrix.stationary() else {
        return Mark::check(false, "the chain has more than one stationary law", PARTS_HINT);
    };
    let percent = |law: &[f64]| {
        let each: Vec<String> = law.iter().map(|p| format!("{:.1}", 100.0 * p)).collect();
        each.join(" ")
    };
    let words =
        format!("the stationary law is {} %, and should be {} %", percent(&found), percent(&pi));
    // Sums of a few products of probabilities.
    Mark::check(matrix.invariance(&pi) < 1e-14, words, HINT)
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn a_chain_that_stays_and_one_that_always_moves_are_rejected() {
        assert!(!mark(|state, _, _| state).passed);
        assert!(!mark(|state, log_p, _| (state + 1) % log_p.len()).passed);
    }
}
