//! Gradients of the likelihood $p(x) = \int p(x \mid z) p(z) \mathrm dz$ itself, from draws that do not depend on $x$.
//!
//! With $N$ draws for each row (the query's `samples`) three forms are unbiased for $\nabla p(x)$:
//!
//! | form | $z_i$ from | term of each draw |
//! |---|---|---|
//! | [`UniformBox`] | a box of volume $\lvert\Omega\rvert$ | $\lvert\Omega\rvert \nabla[p(x \mid z_i) p(z_i)]$ |
//! | [`PriorScore`] | $p(z)$ | $p(x \mid z_i) \nabla \ln p(x, z_i)$ |
//! | [`PriorPath`] | $p(z)$, along the path | $\nabla p(x \mid z_i)$ |
//!
//! The gradient of $\ln p(x)$ is $\nabla p(x)/p(x)$. A ratio of two unbiased estimates is biased, so [`SelfNormalised`]
//! has a bias of $O(1/N)$. [`Multilevel`] has none. The variance of all four grows exponentially with the number of latents, since few
//! draws fall where the posterior is; [`importance_stats`] returns the effective sample size.
//!
//! Draws that come from the posterior itself need no weights. [`PosteriorChains`] makes them by Markov chains, [`MonteCarloEm`] uses them
//! for an M step, [`ScoreClimbing`] learns $q$ beside them, and [`CoupledChains`] is unbiased after a finite number of steps.
//!
//! Weights are logarithms until they are divided by their sum, so that the gradient of $\ln p(x)$ never underflows;
//! $\nabla p(x)$ itself underflows where $p(x)$ does.
//!
//! ```
//! use pathscore_estimators::likelihood::{PriorScore, SelfNormalised, importance_stats};
//! use pathscore_estimators::{Estimator, Query, Work};
//! use pathscore_models::{Params, latent::LinearGaussian, seed};
//! let rng = &mut seed::rng(0, seed::Stream::Init, 0);
//! let (mut params, mut work) = (Params::<f64>::new(), Work::new());
//! let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.5, 0.2], 0.5, rng);
//! let query = Query::new(&model, &params, &[1.0], 20_000);
//! let p = PriorScore.estimate(query, rng, &mut work);
//! assert!((p.ln() + 1.541102625408).abs() < 0.05);
//! // ∂ ln p(x)/∂w is −0.4185; the standard deviation of one draw is about two, and the weights reduce the sample size.
//! SelfNormalised.estimate(query, rng, &mut work);
//! assert!((work.gradient(4)[2] + 0.4185).abs() < 0.1);
//! let stats = importance_stats(&work);
//! assert!(stats.effective_draws > 5_000.0 && stats.effective_draws < 20_000.0);
//! ```

mod coupled;
mod monte_carlo_em;
mod multilevel;
mod posterior_chains;
mod row_chains;
mod score_climbing;

pub use coupled::{CoupledChains, meeting_time};
pub use monte_carlo_em::{EmStep, MonteCarloEm};
pub use multilevel::{Multilevel, RussianRoulette};
pub use posterior_chains::{PosteriorChains, chain_acceptance};
pub use score_climbing::ScoreClimbing;

use crate::estimator::{Claim, Estimator, LogWeights, Query, Work};
use crate::target::Target;
use pathscore_autodiff::{Grads, Scalar, Tape, Var};
use pathscore_models::RandomSource;
use pathscore_models::dist::{Distribution, Reparam};
use pathscore_models::latent::{LatentModel, log_likelihood};

/// $\frac{|\Omega|}{N} \sum_i \nabla[p(x \mid z_i) p(z_i)]$ with $z_i$ uniform on the box $\Omega$.
///
/// It is unbiased for the gradient of $\int_\Omega p(x \mid z) p(z) \mathrm dz$, which differs from $p(x)$ by the
/// probability outside the box. Without the volume $|\Omega|$ it would be wrong by that factor. It is for continuous
/// latents, needs neither a sampler of the prior nor its normaliser, and is the first to fail in many dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct UniformBox {
    /// The lower and the upper end in each coordinate.
    pub sides: Vec<[f64; 2]>,
}

/// $\frac1N \sum_i p(x \mid z_i) \nabla \ln p(x, z_i)$ with $z_i \sim p(z)$.
///
/// It is unbiased for $\nabla p(x)$: the gradient of $p(x \mid z)$ is $p(x \mid z) \nabla\ln p(x \mid z)$, and that
/// of the prior is $p(z) \nabla \ln p(z)$, the score. It works for latents of any kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorScore;

/// $\frac1N \sum_i \nabla p(x \mid z_i)$ with $z_i$ drawn from $p(z)$ along the path.
///
/// It is unbiased for $\nabla p(x)$ if $p(x \mid z)$ is smooth in $z$; the parameters of the prior move the draws,
/// and get their gradient through $\partial_z p(x \mid z)$. Prefer it to [`PriorScore`] for the parameters of a
/// normal prior.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorPath;

/// $\sum_i \tilde w_i \nabla \ln p(x, z_i)$ with $z_i \sim p(z)$ and $\tilde w_i = p(x \mid z_i)/\sum_j p(x \mid z_j)$.
///
/// By Fisher's identity $\nabla \ln p(x) = E_{p(z \mid x)} \nabla \ln p(x, z)$, and the weighted draws approximate the
/// posterior. It is biased by $O(1/N)$, like every ratio of means. The value is $\ln\frac1N\sum_i p(x \mid z_i)$, whose
/// mean is below $\ln p(x)$. With draws from $q$ instead of the prior it is the model's part of
/// [`Wake`](crate::score::Wake).
#[derive(Clone, Copy, Debug, Default)]
pub struct SelfNormalised;

/// Statistics of the importance weights of an estimate of this module, as means over its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportanceStats {
    /// $\ln\frac1N\sum_i w_i$ with the weights $w_i$ of the draws: an estimate of $\ln p(x)$, finite where $p(x)$
    /// underflows.
    pub log_likelihood: f64,
    /// $1/\sum_i \tilde w_i^2$, the effective sample size.
    pub effective_draws: f64,
}

/// The statistics of the last estimate, which must be one of this module.
///
/// # Panics
/// If the last estimate that used `work` was none of this module.
pub fn importance_stats<F: Scalar>(work: &Work<F>) -> ImportanceStats {
    let [rows, log_likelihood, effective_draws] = work.stats[..] else {
        panic!("the last estimate was not one of a likelihood");
    };
    ImportanceStats {
        log_likelihood: log_likelihood / rows,
        effective_draws: effective_draws / rows,
    }
}

/// Computes the gradient $\sum_i s_i \nabla l_i$ of one of the two targets $p(x)$ and $\ln p(x)$, and returns its
/// value, summed over the batch.
///
/// `terms` are $l_i$ and `log_weights` $\ln w_i$, both of shape `[draws, batch]`. For the likelihood $s_i = w_i / N$,
/// for the log-likelihood $s_i = w_i / \sum_j w_j$.
fn pull<F: Scalar>(
    tape: &Tape<F>,
    grads: &mut Grads<F>,
    stats: &mut Vec<f64>,
    (terms, log_weights): (Var<'_, F>, Var<'_, F>),
    batch: usize,
    scale: F,
    target: Target,
) -> F {
    let log_weights = log_weights.value();
    let draws = log_weights.values().len() / batch.max(1);
    let zeros = vec![F::ZERO; log_weights.values().len()];
    let w = LogWeights::new(draws, batch, log_weights.values(), &zeros);
    let mut cotangents = zeros.clone();
    let (mut value, mut logs, mut effective) = (F::ZERO, 0.0, 0.0);
    for b in 0..batch {
        let (share, log_mean) = (w.normalised(b), w.bound(b));
        let mean = log_mean.exp();
        let factor = if target == Target::Likelihood { mean } else { F::ONE };
        for k in 0..draws {
            cotangents[k * batch + b] = scale * factor * share(k);
        }
        value += if target == Target::Likelihood { mean } else { log_mean };
        logs += log_mean.to_f64();
        effective += w.effective_draws(b).to_f64();
    }
    tape.pull_into(&[(terms, &cotangents)], &[], grads);
    stats.clear();
    stats.extend([batch as f64, logs, effective]);
    value
}

/// Reshapes `count` × `batch` draws from the prior to `[count, batch, latents]`.
fn for_rows<'t, F: Scalar>(z: Var<'t, F>, count: usize, batch: usize) -> Var<'t, F> {
    let latents = z.size() / (count * batch).max(1);
    z.reshape([count, batch, latents])
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for UniformBox
where
    for<'t> M::Prior<'t>: Reparam<'t, F>,
{
    fn target(&self) -> Target {
        Target::Likelihood
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let (params, x) = (params.on(tape), query.rows(tape));
        let latents = self.sides.len();
        let ends = |f: fn(&[f64; 2]) -> f64| {
            let ends: Vec<F> = self.sides.iter().map(|side| F::from_f64(f(side))).collect();
            tape.constant(&ends, [latents])
        };
        let (low, width) = (ends(|[low, _]| *low), ends(|[low, high]| high - low));
        let z = low + width * rng.uniform_var(tape, [samples, batch, latents].into());
        let joint = model.log_joint(params, x, z) + width.ln().sum();
        pull(tape, grads, stats, (joint, joint), batch, scale, Target::Likelihood)
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for PriorScore {
    fn target(&self) -> Target {
        Target::Likelihood
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        by_score(query, rng, work, Target::Likelihood)
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for SelfNormalised {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        by_score(query, rng, work, Target::LogLikelihood)
    }
}

/// The gradient from draws of the prior, weighted by the likelihood, with $\nabla \ln p(x, z)$ for constant $z$.
fn by_score<F: Scalar, M: LatentModel<F>, R: RandomSource>(
    query: Query<F, M>,
    rng: &mut R,
    work: &mut Work<F>,
    target: Target,
) -> F {
    let Query { model, params, batch, samples, scale, .. } = query;
    work.tape.clear();
    let Work { tape, grads, stats, .. } = work;
    let (params, x) = (params.on(tape), query.rows(tape));
    let prior = model.prior(params);
    let z = for_rows(prior.sample(samples * batch, rng), samples, batch);
    let likelihood = log_likelihood(model, params, x, z);
    let joint = likelihood + prior.log_prob(z);
    pull(tape, grads, stats, (joint, likelihood), batch, scale, target)
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for PriorPath
where
    for<'t> M::Prior<'t>: Reparam<'t, F>,
{
    fn target(&self) -> Target {
        Target::Likelihood
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let (params, x) = (params.on(tape), query.rows(tape));
        let drawn = model.prior(params).rsample(samples * batch, rng);
        let z = for_rows(drawn, samples, batch);
        let likelihood = log_likelihood(model, params, x, z);
        pull(tape, grads, stats, (likelihood, likelihood), batch, scale, Target::Likelihood)
    }
}
