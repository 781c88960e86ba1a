//! $\nabla \ln p(x)$ by all ways, beside the exact gradient.

use super::args::LikelihoodArgs;
use super::problem::Problem;
use super::values::BOX;
use pathscore::autodiff::Tape;
use pathscore::estimators::likelihood::{
    CoupledChains, Multilevel, PosteriorChains, PriorPath, PriorScore, ScoreClimbing,
    SelfNormalised, UniformBox, importance_stats,
};
use pathscore::estimators::path::{Iwae, Sgvb};
use pathscore::estimators::samplers::Hmc;
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::estimators::{Estimator, Query, Target, Work};
use pathscore::models::latent::{LatentModel, LinearFactors};
use pathscore::models::seed::{self, Stream};
use rayon::prelude::*;
use serde::Serialize;

/// Independent estimates of each gradient.
const REPEATS: usize = 24;

/// Test rows over which a gradient is a mean, at most.
const ROWS: usize = 10;

/// $K$ of the multilevel estimate.
const INNER: usize = 16;

/// Chains for each row, and their transitions.
const CHAINS: usize = 16;
const TRANSITIONS: usize = 20;

/// Candidates of a step of score climbing and of coupled chains.
const CANDIDATES: usize = 32;

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GradientRow {
    pub(super) method: &'static str,
    pub(super) gradient_of: String,
    /// The distance of the mean from the exact gradient, as a share of its length.
    pub(super) distance: f64,
    /// The distance that the noise alone would give an unbiased mean.
    pub(super) of_noise: f64,
    /// The root mean square distance of one estimate.
    pub(super) error: f64,
    pub(super) effective_draws: Option<f64>,
    pub(super) meaning: &'static str,
}

/// The distribution from which an estimator draws, and how often.
#[derive(Clone, Copy, PartialEq)]
enum Draws {
    None,
    /// The prior or the box: the weights are counted.
    Prior(usize),
    /// The best factorised normal.
    Factorised(usize),
    /// The same, wider.
    Wide(usize),
    /// The wide one, and a chain that has made so many steps before the gradient counts.
    Chain(usize, usize),
}

/// All ways at the parameters of the problem.
pub(super) fn gradients(problem: &Problem, args: &LikelihoodArgs) -> Vec<GradientRow> {
    let k = args.num_samples;
    let of = Lines::new(problem, args.seed);
    let mut lines = Vec::from(from_prior(&of, problem, k));
    lines.extend([
        of.line(
            "prior, self-normalised",
            &SelfNormalised,
            Draws::Prior(k),
            "Fisher's identity: the posterior mean of ∇ln p(x, z), by draws of the prior with normalised weights; biased by \
             O(1/K)",
        ),
        of.line(
            "ELBO",
            &Sgvb,
            Draws::Factorised(k),
            "the gradient of the bound, q held: that of EM with a q that is not the posterior",
        ),
        of.line(
            "bound of K draws, L_K",
            &Iwae,
            Draws::Wide(k),
            "draws of a wide q with normalised weights; the bias falls as 1/K",
        ),
        of.line(
            "multilevel",
            &Multilevel,
            Draws::Wide(INNER),
            "unbiased for ∇ln p(x), from 117 draws of the wide q on average",
        ),
        of.line(
            "chains over the posterior",
            &PosteriorChains { sampler: posterior_hmc(problem), steps: TRANSITIONS },
            Draws::Factorised(CHAINS),
            "Fisher's identity again: the mean of ∇ln p(x, z) over 16 chains of 20 HMC transitions, which begin at q",
        ),
        of.line(
            "score climbing",
            &ScoreClimbing,
            Draws::Chain(CANDIDATES, TRANSITIONS),
            "a chain that chooses among its position and 31 fresh draws of the wide q by their weights; after 20 steps",
        ),
        of.line(
            "coupled chains",
            &CoupledChains { burn_in: 2, average: 4 },
            Draws::Wide(CANDIDATES),
            "two such chains with common draws, until they meet: unbiased for ∇ln p(x)",
        ),
        of.line("exact", &ExactLikelihood, Draws::None, "through the closed form of ln p(x)"),
    ]);
    lines
}

/// The three ways to the gradient of $p(x)$ itself, which know nothing of the posterior.
fn from_prior(of: &Lines, problem: &Problem, k: usize) -> [GradientRow; 3] {
    let draws = Draws::Prior(k);
    [
        of.line(
            "box",
            &UniformBox { sides: sides(problem) },
            draws,
            "K uniform points of a box of ±4 prior deviations, times its volume; divided by the exact p(x)",
        ),
        of.line(
            "prior, score",
            &PriorScore,
            draws,
            "K draws z of the prior: p(x|z) ∇ln p(x, z), where ∇ln p(z) tells how the prior moves; divided by the exact p(x)",
        ),
        of.line(
            "prior, path",
            &PriorPath,
            draws,
            "K draws z = m + s ε of the prior: ∇p(x|z) along the path, which moves with m and s; divided by the exact p(x)",
        ),
    ]
}

/// The errors of one estimate by the box, the prior's score and the prior's path.
pub(super) fn errors_from_prior(problem: &Problem, args: &LikelihoodArgs) -> [f64; 3] {
    from_prior(&Lines::new(problem, args.seed), problem, args.num_samples).map(|line| line.error)
}

/// HMC with the precisions of the latents, given all others, as masses.
fn posterior_hmc(problem: &Problem) -> Hmc {
    let tape = Tape::new();
    let precision = problem.model.posterior_precision(problem.params.on(&tape)).diagonal(0).value();
    let inverse_mass = precision.values().iter().map(|p| 1.0 / p).collect();
    Hmc { step_size: 0.6, steps: 4, inverse_mass, ..Hmc::default() }
}

fn sides(problem: &Problem) -> Vec<[f64; 2]> {
    let tape = Tape::new();
    let prior = problem.model.prior(problem.params.on(&tape));
    let (loc, scale) = (prior.loc().value(), prior.scale().value());
    let pairs = loc.values().iter().zip(scale.values());
    pairs.map(|(m, s)| [m - BOX * s, m + BOX * s]).collect()
}

/// Estimates of one problem, compared with its exact gradient.
struct Lines<'a> {
    problem: &'a Problem,
    seed: u64,
    exact: Vec<f64>,
}

impl<'a> Lines<'a> {
    fn new(problem: &'a Problem, seed: u64) -> Self {
        let mut of = Self { problem, seed, exact: Vec::new() };
        of.exact = of.estimate(&ExactLikelihood, Draws::None, 0).0;
        of
    }

    /// The mean over rows of one estimate of $\nabla \ln p(x)$, where a gradient of $p(x)$ is divided by the exact $p(x)$, and
    /// the mean effective sample size, if weights are counted.
    fn estimate<E: Estimator<f64, LinearFactors>>(
        &self,
        estimator: &E,
        draws: Draws,
        repeat: u64,
    ) -> (Vec<f64>, Option<f64>) {
        let Problem { model, wide, params, exact, .. } = self.problem;
        let (model, samples) = match draws {
            Draws::None => (model, 1),
            Draws::Prior(samples) | Draws::Factorised(samples) => (model, samples),
            Draws::Wide(samples) | Draws::Chain(samples, _) => (wide, samples),
        };
        let rows = exact.len().min(ROWS);
        let rng = &mut seed::rng(self.seed, Stream::Diagnose, repeat);
        let mut work = Work::new();
        let (mut gradient, mut effective) = (vec![0.0; params.len()], 0.0);
        for (row, exact) in exact[..rows].iter().enumerate() {
            let of_density = estimator.target() == Target::Likelihood;
            let scale = if of_density { (-exact).exp() } else { 1.0 } / rows as f64;
            let query =
                Query { scale, ..Query::new(model, params, self.problem.row(row), samples) };
            let steps = if let Draws::Chain(_, steps) = draws { steps } else { 0 };
            (0..=steps).for_each(|_| {
                estimator.estimate(query, rng, &mut work);
            });
            let of_row = work.gradient(params.len());
            gradient.iter_mut().zip(of_row).for_each(|(sum, g)| *sum += g);
            if let Draws::Prior(_) = draws {
                effective += importance_stats(&work).effective_draws / rows as f64;
            }
        }
        (gradient, matches!(draws, Draws::Prior(_)).then_some(effective))
    }

    /// The line of one estimator.
    fn line<E: Estimator<f64, LinearFactors>>(
        &self,
        method: &'static str,
        estimator: &E,
        draws: Draws,
        meaning: &'static str,
    ) -> GradientRow {
        let repeats = 0..REPEATS as u64;
        let drawn: Vec<(Vec<f64>, Option<f64>)> =
            repeats.into_par_iter().map(|repeat| self.estimate(estimator, draws, repeat)).collect();
        let n = drawn.len() as f64;
        let mean_of = |i: usize| drawn.iter().map(|(gradient, _)| gradient[i]).sum::<f64>() / n;
        let mean: Vec<f64> = (0..self.exact.len()).map(mean_of).collect();
        let square =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let mean_square =
            |to: &[f64]| drawn.iter().map(|(gradient, _)| square(gradient, to)).sum::<f64>() / n;
        let length = square(&self.exact, &vec![0.0; self.exact.len()]).sqrt();
        let effective: Option<f64> = drawn.iter().map(|(_, effective)| *effective).sum();
        GradientRow {
            method,
            gradient_of: estimator.target().to_string(),
            distance: square(&mean, &self.exact).sqrt() / length,
            of_noise: (mean_square(&mean) / (n - 1.0)).sqrt() / length,
            error: mean_square(&self.exact).sqrt() / length,
            effective_draws: effective.map(|sum| sum / n),
            meaning,
        }
    }
}
