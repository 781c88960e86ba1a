//! Marks the baseline that each draw gets from the others.

pub mod start;

#[path = "../../solutions/leave_one_out.rs"]
pub mod solution;

use crate::columns::FromLogWeights;
use crate::{Exercise, Mark, problems};
use pathscore::estimators::Target;
use pathscore::estimators::draw::Score;
use pathscore::estimators::proof::Applied;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "leave_one_out",
    chapter: 5,
    task: "a baseline for each draw from the other draws",
    start: || mark(start::signals, |f| shares(start::signals(f))),
    solution: || mark(solution::signals, |f| shares(solution::signals(f))),
};

const HINT: &str =
    "A baseline must not depend on the draw that it corrects: leave that draw out of the mean.";
const SHIFT_HINT: &str = "The baseline of equal numbers is that number: divide the sum of the others by how many they are.";

/// The columns of draws whose signals are these.
fn shares(signals: Vec<f64>) -> Vec<[f64; 3]> {
    let share = 1.0 / signals.len().max(1) as f64;
    signals.into_iter().map(|signal| [share, share * signal, 0.0]).collect()
}

fn mark(signals: fn(&[f64]) -> Vec<f64>, columns: fn(&[f64]) -> Vec<[f64; 3]>) -> Mark {
    let problem = problems::bits(Target::Elbo, 4);
    let candidate = Applied::new(&problem, FromLogWeights::<Score>::new(Target::Elbo, columns));
    Mark::proof(&*problem, &candidate, HINT).and(|| {
        // A baseline takes a constant out of the signal.
        let f = [-2.0, 0.5, 1.0, -0.25];
        let moved: f64 = signals(&f)
            .iter()
            .zip(signals(&f.map(|f| f - 500.0)))
            .map(|(before, after)| (before - after).abs())
            .fold(0.0, f64::max);
        // Differences of numbers of the order of 500 are rounded to 10⁻¹³ of it.
        let words =
            format!("500 nats less of f move a signal by {moved:.1e}, and should move none");
        Mark::check(moved < 1e-9, words, SHIFT_HINT)
    })
}

#[cfg(test)]
mod tests {
    use super::mark;

    /// The marks of signals that are f less a multiple of the sum of the others.
    fn mark_of(signals: fn(&[f64]) -> Vec<f64>, columns: fn(&[f64]) -> Vec<[f64; 3]>) -> [bool; 2] {
        let mark = mark(signals, columns);
        [mark.passed, mark.evidence[0].starts_with("UNBIASED")]
    }

    #[test]
    fn no_baseline_and_a_wrong_divisor_have_the_right_mean_and_are_rejected() {
        fn none(f: &[f64]) -> Vec<f64> {
            f.to_vec()
        }
        fn over_all(f: &[f64]) -> Vec<f64> {
            let sum = f.iter().sum::<f64>();
            f.iter().map(|f_k| f_k - (sum - f_k) / f.len() as f64).collect()
        }
        assert_eq!(mark_of(none, |f| super::shares(none(f))), [false, true]);
        assert_eq!(mark_of(over_all, |f| super::shares(over_all(f))), [false, true]);
    }
}
