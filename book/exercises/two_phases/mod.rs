//! Marks the gradient of ln p(x) of a model with a normaliser.

pub mod start;

#[path = "../../solutions/two_phases.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Effect, FromFn, Solved};
use pathscore::prelude::Tape;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "two_phases",
    chapter: 12,
    task: "the two phases of the gradient of ln p(x)",
    start: || mark(start::gradient),
    solution: || mark(solution::gradient),
};

const HINT: &str =
    "∂ ln Z/∂θ is the mean of T(y) over the *model*: not all states have the same probability.";

/// The states of two bits.
pub const STATES: [[f64; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];

/// T(x) = (x₁, x₂, x₁x₂).
pub fn features([a, b]: [f64; 2]) -> [f64; 3] {
    [a, b, a * b]
}

fn mark(gradient: fn([f64; 3], [f64; 2]) -> [f64; 3]) -> Mark {
    let theta = [0.4, -0.7, 1.1];
    let of = |x: [f64; 2]| {
        let tape = Tape::new();
        let leaf = tape.leaf(&theta, [3]);
        let rows = STATES.map(features);
        let energies = (tape.constant(rows.as_flattened(), [4, 3]) * leaf).sum_axis(-1);
        let here = (tape.constant(&features(x), [3]) * leaf).sum();
        let exact = (here - energies.log_sum_exp(-1)).backward().of(leaf).values().to_vec();
        let features = features(x);
        let alike =
            [0, 1, 2].map(|i| features[i] - rows.iter().map(|row| row[i]).sum::<f64>() / 4.0);
        let problem = Solved::new("two bits: ln p(x)", &exact, None)
            .with_mistake(
                "all states count alike in the second phase",
                Effect::Instead(alike.into()),
            )
            .with_mistake("the second phase is missing", Effect::Instead(features.into()));
        let candidate = FromFn(move |_: &mut Enumerator, out: &mut [f64]| {
            out.copy_from_slice(&gradient(theta, x));
        });
        Mark::proof(&problem, &candidate, HINT).at(&format!("x = ({}, {})", x[0], x[1]))
    };
    of([1.0, 0.0]).and(|| of([1.0, 1.0]))
}
