//! The gradient of the likelihood $p(x) = \int p(x \mid z)\,p(z)\,\mathrm dz$ itself, by draws that know nothing of
//! $x$.
//!
//! With $N$ draws for each row (the query's `samples`) three forms are unbiased for $\nabla p(x)$:
//!
//! | form | $z_i$ from | each draw gives |
//! |---|---|---|
//! | [`UniformBox`] | a box of volume $\lvert\Omega\rvert$ | $\lvert\Omega\rvert\,\nabla[p(x \mid z_i)\,p(z_i)]$ |
//! | [`PriorScore`] | $p(z)$ | $p(x \mid z_i)\,\nabla \ln p(x, z_i)$ |
//! | [`PriorPath`] | $p(z)$, along the path | $\nabla p(x \mid z_i)$ |
//!
//! The gradient of $\ln p(x)$ is $\nabla p(x)/p(x)$, and the ratio of two estimates is no estimate of the ratio:
//! [`SelfNormalised`] has a bias of $O(1/N)$. The variance of all four grows exponentially with the number of
//! latents, since draws seldom meet the posterior; [`stats`] tells how many did.
//!
//! Everything is kept in logarithms until the weights are divided by their sum, which for $\ln p(x)$ is never
//! too small; $\nabla p(x)$ itself underflows where $p(x)$ does.
//!
//! ```
//! use pathscore_estimators::likelihood::{PriorScore, SelfNormalised, stats};
//! use pathscore_estimators::{Estimator, Query, Work};
//! use pathscore_models::{Params, latent::LinearGaussian, seed};
//! let rng = &mut seed::rng(0, seed::Stream::Init, 0);
//! let (mut params, mut work) = (Params::<f64>::new(), Work::new());
//! let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.5, 0.2], 0.5, rng);
//! let query = Query::new(&model, &params, &[1.0], 20_000);
//! let p = PriorScore.estimate(query, rng, &mut work);
//! assert!((p.ln() + 1.541102625408).abs() < 0.05);
//! // ∂ ln p(x)/∂w is −0.4185; one draw has a standard deviation of about two, weighted draws are fewer.
//! SelfNormalised.estimate(query, rng, &mut work);
//! assert!((work.gradient(4)[2] + 0.4185).abs() < 0.1);
//! let stats = stats(&work);
//! assert!(stats.effective_draws > 5_000.0 && stats.effective_draws < 20_000.0);
//! ```

use crate::estimator::{Claim, Estimator, LogWeights, Query, Work};
use crate::target::Target;
use pathscore_autodiff::{Grads, Scalar, Tape, Var};
use pathscore_models::RandomSource;
use pathscore_models::dist::{Distribution, Reparam};
use pathscore_models::latent::LatentModel;

/// $\frac{|\Omega|}{N} \sum_i \nabla[p(x \mid z_i)\,p(z_i)]$ with $z_i$ uniform on the box $\Omega$.
///
/// Unbiased for the gradient of $\int_\Omega p(x \mid z)\,p(z)\,\mathrm dz$, which is $p(x)$ but for what lies
/// outside. Without the volume $|\Omega|$ it would be off by that factor. For continuous latents; needs neither a
/// sampler of the prior nor that it be normalised, and is the first to fail in many dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct UniformBox {
    /// The lower and the upper end in each coordinate.
    pub sides: Vec<[f64; 2]>,
}

/// $\frac1N \sum_i p(x \mid z_i)\,\nabla \ln p(x, z_i)$ with $z_i \sim p(z)$.
///
/// Unbiased for $\nabla p(x)$: the likelihood's own gradient is $p(x \mid z)\,\nabla\ln p(x \mid z)$, and the prior's
/// comes through its score. For latents of any kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorScore;

/// $\frac1N \sum_i \nabla p(x \mid z_i)$ with $z_i$ drawn from $p(z)$ along the path.
///
/// Unbiased for $\nabla p(x)$ if $p(x \mid z)$ is smooth in $z$; the prior's gradient comes through
/// $\partial_z p(x \mid z)$. Prefer it to [`PriorScore`] for the parameters of a normal prior.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorPath;

/// $\sum_i \tilde w_i \nabla \ln p(x, z_i)$ with $z_i \sim p(z)$ and $\tilde w_i = p(x \mid z_i)/\sum_j p(x \mid z_j)$.
///
/// By Fisher's identity $\nabla \ln p(x) = E_{p(z \mid x)} \nabla \ln p(x, z)$, and the weighted draws stand for the
/// posterior: biased by $O(1/N)$, as is every ratio of means. The value is $\ln\frac1N\sum_i p(x \mid z_i)$, whose
/// mean is below $\ln p(x)$. With draws from $q$ instead of the prior it is the first half of
/// [`Wake`](crate::score::Wake).
#[derive(Clone, Copy, Debug, Default)]
pub struct SelfNormalised;

/// What the last estimate of this module saw, as means over its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportanceStats {
    /// $\ln\frac1N\sum_i$ of the draws' weights: of $p(x)$, and finite where that underflows.
    pub log_likelihood: f64,
    /// $1/\sum_i \tilde w_i^2$, the number of draws that count.
    pub effective_draws: f64,
}

/// Reads what the last estimate of this module saw.
pub fn stats<F: Scalar>(work: &Work<F>) -> ImportanceStats {
    let [rows, log_likelihood, effective_draws] = work.stats[..] else {
        panic!("the last estimate was none of a likelihood's");
    };
    ImportanceStats {
        log_likelihood: log_likelihood / rows,
        effective_draws: effective_draws / rows,
    }
}

/// Of which value a gradient is taken.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// $\frac1N \sum_i e^{l_i}$.
    Mean,
    /// Its logarithm.
    Log,
}

/// Pulls $\sum_i s_i \nabla l_i$ back, with $s_i$ the weight $e^{w_i}$ over $N$, or over the sum of all; returns the
/// value, summed over the batch. `weights` are the values of $w$, of shape `[draws, batch]` as `terms`, $l$.
fn pull<F: Scalar>(
    tape: &Tape<F>,
    grads: &mut Grads<F>,
    report: &mut Vec<f64>,
    (terms, weights): (Var<'_, F>, Var<'_, F>),
    batch: usize,
    scale: F,
    of: Of,
) -> F {
    let weights = weights.value();
    let draws = weights.values().len() / batch.max(1);
    let zeros = vec![F::ZERO; weights.values().len()];
    let w = LogWeights::new(draws, batch, weights.values(), &zeros);
    let mut cotangents = zeros.clone();
    let (mut value, mut logs, mut effective) = (F::ZERO, 0.0, 0.0);
    for b in 0..batch {
        let (share, log_mean) = (w.normalised(b), w.bound(b));
        let whole = if of == Of::Mean { log_mean.exp() } else { F::ONE };
        for k in 0..draws {
            cotangents[k * batch + b] = scale * whole * share(k);
        }
        value += if of == Of::Mean { whole } else { log_mean };
        logs += log_mean.to_f64();
        effective += w.effective_draws(b).to_f64();
    }
    tape.pull_into(&[(terms, &cotangents)], &[], grads);
    report.clear();
    report.extend([batch as f64, logs, effective]);
    value
}

/// Draws from the prior for every row: `count` numbers of the first axis for each of `batch` rows, of shape
/// `[count, batch, latents]`.
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
        pull(tape, grads, stats, (joint, joint), batch, scale, Of::Mean)
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for PriorScore {
    fn target(&self) -> Target {
        Target::Likelihood
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        scored(query, rng, work, Of::Mean)
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
        scored(query, rng, work, Of::Log)
    }
}

/// Draws from the prior, weighted by the likelihood, through the score of the joint probability.
fn scored<F: Scalar, M: LatentModel<F>, R: RandomSource>(
    query: Query<F, M>,
    rng: &mut R,
    work: &mut Work<F>,
    of: Of,
) -> F {
    let Query { model, params, batch, samples, scale, .. } = query;
    work.tape.clear();
    let Work { tape, grads, stats, .. } = work;
    let (params, x) = (params.on(tape), query.rows(tape));
    let prior = model.prior(params);
    let z = for_rows(prior.sample(samples * batch, rng), samples, batch);
    let likelihood = model.log_likelihood(params, x, z);
    let joint = likelihood + prior.log_prob(z);
    pull(tape, grads, stats, (joint, likelihood), batch, scale, of)
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
        let likelihood = model.log_likelihood(params, x, for_rows(drawn, samples, batch));
        pull(tape, grads, stats, (likelihood, likelihood), batch, scale, Of::Mean)
    }
}
