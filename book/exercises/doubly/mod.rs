//! Marks the columns of the doubly reparameterised gradient.

pub mod start;

#[path = "../../solutions/doubly.rs"]
pub mod solution;

use crate::columns::FromLogWeights;
use crate::{Exercise, Mark, problems};
use pathscore::estimators::Target;
use pathscore::estimators::draw::StoppedPath;
use pathscore::estimators::proof::{Applied, Latent};
use pathscore::models::latent::LinearGaussian;
use pathscore::prelude::*;
use std::sync::Arc;

/// The exercise.
pub const EXERCISE: Exercise = Exercise {
    name: "doubly",
    chapter: 7,
    task: "doubly reparameterised gradients: where does the square belong?",
    start: || mark(|f| columns(f, start::columns)),
    solution: || mark(|f| columns(f, solution::columns)),
};

const HINT: &str = "The parameters of the model (w and b here) get Σ w̃_k ∇f_k. Only what flows into z_k has a second factor w̃_k: \
                    that is the third number.";
const NOISE_HINT: &str = "Each of the three numbers is w̃, −w̃ or one.";

/// The columns of all draws from those of one.
fn columns(f: &[f64], of: fn(f64) -> [f64; 3]) -> Vec<[f64; 3]> {
    let none = vec![0.0; f.len()];
    let share = LogWeights::new(f.len(), 1, f, &none).normalised(0);
    (0..f.len()).map(|k| of(share(k))).collect()
}

fn mark(columns: fn(&[f64]) -> Vec<[f64; 3]>) -> Mark {
    let problem = problems::line(Target::Bound, 2);
    let estimator = FromLogWeights::<StoppedPath>::with_path(Target::Bound, columns);
    let candidate = Applied::new(&problem, estimator.clone());
    Mark::coarse_proof(&*problem, &candidate, HINT).and(|| {
        // The posterior is N(24/55, 2/11), and the gradient of its parameters is zero draw by draw.
        let posterior = [24.0 / 55.0, 0.5 * (2.0_f64 / 11.0).ln(), 1.5, 0.2];
        let at_posterior = at(&problem, posterior);
        let Latent { model, params, x, samples, .. } = &at_posterior;
        let (mut work, rng) = (Work::new(), &mut seed::rng(0, seed::Stream::Sample, 0));
        estimator.estimate(Query::new(model, params, x, *samples), rng, &mut work);
        let largest = work.gradient(2).iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        let words = format!("where q is the posterior, its gradient is as large as {largest:.1e}");
        Mark::check(largest < 1e-12, words, NOISE_HINT)
    })
}

/// The problem at other parameters.
fn at(problem: &Arc<Latent<LinearGaussian>>, values: [f64; 4]) -> Latent<LinearGaussian> {
    let mut moved = Latent::clone(problem);
    moved.params.values_mut().copy_from_slice(&values);
    moved
}
