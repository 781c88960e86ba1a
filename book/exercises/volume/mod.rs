//! Marks a gradient of a likelihood from uniform numbers.

pub mod start;

#[path = "../../solutions/volume.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Effect, FromFn, Solved};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "volume",
    chapter: 10,
    task: "the gradient of p(x) from uniform draws of a box",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str = "The mean of g(z) over a box is ∫ g dz divided by something.";

/// The density of N(0, v) at x.
pub fn normal(x: f64, v: f64) -> f64 {
    (-0.5 * x * x / v).exp() / (std::f64::consts::TAU * v).sqrt()
}

fn mark(gradient: fn(f64, f64, f64, [f64; 2]) -> f64) -> Mark {
    let (w, x) = (0.5, 1.2);
    // p(x) = N(x; w, 1 + ¼).
    let exact = (x - w) / 1.25 * normal(x - w, 1.25);
    let in_box = |ends: [f64; 2]| {
        let size = ends[1] - ends[0];
        let problem = Solved::new("p(x)", &[exact], None).with_mistake(
            "one over the length of the box is a factor too many",
            Effect::Factor(1.0 / size),
        );
        let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            out[0] = gradient(w, x, ends[0] + size * source.uniform(), ends);
        });
        Mark::proof(&problem, &candidate, HINT).at(&format!("box from {} to {}", ends[0], ends[1]))
    };
    in_box([-6.0, 6.0]).and(|| in_box([-5.0, 8.0]))
}
