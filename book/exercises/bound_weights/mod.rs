//! Marks the weights of the gradient of the bound of K draws.

pub mod start;

#[path = "../../solutions/bound_weights.rs"]
pub mod solution;

use crate::columns::FromLogWeights;
use crate::{Exercise, Mark, problems};
use pathscore::estimators::Target;
use pathscore::estimators::draw::Path;
use pathscore::estimators::proof::Applied;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "bound_weights",
    chapter: 7,
    task: "the weights of the gradient of L_K, also where e^f is zero",
    start: || mark(start::weights, |f| columns(start::weights(f))),
    solution: || mark(solution::weights, |f| columns(solution::weights(f))),
};

const HINT: &str = "Differentiate ln (1/K) Σ e^f_k by f_k.";
const SCALE_HINT: &str = "e^−2000 is zero in floating point. Subtract the largest f before exp.";

fn columns(weights: Vec<f64>) -> Vec<[f64; 3]> {
    weights.into_iter().map(|weight| [weight, -weight, 0.0]).collect()
}

fn mark(weights: fn(&[f64]) -> Vec<f64>, columns: fn(&[f64]) -> Vec<[f64; 3]>) -> Mark {
    let problem = problems::line(Target::Bound, 2);
    let candidate = Applied::new(&problem, FromLogWeights::<Path>::new(Target::Bound, columns));
    Mark::coarse_proof(&*problem, &candidate, HINT).and(|| {
        let found = weights(&[-2000.0, -2000.0 - 3_f64.ln()]);
        let names = ["w̃₁ of f = −2000 and −2000 − ln 3", "w̃₂"];
        // The rounding of 2000 is 2·10⁻¹³.
        Mark::exact(&names, &found, &[0.75, 0.25], 1e-12, SCALE_HINT)
    })
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn weights_that_underflow_are_rejected_by_the_second_check() {
        fn weights(f: &[f64]) -> Vec<f64> {
            let sum: f64 = f.iter().map(|f_k| f_k.exp()).sum();
            f.iter().map(|f_k| f_k.exp() / sum).collect()
        }
        let mark = mark(weights, |f| super::columns(weights(f)));
        assert!(!mark.passed && mark.evidence.len() == 2, "{mark:?}");
    }
}
