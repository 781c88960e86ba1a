//! The picture of the posterior of one row.

use crate::program::chart::clouds;
use pathscore::autodiff::{Scalar, Tape};
use pathscore::estimators::LogWeights;
use pathscore::models::Params;
use pathscore::models::dist::Distribution;
use pathscore::models::latent::LatentModel;
use pathscore::models::seed::{self, Stream};

/// Draws from $q(z \mid x)$ that stand for the posterior by their weights.
const DRAWS: usize = 4000;
/// Points in each cloud.
const SHOWN: usize = 600;

/// Two directions of the latents and their names.
pub(crate) struct Plane<'a> {
    pub(crate) axes: &'a [Vec<f64>],
    pub(crate) names: [&'a str; 2],
}

/// Draws from the prior, from $p(z \mid x)$ and from $q(z \mid x)$ in a plane of the latents.
///
/// Draws from the posterior are draws from $q$ that are drawn again by their weights $p(x, z)/q(z \mid x)$ (sampling importance
/// resampling, Rubin 1988); the title tells their effective sample size, below which fewer points are distinct.
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn posterior<F: Scalar, M: LatentModel<F>>(
    model: &M,
    params: &Params<F>,
    row: &[f32],
    Plane { axes, names }: Plane,
    (title, seed): (&str, u64),
) -> anyhow::Result<Vec<u8>> {
    let tape = Tape::new();
    let rng = &mut seed::rng(seed, Stream::Diagnose, 2);
    let params = params.on(&tape).detach();
    let x: Vec<F> = row.iter().map(|&x| F::from(x)).collect();
    let x = tape.constant(&x, [1, row.len()]);
    let q = model.posterior(params, x);
    let [z, log_q] = q.sample_and_log_prob(DRAWS, rng);
    let numbers = |log_probs: pathscore::autodiff::Var<F>| -> Vec<f64> {
        log_probs.with(|found| found.iter().map(|x| x.to_f64()).collect())
    };
    let [log_joint, log_q] = [model.log_joint(params, x, z), log_q].map(numbers);
    let weights = LogWeights::new(DRAWS, 1, &log_joint, &log_q);
    let along = |z: &[F], axis: usize| {
        let axis = axes.get(axis).map_or(&[][..], |axis| axis);
        axis.iter().zip(z).map(|(a, z)| a * z.to_f64()).sum::<f64>()
    };
    let points = |z: pathscore::autodiff::Var<F>, count: usize| -> Vec<[f64; 2]> {
        let latents = z.size() / count;
        z.with(|z| z.chunks_exact(latents).map(|z| [along(z, 0), along(z, 1)]).collect())
    };
    let of_q = points(z, DRAWS);
    let log_weights: Vec<f64> = log_joint.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    let again: Vec<[f64; 2]> = resampled(&log_weights, SHOWN).map(|i| of_q[i]).collect();
    let of_prior = points(model.prior(params).sample(SHOWN, rng), SHOWN);
    let effective = weights.effective_draws(0);
    let count = again.len();
    let title = format!(
        "{title}: p(z | x) is {count} draws, resampled from {DRAWS} of q with ESS {effective:.0}"
    );
    let of_posterior = ("p(z | x), resampled", &again[..]);
    clouds([("p(z)", &of_prior), of_posterior, ("q(z | x)", &of_q[..SHOWN])], names, &title)
}

/// Indices in the proportions of weights that are given by their logarithms, each at most one more or less often than its share
/// (systematic resampling, Kitagawa 1996, with the offset one half). Without a finite weight there are none.
fn resampled(log_weights: &[f64], count: usize) -> impl Iterator<Item = usize> {
    let top = log_weights.iter().copied().filter(|w| !w.is_nan()).fold(f64::NEG_INFINITY, f64::max);
    let weight = |w: &f64| if w.is_nan() || !top.is_finite() { 0.0 } else { (w - top).exp() };
    let mut sums: Vec<f64> = Vec::with_capacity(log_weights.len());
    let mut sum = 0.0;
    for w in log_weights {
        sum += weight(w);
        sums.push(sum);
    }
    let count = if sum > 0.0 { count } else { 0 };
    let scale = sum / count.max(1) as f64;
    let at = move |i: usize| sums.partition_point(|s| *s <= (i as f64 + 0.5) * scale);
    (0..count).map(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_repeated_in_proportion_to_their_weights() {
        let weights = [1.0_f64, 0.0, 3.0, 4.0].map(|w| 900.0 + w.ln());
        let found: Vec<usize> = resampled(&weights, 16).collect();
        assert_eq!(found, [0, 0, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!(resampled(&[f64::NAN, 0.0], 3).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(resampled(&[f64::NEG_INFINITY; 2], 3).count(), 0);
    }
}
