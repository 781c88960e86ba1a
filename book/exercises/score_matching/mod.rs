//! Marks the loss of score matching.

pub mod start;

#[path = "../../solutions/score_matching.rs"]
pub mod solution;

use crate::{Exercise, Mark};

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "score_matching",
    chapter: 12,
    task: "the loss of score matching",
    start: || mark(start::loss),
    solution: || mark(solution::loss),
};

const HINT: &str = "The loss is the mean of ½ s² + ∂s/∂x, and the score s = ∂ ln p/∂x is *minus* the derivative of the energy.";

/// The precision λ of E(x) = λ (x − m)²/2, for m the mean of the data, at which the mean loss is lowest.
fn lowest(loss: fn(f64, f64) -> f64, data: &[f64], mean: f64) -> f64 {
    let at = |log_precision: f64| {
        let precision = log_precision.exp();
        data.iter().map(|x| loss(precision * (x - mean), precision)).sum::<f64>()
    };
    // The loss falls to its lowest point and rises again: thirds without it are cut off.
    let (mut low, mut high) = (-5.0, 5.0);
    for _ in 0..100 {
        let (a, b) = ((2.0 * low + high) / 3.0, (low + 2.0 * high) / 3.0);
        if at(a) < at(b) {
            high = b;
        } else {
            low = a;
        }
    }
    low.exp()
}

fn mark(loss: fn(f64, f64) -> f64) -> Mark {
    let data = [0.3, 1.1, 0.9, 1.8, 0.6, 1.4];
    let mean = data.iter().sum::<f64>() / data.len() as f64;
    let variance = data.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / data.len() as f64;
    let found = lowest(loss, &data, mean);
    let words = format!(
        "the loss is lowest at the precision {found:.4}; that of the data is {:.4}",
        1.0 / variance
    );
    // Near a minimum the loss is flat: half the digits of its numbers are left.
    Mark::check((found * variance - 1.0).abs() < 1e-6, words, HINT)
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn a_loss_without_the_curvature_and_a_constant_one_are_rejected() {
        assert!(!mark(|slope, _| slope * slope).passed);
        assert!(!mark(|_, _| 1.0).passed);
    }
}
