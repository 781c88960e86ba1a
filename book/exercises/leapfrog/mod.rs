//! Marks a step of Hamiltonian dynamics.

pub mod start;

#[path = "../../solutions/leapfrog.rs"]
pub mod solution;

use crate::{Exercise, Mark};

/// A step of the dynamics from a position, a momentum, a step size and the force.
type Step = fn(f64, f64, f64, &dyn Fn(f64) -> f64) -> (f64, f64);

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "leapfrog",
    chapter: 11,
    task: "a step of Hamiltonian dynamics that can be gone back",
    start: || mark(start::step),
    solution: || mark(solution::step),
};

const BACK_HINT: &str = "Make the step symmetric: cut the kick of the momentum into two halves, and put one on each side of the move.";
const ORDER_HINT: &str = "The move needs the whole step, and the two kicks half of it each.";

/// U(q) = q⁴/4 + q²/2.
fn potential(q: f64) -> f64 {
    0.25 * q.powi(4) + 0.5 * q * q
}

fn force(q: f64) -> f64 {
    -q.powi(3) - q
}

fn mark(step: Step) -> Mark {
    let start = (0.8, -0.5);
    let run = |(mut q, mut p): (f64, f64), h: f64, steps: usize| {
        for _ in 0..steps {
            (q, p) = step(q, p, h, &force);
        }
        (q, p)
    };
    let (q, p) = run(start, 0.1, 20);
    let (back, momentum) = run((q, -p), 0.1, 20);
    let away = (back - start.0).hypot(momentum + start.1);
    let words = format!("twenty steps, a turn and twenty steps end {away:.1e} from the start");
    Mark::check(away < 1e-12, words, BACK_HINT).and(|| {
        let energy = |(q, p): (f64, f64)| potential(q) + 0.5 * p * p;
        let error =
            |steps: usize| (energy(run(start, 1.0 / steps as f64, steps)) - energy(start)).abs();
        let (coarse, fine) = (error(20), error(40));
        let words = format!("the energy error is {coarse:.1e}, and {fine:.1e} with half the step");
        // The error of a method of second order falls by four; that of one that stands still is zero.
        let moves = (q - start.0).abs() > 0.1;
        Mark::check(moves && (3.5..4.5).contains(&(coarse / fine)), words, ORDER_HINT)
    })
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn a_step_that_stands_still_and_one_of_the_wrong_length_are_rejected() {
        assert!(!mark(|q, p, _, _| (q, p)).passed);
        // Whole kicks on both sides: it can be gone back, and is the dynamics of another energy.
        let kicks = mark(|q, p, h, force| {
            let p = p + h * force(q);
            let q = q + h * p;
            (q, p + h * force(q))
        });
        assert!(!kicks.passed && kicks.evidence.len() == 2, "{kicks:?}");
    }
}
