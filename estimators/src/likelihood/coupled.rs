//! Unbiased gradients of $\ln p(x)$ by pairs of Markov chains that meet (Ruiz, Titsias, Cemgil and Doucet 2021).

use crate::estimator::{Estimator, Query, Work, record_stats, require_samples};
use crate::samplers::{
    Candidates, ConditionalImportance, LatentPosterior, Memories, Position, Sampler, WeightedDraws,
};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;

/// Coupled conditional importance sampling: two chains over the latents of each row, the second a step behind the first, which
/// share their fresh draws until they meet.
///
/// Let $z_0, z_1, \dots$ be a chain of [`ConditionalImportance`] with $K$ candidates (the query's `samples`) from $z_0 \sim q$, and $\bar
/// z_0, \bar z_1, \dots$ another of the same law. A telescoping sum (Glynn and Rhee 2014; Jacob, O'Leary and Atchadé 2020) has the mean of
/// the limit: with $h(z) = \nabla \ln p(x, z)$,
///
/// $$h(z_k) + \sum_{t > k} \bigl[h(z_t) - h(\bar z_{t - 1})\bigr], \qquad
/// E = E h(z_k) + \sum_{t > k} \bigl[E h(z_t) - E h(z_{t - 1})\bigr] = E_{p(z \mid x)} \nabla \ln p(x, z) = \nabla \ln p(x),$$
///
/// for any `burn_in` $k$, and the terms vanish once $z_t = \bar z_{t - 1}$, at the meeting time $\tau$. The pairs $(z_t, \bar z_{t - 1})$ move by
/// [`ConditionalImportance::coupled_step`]. The estimate is the mean of such sums for $k$ and the `average` $- 1$ numbers after it, which costs
/// little more than one. Of every step the mean over its choice is taken, $\sum_i \tilde w_i h(z_i)$ over the candidates, instead of
/// the chosen one, and the first of the fresh draws of the first step is $\bar z_0$.
///
/// It is *unbiased* for the parameters of the model. That of $q$ is zero, since $\ln p(x)$ does not depend on $q$, so models whose posterior has
/// parameters of its own need another estimator for these. Latents may be of any kind. The weights must be bounded, or nearly: the tail
/// of $\tau$ is that of the rarest position that a chain does not leave, and variance and cost are finite only if it is light. A row costs
/// about $(K - 1) \max(\tau, k + \text{average})$ draws; [`meeting_time`] tells $\tau$. A row whose chains have not met after 65536 steps, or that has a weight of NaN, gives NaN.
///
/// The value is the same sum for $h(z) = \ln p(x, z)$, unbiased for $E_{p(z \mid x)} \ln p(x, z)$ and not for $\ln p(x)$. Prefer
/// [`Multilevel`](super::Multilevel) where the value counts, and this estimator where weights are bounded: its variance does not grow with
/// rare levels.
///
/// ```
/// use pathscore_estimators::likelihood::{CoupledChains, meeting_time};
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_models::{Params, latent::SmallBelief, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = SmallBelief::known(&mut params, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 1.0], 4);
/// let (mut sum, mut time) = (0.0, 0.0);
/// for _ in 0..4000 {
///     CoupledChains::default().estimate(query, rng, &mut work);
///     sum += work.gradient(params.len())[10];
///     time += meeting_time(&work) / 4000.0;
/// }
/// // ∂ ln p(x) by the first bias, and a meeting after two steps or so.
/// assert!((sum / 4000.0 - 0.4516).abs() < 0.05, "{}", sum / 4000.0);
/// assert!(time > 1.0 && time < 3.0, "{time}");
/// ```
#[doc(alias = "unbiased MCMC")]
#[doc(alias = "coupled CIS")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoupledChains {
    /// $k$, the number of steps of the first chain before its positions count.
    pub burn_in: usize,
    /// The number of positions that are averaged, at least one.
    pub average: usize,
}

impl Default for CoupledChains {
    /// No burn-in, and no average.
    fn default() -> Self {
        Self { burn_in: 0, average: 1 }
    }
}

/// The mean over the rows of the time at which the chains of the last estimate of [`CoupledChains`] met.
///
/// # Panics
/// If the last estimate that used `work` was none of [`CoupledChains`].
pub fn meeting_time<F: Scalar>(work: &Work<F>) -> f64 {
    let [rows, _, time] = work.stats[..] else {
        panic!("the last estimate was not one of coupled chains");
    };
    time / rows
}

/// The most steps of a pair.
const MOST_STEPS: usize = 1 << 16;

/// The terms $c h(z)$ of the estimate of a row.
#[derive(Debug, Default)]
struct Terms {
    positions: Vec<f64>,
    factors: Vec<f64>,
}

impl Terms {
    fn push(&mut self, factor: f64, position: &[f64]) {
        if factor != 0.0 {
            self.factors.push(factor);
            self.positions.extend_from_slice(position);
        }
    }

    /// Adds $c \sum_i \tilde w_i h(z_i)$ over the candidates of the last step of `chain`, which began at `before`; the fresh draws
    /// are those of `fresh`.
    fn push_candidates(
        &mut self,
        factor: f64,
        before: &[f64],
        chain: &Candidates,
        fresh: &Candidates,
    ) {
        for (i, share) in chain.shares().iter().enumerate() {
            let z = if i == 0 { before } else { fresh.draw(i - 1) };
            self.push(factor * share, z);
        }
    }
}

/// The working memory of [`CoupledChains`].
#[derive(Debug, Default)]
struct Scratch<F: Scalar> {
    memories: Memories<F>,
    pair: Option<[Candidates; 2]>,
    /// The positions of both chains before a step.
    before: [Vec<f64>; 2],
    /// The terms of each row.
    rows: Vec<Terms>,
    cotangents: Vec<F>,
}

impl CoupledChains {
    /// The factor of $h(z_t)$ in the mean of the positions.
    fn of_mean(self, t: usize) -> f64 {
        let counts = (self.burn_in..self.burn_in + self.average).contains(&t);
        if counts { 1.0 / self.average as f64 } else { 0.0 }
    }

    /// The factor of $h(z_t) - h(\bar z_{t-1})$: the share of the sums that begin before $t$.
    fn of_difference(self, t: usize) -> f64 {
        (t.saturating_sub(self.burn_in) as f64 / self.average as f64).min(1.0)
    }

    /// Runs a pair of chains, fills `terms`, and returns the meeting time; none if the chains do not meet.
    fn run<T: WeightedDraws, R: RandomSource>(
        self,
        target: &T,
        draws: usize,
        pair: &mut Option<[Candidates; 2]>,
        before: &mut [Vec<f64>; 2],
        terms: &mut Terms,
        rng: &mut R,
    ) -> Option<usize> {
        let sampler = ConditionalImportance { draws };
        let dim = target.dim();
        // z₀ is a draw from q.
        before[0].resize(dim, 0.0);
        target.draw_weighted(&mut before[0], &mut [0.0], rng);
        let pair = match pair {
            Some(pair) if pair[0].position().len() == dim => {
                sampler.restart(target, &before[0], &mut pair[0], rng);
                pair
            }
            _ => pair.insert([(); 2].map(|()| sampler.init(target, &before[0], rng))),
        };
        terms.factors.clear();
        terms.positions.clear();
        terms.push(self.of_mean(0), &before[0]);
        // z₁, whose first fresh draw is the start of the other chain.
        sampler.step(target, &mut pair[0], rng);
        let factor = self.of_mean(1) + self.of_difference(1);
        terms.push_candidates(factor, &before[0], &pair[0], &pair[0]);
        before[1].clear();
        before[1].extend_from_slice(pair[0].draw(0));
        terms.push(-self.of_difference(1), &before[1]);
        sampler.restart(target, &before[1], &mut pair[1], rng);
        let mut met = (pair[0].position() == pair[1].position()).then_some(1);
        for t in 2..MOST_STEPS {
            if met.is_some() && t >= self.burn_in + self.average {
                return met;
            }
            for (before, chain) in before.iter_mut().zip(&*pair) {
                before.copy_from_slice(chain.position());
            }
            let meets = sampler.coupled_step(target, pair, rng);
            let [one, other] = &*pair;
            if one.shares().iter().chain(other.shares()).any(|share| share.is_nan()) {
                return None;
            }
            let difference = if met.is_none() { self.of_difference(t) } else { 0.0 };
            terms.push_candidates(self.of_mean(t) + difference, &before[0], one, one);
            terms.push_candidates(-difference, &before[1], other, one);
            met = met.or(meets.then_some(t));
        }
        None
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for CoupledChains {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn min_samples(&self) -> usize {
        2
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, x: data, batch, samples, scale } = query;
        require_samples(samples, 2);
        assert!(self.average > 0, "coupled chains: the average of no positions");
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let Scratch { memories, pair, before, rows, cotangents } = scratch.of::<Scratch<F>>();
        let columns = data.len() / batch.max(1);
        if rows.len() < batch {
            rows.resize_with(batch, Terms::default);
        }
        let (bound, x) = (params.on(tape), query.rows(tape));
        let latents = model.prior(bound).shapes().whole().size();
        let mut time = 0.0;
        for (row, terms) in rows.iter_mut().enumerate().take(batch) {
            let x = &data[row * columns..][..columns];
            let target = LatentPosterior::in_memory(model, params, x, latents, memories);
            match self.run(&target, samples, pair, before, terms, rng) {
                Some(meeting) => time += meeting as f64,
                None => {
                    time += MOST_STEPS as f64;
                    // One term says so; thousands would be evaluated for every row of the batch.
                    terms.factors.clear();
                    terms.positions.clear();
                    terms.factors.push(f64::NAN);
                    terms.positions.extend_from_slice(&before[0]);
                }
            }
        }
        let rows = &rows[..batch];
        let most = rows.iter().map(|terms| terms.factors.len()).max().unwrap_or(0);
        // Rows with fewer terms repeat their first with a factor of zero.
        let z = tape.constant_with([most, batch, latents], |out| {
            for (at, to) in out.chunks_exact_mut(latents).enumerate() {
                let Terms { positions, factors } = &rows[at % batch];
                let term = if at / batch < factors.len() { at / batch } else { 0 };
                let from = &positions[term * latents..][..latents];
                to.iter_mut().zip(from).for_each(|(to, &z)| *to = F::from_f64(z));
            }
        });
        let log_joint = model.log_joint(bound, x, z);
        let factor = |at: usize| rows[at % batch].factors.get(at / batch).copied().unwrap_or(0.0);
        cotangents.clear();
        cotangents.extend((0..most * batch).map(|at| scale * F::from_f64(factor(at))));
        tape.pull_into(&[(log_joint, &cotangents[..])], &[], grads);
        let value = log_joint.with(|values| {
            let terms = values.iter().enumerate().map(|(at, value)| (factor(at), *value));
            let terms = terms.filter(|(factor, _)| *factor != 0.0);
            terms.map(|(factor, value)| F::from_f64(factor) * value).sum::<F>()
        });
        record_stats(stats, batch, value);
        stats.push(time);
        value
    }
}
