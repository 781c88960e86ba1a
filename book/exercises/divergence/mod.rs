//! Marks the divergence of a normal posterior from the prior.

pub mod start;

#[path = "../../solutions/divergence.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::prelude::*;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "divergence",
    chapter: 6,
    task: "KL(q ‖ p) of a row, on the tape",
    start: || mark(start::divergence),
    solution: || mark(solution::divergence),
};

const HINT: &str = "Compare the number found with the number that is right: which factor lies between them, and what is it the \
                    number of here?";

fn mark(divergence: for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>) -> Mark {
    // Two rows of three latents.
    let tape = Tape::new();
    let mu = tape.leaf(&[0.5, -1.0, 2.0, 0.0, 0.3, -0.7], [2, 3]);
    let log_sigma = tape.leaf(&[0.1, -0.5, 0.0, -1.0, 0.4, 0.2], [2, 3]);
    let found = divergence(mu, log_sigma);
    let q = Normal::from_log_scale_unchecked(mu, log_sigma);
    let exact = q.kl(&Normal::standard(&tape, 3));
    if found.shape() != exact.shape() {
        let words = format!("the shape is {:?}, and should be {:?}", found.shape(), exact.shape());
        return Mark::check(false, words, "One number for each row: reduce the last axis only.");
    }
    let names = ["KL of row 0", "KL of row 1"];
    let [numbers, right] = [found, exact].map(|var| var.value().values().to_vec());
    // Sums of a few numbers of the order of one.
    Mark::exact(&names, &numbers, &right, 1e-12, HINT).and(|| {
        let [slopes, right] = [found, exact].map(|var| {
            let grads = var.sum().backward();
            [mu, log_sigma].map(|leaf| grads.of(leaf).values()[0])
        });
        Mark::exact(&["∂KL/∂μ₀", "∂KL/∂ln σ₀"], &slopes, &right, 1e-12, HINT)
    })
}
