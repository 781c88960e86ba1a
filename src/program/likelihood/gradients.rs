//! $\nabla \ln p(x)$ by all ways, beside the exact gradient.

use super::args::LikelihoodArgs;
use super::problem::Problem;
use super::values::BOX;
use pathscore::autodiff::Tape;
use pathscore::estimators::likelihood::{
    Multilevel, PriorPath, PriorScore, SelfNormalised, UniformBox, importance_stats,
};
use pathscore::estimators::path::{Iwae, Sgvb};
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::estimators::{Estimator, Query, Target, Work};
use pathscore::models::latent::{LatentModel, LinearFactors};
use pathscore::models::seed::{self, Stream};
use rayon::prelude::*;
use serde::Serialize;

/// Independent estimates of each gradient.
const REPEATS: usize = 24;

/// Test rows over which a gradient is summed, at most.
const ROWS: usize = 10;

/// $K$ of the multilevel estimate.
const INNER: usize = 16;

/// The methods whose weights are counted.
const WEIGHTED: [&str; 4] = ["box", "prior, score", "prior, path", "prior, self-normalised"];

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GradientRow {
    pub(super) method: &'static str,
    pub(super) gradient_of: String,
    /// The distance of the mean from the exact gradient, as a share of its length.
    pub(super) distance: f64,
    /// The distance that the noise alone would give an unbiased mean.
    pub(super) of_noise: f64,
    /// The noise of one estimate, as a share of the length of the exact gradient.
    pub(super) noise: f64,
    pub(super) effective_draws: Option<f64>,
    pub(super) meaning: &'static str,
}

/// All ways at the parameters of the problem.
pub(super) fn gradients(problem: &Problem, args: &LikelihoodArgs) -> Vec<GradientRow> {
    let exact = estimate(problem, &ExactLikelihood, 1, 0, None);
    let of = Lines { problem, args, exact };
    let samples = args.num_samples;
    vec![
        of.line(
            "box",
            &UniformBox { sides: sides(problem) },
            samples,
            "K uniform points of a box of ±4 prior deviations, times its volume; divided by the exact p(x)",
        ),
        of.line(
            "prior, score",
            &PriorScore,
            samples,
            "K draws z of the prior: p(x|z) ∇ln p(x, z), where ∇ln p(z) tells how the prior moves; divided by the exact p(x)",
        ),
        of.line(
            "prior, path",
            &PriorPath,
            samples,
            "K draws z = m + s ε of the prior: ∇p(x|z) along the path, which moves with m and s; divided by the exact p(x)",
        ),
        of.line(
            "prior, self-normalised",
            &SelfNormalised,
            samples,
            "Fisher's identity: the posterior mean of ∇ln p(x, z), by draws of the prior with normalised weights; biased by O(1/K)",
        ),
        of.line("ELBO", &Sgvb, samples, "the gradient of the bound, q held: that of EM with a q that is not the posterior"),
        of.line("bound of K draws, L_K", &Iwae, samples, "draws of q with normalised weights; the bias falls as 1/K"),
        of.line(
            "multilevel",
            &Multilevel,
            INNER,
            "unbiased for ∇ln p(x), from 117 draws of q on average",
        ),
        of.line("exact", &ExactLikelihood, 1, "through the closed form of ln p(x)"),
    ]
}

fn sides(problem: &Problem) -> Vec<[f64; 2]> {
    let tape = Tape::new();
    let prior = problem.model.prior(problem.params.on(&tape));
    let (loc, scale) = (prior.loc().value(), prior.scale().value());
    let pairs = loc.values().iter().zip(scale.values());
    pairs.map(|(m, s)| [m - BOX * s, m + BOX * s]).collect()
}

/// The mean over rows of one estimate of $\nabla \ln p(x)$; a gradient of $p(x)$ is divided by the exact $p(x)$.
fn estimate<E: Estimator<f64, LinearFactors>>(
    problem: &Problem,
    estimator: &E,
    samples: usize,
    seed: u64,
    mut weighted: Option<&mut Vec<f64>>,
) -> Vec<f64> {
    let Problem { model, params, exact, .. } = problem;
    let rows = exact.len().min(ROWS);
    let rng = &mut seed::rng(seed, Stream::Estimate, 0);
    let mut work = Work::new();
    let mut sum = vec![0.0; params.len()];
    for (row, exact) in exact[..rows].iter().enumerate() {
        let of_density = estimator.target() == Target::Likelihood;
        let scale = if of_density { (-exact).exp() } else { 1.0 } / rows as f64;
        let query = Query { scale, ..Query::new(model, params, problem.row(row), samples) };
        estimator.estimate(query, rng, &mut work);
        let gradient = work.gradient(params.len());
        sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
        if let Some(effective) = weighted.as_deref_mut() {
            effective.push(importance_stats(&work).effective_draws);
        }
    }
    sum
}

struct Lines<'a> {
    problem: &'a Problem,
    args: &'a LikelihoodArgs,
    exact: Vec<f64>,
}

impl Lines<'_> {
    /// The line of one estimator.
    fn line<E: Estimator<f64, LinearFactors>>(
        &self,
        method: &'static str,
        estimator: &E,
        samples: usize,
        meaning: &'static str,
    ) -> GradientRow {
        let weighted = WEIGHTED.contains(&method);
        let Self { problem, args, exact } = self;
        let drawn: Vec<(Vec<f64>, Vec<f64>)> = (0..REPEATS)
            .into_par_iter()
            .map(|repeat| {
                let seed = seed::derive(args.seed, Stream::Diagnose, repeat as u64);
                let mut effective = Vec::new();
                let weighted = weighted.then_some(&mut effective);
                (estimate(problem, estimator, samples, seed, weighted), effective)
            })
            .collect();
        let n = drawn.len() as f64;
        let mean: Vec<f64> = (0..exact.len())
            .map(|i| drawn.iter().map(|(gradient, _)| gradient[i]).sum::<f64>() / n)
            .collect();
        let squared =
            |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
        let length = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
        let variance =
            drawn.iter().map(|(gradient, _)| squared(gradient, &mean)).sum::<f64>() / (n - 1.0);
        let effective: Vec<f64> =
            drawn.iter().flat_map(|(_, effective)| effective.clone()).collect();
        GradientRow {
            method,
            gradient_of: estimator.target().to_string(),
            distance: squared(&mean, exact).sqrt() / length,
            of_noise: (variance / n).sqrt() / length,
            noise: variance.sqrt() / length,
            effective_draws: (!effective.is_empty())
                .then(|| effective.iter().sum::<f64>() / effective.len() as f64),
            meaning,
        }
    }
}
