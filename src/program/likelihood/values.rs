//! $\ln p(x)$ by all ways, beside the exact value.

use super::args::LikelihoodArgs;
use super::problem::Problem;
use crate::program::kinds::tractable::Mean;
use pathscore::autodiff::Tape;
use pathscore::estimators::likelihood::{Multilevel, RussianRoulette};
use pathscore::estimators::samplers::{Annealing, LatentAnnealing, LogMeanWeight, Moves};
use pathscore::estimators::{Estimator, Query, Work};
use pathscore::models::dist::Distribution;
use pathscore::models::latent::{LatentModel, LinearFactors};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{ExactPosterior, RandomSource};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::Serialize;

/// The half-width of the box in standard deviations of the prior: all but 6e-5 of a coordinate lies inside.
pub(super) const BOX: f64 = 4.0;

/// Chains of annealed importance sampling for each row.
const CHAINS: usize = 4;

/// $K$ of the two unbiased estimates, and the mean number of draws that one of them takes.
const INNER: usize = 16;
const MULTILEVEL_DRAWS: f64 = 7.3 * INNER as f64;

/// Leapfrog steps of a transition between two temperatures.
const LEAPS: usize = 4;

/// The relation of an estimate's mean to $\ln p(x)$.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Relation {
    Below,
    Unbiased,
    Exact,
    Above,
}

/// One way to $\ln p(x)$.
struct Method {
    name: &'static str,
    relation: Relation,
    /// Evaluations of $\ln p(x, z)$ for each row.
    evaluations: fn(&LikelihoodArgs) -> f64,
    estimate: fn(&Case, &mut Xoshiro256PlusPlus) -> f64,
    says: &'static str,
}

/// A test row with everything that an estimate needs.
struct Case<'a> {
    problem: &'a Problem,
    args: &'a LikelihoodArgs,
    index: usize,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ValueRow {
    pub(super) method: &'static str,
    /// The mean over the test rows.
    pub(super) estimate: f64,
    pub(super) minus_exact: f64,
    /// The standard error of `minus_exact` over the rows.
    pub(super) error: f64,
    pub(super) in_the_mean: Relation,
    pub(super) evaluations: f64,
    pub(super) meaning: &'static str,
}

/// The ways, from below to above.
static METHODS: &[Method] = &[
    Method {
        name: "box",
        relation: Relation::Below,
        evaluations: |args| args.num_samples as f64,
        estimate: |case, rng| log_mean(&case.log_weights(Proposal::Box, case.draws(), rng)),
        says: "ln of the volume times the mean of p(x, z) over K uniform points of a box of ±4 prior deviations",
    },
    Method {
        name: "prior Monte Carlo",
        relation: Relation::Below,
        evaluations: |args| args.num_samples as f64,
        estimate: |case, rng| log_mean(&case.log_weights(Proposal::Prior, case.draws(), rng)),
        says: "ln of the mean of p(x|z) over K draws of the prior; the mean is unbiased for p(x), its logarithm lies below \
               (Jensen), and far below where no draw meets the posterior",
    },
    Method {
        name: "ELBO",
        relation: Relation::Below,
        evaluations: |args| args.num_samples as f64,
        estimate: |case, rng| mean(&case.log_weights(Proposal::Factorised, case.draws(), rng)),
        says: "the mean of ln p(x, z) − ln q(z|x) with the best factorised normal q: below ln p(x) by KL(q‖p(z|x))",
    },
    Method {
        name: "bound of K draws, L_K",
        relation: Relation::Below,
        evaluations: |args| args.num_samples as f64,
        estimate: |case, rng| log_mean(&case.log_weights(Proposal::Factorised, case.draws(), rng)),
        says: "importance sampling: ln of the mean of p(x, z)/q(z|x) over K draws of a q half as wide again, so that the \
               weights have a variance; rises to ln p(x) with K",
    },
    Method {
        name: "AIS forward",
        relation: Relation::Below,
        evaluations: annealed_evaluations,
        estimate: |case, _| case.annealed(Direction::Forward),
        says: "annealed importance sampling from prior to posterior by HMC, 4 chains without any q (a transition evaluates ln p(x, z) five \
               times, and step sizes are searched first): in the mean below ln p(x)",
    },
    Method {
        name: "Russian roulette",
        relation: Relation::Unbiased,
        evaluations: |args| args.num_samples as f64,
        estimate: |case, rng| case.unbiased(RussianRoulette, case.draws().div_ceil(2 * INNER), rng),
        says: "SUMO: L_K plus its further steps, cut at random; unbiased, but a late cut multiplies small steps by large numbers",
    },
    Method {
        name: "multilevel",
        relation: Relation::Unbiased,
        evaluations: |args| (args.num_samples as f64 / MULTILEVEL_DRAWS).ceil() * MULTILEVEL_DRAWS,
        estimate: |case, rng| {
            let repeats = (case.draws() as f64 / MULTILEVEL_DRAWS).ceil() as usize;
            case.unbiased(Multilevel, repeats, rng)
        },
        says: "L_K plus the difference to twice as many draws, cut at random; the antithetic halves keep the variance finite",
    },
    Method {
        name: "exact",
        relation: Relation::Exact,
        evaluations: |_| 0.0,
        estimate: |case, _| case.problem.exact[case.index],
        says: "the closed form: x is normal with the covariance W diag(s²) Wᵀ + σ² I",
    },
    Method {
        name: "AIS backward",
        relation: Relation::Above,
        evaluations: annealed_evaluations,
        estimate: |case, _| case.annealed(Direction::Backward),
        says: "the same path from an exact draw of the posterior to the prior: in the mean above ln p(x)",
    },
];

/// The way through the temperatures.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    Backward,
}

/// A distribution from which draws are made.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Proposal {
    Box,
    Prior,
    /// The best factorised normal.
    Factorised,
    /// The same, wider.
    Wide,
}

/// The search for step sizes takes a fifth of the temperatures, and fifty at least.
fn annealed_evaluations(args: &LikelihoodArgs) -> f64 {
    let searched = args.temperatures.div_ceil(5).max(50.min(args.temperatures));
    (CHAINS * (args.temperatures + searched) * (LEAPS + 1)) as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn log_mean(log_weights: &[f64]) -> f64 {
    LogMeanWeight::of(log_weights).value
}

/// All ways on all test rows.
pub(super) fn values(problem: &Problem, args: &LikelihoodArgs) -> Vec<ValueRow> {
    let of_method = |(m, method): (usize, &Method)| {
        let estimates: Vec<f64> = (0..problem.exact.len())
            .into_par_iter()
            .map(|index| {
                let stream = (m * problem.exact.len() + index) as u64;
                let rng = &mut seed::rng(args.seed, Stream::Estimate, stream);
                (method.estimate)(&Case { problem, args, index }, rng)
            })
            .collect();
        let pairs = estimates.iter().zip(&problem.exact);
        let gaps: Vec<f64> = pairs.map(|(estimate, exact)| estimate - exact).collect();
        let gap = Mean::of(&gaps);
        ValueRow {
            method: method.name,
            estimate: mean(&estimates),
            minus_exact: gap.value,
            error: gap.error,
            in_the_mean: method.relation,
            evaluations: (method.evaluations)(args),
            meaning: method.says,
        }
    };
    METHODS.iter().enumerate().map(of_method).collect()
}

impl Case<'_> {
    fn draws(&self) -> usize {
        self.args.num_samples
    }

    fn log_weights<R: RandomSource>(
        &self,
        proposal: Proposal,
        count: usize,
        rng: &mut R,
    ) -> Vec<f64> {
        log_weights(self.problem, self.problem.row(self.index), proposal, count, rng)
    }

    /// The mean of `repeats` unbiased estimates.
    fn unbiased<E: Estimator<f64, LinearFactors>>(
        &self,
        estimator: E,
        repeats: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> f64 {
        let Problem { wide, params, .. } = self.problem;
        let query = Query::new(wide, params, self.problem.row(self.index), INNER);
        let mut work = Work::new();
        let estimates: Vec<f64> =
            (0..repeats).map(|_| estimator.estimate(query, rng, &mut work)).collect();
        mean(&estimates)
    }

    /// Annealed importance sampling between the prior and the posterior.
    fn annealed(&self, direction: Direction) -> f64 {
        let Problem { model, params, columns, .. } = self.problem;
        let row = self.problem.row(self.index);
        let annealing = LatentAnnealing {
            path: Annealing::sigmoid(self.args.temperatures),
            chains: CHAINS,
            moves: Moves::Hmc { leapfrogs: LEAPS },
        };
        let seed = seed::derive(self.args.seed, Stream::Sample, self.index as u64);
        match direction {
            Direction::Forward => {
                let feed = |_, x: &mut [f64], _: &mut _| x.copy_from_slice(row);
                annealing.lower_bounds(model, params, [1, *columns], seed, feed, &|_| {})[0]
            }
            Direction::Backward => {
                let (tape, rng) = (Tape::new(), &mut seed::rng(seed, Stream::Sample, 1));
                let x = tape.constant(row, [1, *columns]);
                let z = model.exact_posterior(params.on(&tape), x).sample(1, rng).value();
                annealing.both_bounds(model, params, 1, (row, z.values()), seed, &|_| {})[0].upper
            }
        }
    }
}

/// $\ln w$ of `count` draws for one row, where the mean of $w$ is $p(x)$.
pub(super) fn log_weights<R: RandomSource>(
    problem: &Problem,
    row: &[f64],
    proposal: Proposal,
    count: usize,
    rng: &mut R,
) -> Vec<f64> {
    let Problem { model, wide, params, columns, .. } = problem;
    let latents = model.latents();
    let tape = Tape::new();
    let bound = params.on(&tape).detach();
    let (x, shape) = (tape.constant(row, [1, *columns]), [count, 1, latents]);
    let prior = model.prior(bound);
    let log_w = match proposal {
        Proposal::Prior => {
            let z = prior.sample(count, rng).reshape(shape);
            model.log_likelihood(bound, x, z)
        }
        Proposal::Box => {
            let width = prior.scale() * (2.0 * BOX);
            let uniform = rng.uniform_var(&tape, shape.into());
            let z = prior.loc() + width * (uniform - 0.5);
            model.log_joint(bound, x, z) + width.ln().sum()
        }
        Proposal::Factorised | Proposal::Wide => {
            let model = if proposal == Proposal::Wide { wide } else { model };
            let q = model.posterior(bound, x);
            let z = q.sample(count, rng);
            model.log_joint(bound, x, z) - q.log_prob(z)
        }
    };
    log_w.value().values().to_vec()
}
