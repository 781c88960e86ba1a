//! Marks a reverse sweep that was written by hand.

pub mod start;

#[path = "../../solutions/adjoints.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::prelude::Tape;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "adjoints",
    chapter: 2,
    task: "the reverse sweep of four lines of tape",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str = "A variable that is used twice gets an adjoint from each use. What does an assignment do to the one \
                    that came first?";

fn mark(gradient: fn(f64, f64) -> [f64; 2]) -> Mark {
    let at = |[x, y]: [f64; 2]| {
        let tape = Tape::new();
        let [a, b] = [x, y].map(|number| tape.leaf(&[number], []));
        let grads = (a * b * (a * b + a.sin())).backward();
        let exact = [a, b].map(|var| grads.of(var).item());
        // A few dozen roundings of numbers of the order of one.
        Mark::exact(&["∂/∂x", "∂/∂y"], &gradient(x, y), &exact, 1e-12, HINT)
            .at(&format!("x = {x}, y = {y}"))
    };
    at([0.7, -1.2]).and(|| at([2.0, 0.5])).and(|| at([-0.3, 3.0]))
}
