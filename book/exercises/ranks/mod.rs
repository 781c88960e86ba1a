//! Marks weights by rank.

pub mod start;

#[path = "../../solutions/ranks.rs"]
pub mod solution;

use crate::{Exercise, Mark};
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Effect, Expectation, FromFn, Solved};
use pathscore::prelude::RandomSource;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "ranks",
    chapter: 14,
    task: "weights by rank: sorted once, or twice?",
    start: || mark(start::weights),
    solution: || mark(solution::weights),
};

const HINT: &str = "order[0] is the *index* of the lowest value. The weight of draw k needs the *place* of k in that list.";

/// The weights of the lowest, the middle and the highest value.
pub const BY_RANK: [f64; 3] = [0.6, 0.3, 0.1];

/// The indices of the values in ascending order of the values.
pub fn argsort(values: [f64; 3]) -> [usize; 3] {
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    order
}

/// The noise and the values f of three draws.
fn draws(mu: f64, source: &mut Enumerator) -> [[f64; 3]; 2] {
    const NOISE: [f64; 4] = [-1.2, -0.4, 0.3, 1.1];
    let eps = [(); 3].map(|()| NOISE[source.categorical(&[0.25; 4])]);
    [eps, eps.map(|eps| (mu + eps - 0.25).powi(2))]
}

fn mark(weights: fn([f64; 3]) -> [f64; 3]) -> Mark {
    let at = 0.5;
    let sorted = Expectation::new("three draws, sorted", &[at], |at, source| {
        let [_, mut f] = draws(at[0], source);
        f.sort_by(f64::total_cmp);
        f.iter().zip(BY_RANK).map(|(f, weight)| f * weight).sum()
    });
    let once = Expectation::new("by the order", &[at], |at, source| {
        let [_, f] = draws(at[0], source);
        f.iter().zip(argsort(f)).map(|(f, r)| f * BY_RANK[r]).sum()
    });
    let [sorted, once] = [Solved::of(&sorted), Solved::of(&once)]
        .map(|solved| solved.expect("a sum over few outcomes is exact"));
    let instead = Effect::Instead(once.truth.gradient);
    let problem = sorted.with_mistake("the order is used in place of the ranks", instead);
    let candidate = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let [eps, f] = draws(at, source);
        let slopes = eps.map(|eps| 2.0 * (at + eps - 0.25));
        out[0] = weights(f).iter().zip(slopes).map(|(weight, slope)| weight * slope).sum();
    });
    Mark::proof(&problem, &candidate, HINT)
}
