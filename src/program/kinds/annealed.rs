//! The bounds of `evaluate --ais`: annealed importance sampling of the latents, on rows of data and on rows that the model draws.

use super::kind::{Ais, Quantity};
use super::tractable::Mean;
use crate::program::progress::{Progress, Total};
use pathscore::autodiff::Scalar;
use pathscore::estimators::samplers::{Annealing, LatentAnnealing, Moves, simulate};
use pathscore::models::Params;
use pathscore::models::data::{Binarize, Table};
use pathscore::models::latent::Generative;
use std::sync::Mutex;

/// The chains of each row and the most rows if no numbers are given.
const CHAINS: usize = 10;
const ROWS: usize = 100;

/// A lower bound on rows of data, both bounds on simulated rows, and the gap between those; of at most `most` rows.
pub(crate) fn annealed<F: Scalar, M: Generative<F>>(
    (model, params, moves): (&M, &Params<F>, Moves),
    (table, binarize): (&Table, Binarize),
    Ais { steps, chains, rows, progress }: Ais,
    (most, seed): (usize, u64),
) -> Vec<Quantity> {
    let (chains, rows) = (chains.unwrap_or(CHAINS), rows.unwrap_or(ROWS).min(most));
    let annealing = LatentAnnealing { path: Annealing::sigmoid(steps), chains, moves };
    let shown =
        Mutex::new((Progress::new(progress, Total::Steps(3 * rows as u64), "ais lower"), 0));
    // Simulated rows are annealed twice, forward and backward.
    let done = |times: u64| {
        let shown = &shown;
        move |lower: &[f64]| {
            let (progress, sum) = &mut *shown.lock().expect("no thread panics while it prints");
            *sum += times * lower.len() as u64;
            progress.step(*sum, Mean::of(lower).value, f64::NAN);
        }
    };
    let feed = |range: std::ops::Range<usize>, x: &mut [F], rng: &mut _| {
        binarize.fill(table, &range.collect::<Vec<_>>(), x, rng);
    };
    let shape = [rows, table.columns()];
    let of_data = annealing.lower_bounds(model, params, shape, seed, feed, &done(1));
    let (x, z) = simulate(model, params, rows, seed);
    let both = annealing.both_bounds(model, params, rows, (&x, &z), seed, &done(2));
    let (progress, _) = shown.into_inner().expect("no thread panics while it prints");
    let lower = Mean::of(&of_data);
    progress.finish_at(lower.value, lower.error, "annealed");
    let quantity = |name: &str, numbers: Vec<f64>| {
        let samples = Some(chains);
        Quantity { samples, ..Mean::of(&numbers).quantity(name, "nats") }
    };
    vec![
        quantity("ais_lower", of_data),
        quantity("ais_lower_simulated", both.iter().map(|row| row.lower).collect()),
        quantity("ais_upper_simulated", both.iter().map(|row| row.upper).collect()),
        quantity("ais_gap_simulated", both.iter().map(|row| row.upper - row.lower).collect()),
    ]
}
