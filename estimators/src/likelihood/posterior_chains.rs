//! Fisher's identity by Markov chains over the latents of each row.

use super::row_chains::RowChains;
use crate::estimator::{Claim, Estimator, Query, Work, record_stats, require_samples};
use crate::samplers::{LatentPosterior, Memories, MetropolisState, Position, Sampler};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Distribution, Reparam};
use pathscore_models::latent::LatentModel;

/// The gradient of $\ln p(x)$ by Fisher's identity, with draws from the posterior by Markov chain Monte Carlo.
///
/// $$\nabla \ln p(x) = E_{p(z \mid x)} \nabla \ln p(x, z) \approx \frac1K \sum_k \nabla \ln p(x, z_k),$$
///
/// because $\nabla p(x) = \int \nabla p(x, z) \mathrm dz = \int p(x, z) \nabla \ln p(x, z) \mathrm dz$. Each row has $K$ chains
/// (the query's `samples`), which make `steps` transitions of the `sampler` on $\ln p(x, \cdot)$ before each gradient. A chain
/// begins at a draw from $q(z \mid x)$, which has no other part and no gradient.
///
/// *The parameters move while the chains run.* Both $p(x \mid z)$ and the prior $p(z)$ change from step to step, and with
/// them the law that the chains should have. Nothing in the gradient accounts for that, and nothing needs to: $z_k$ is a
/// constant, whose dependence on earlier parameters is no path of the gradient. Every transition leaves the posterior at the
/// *current* parameters invariant; only the point where it starts comes from the posterior of the last step. If learning
/// moves that posterior by less than `steps` transitions make good, the chains follow it (Younes 1989 for decreasing rates
/// of learning), so a persistent chain is a warm start and not an approximation of its own. If the rate is too large for the
/// sampler, the chains lag behind, and the gradient has a *bias*, which shrinks with the rate and with more `steps`.
///
/// The chains are the state of a shard ([`Work::state`]) and part of a checkpoint. They stay with a row as long as it is at
/// the same place of the batch; with other rows in each step (mini-batches) they begin anew at $q$, and `steps` must be
/// enough from there. The value is $\frac1K \sum_k \ln p(x, z_k)$, which is above no and below no $\ln p(x)$: it is the
/// function that EM maximises, without the entropy of the posterior. It costs $K \cdot$ `steps` transitions for each row.
///
/// The sampler is one of continuous latents that accepts or rejects: [`RandomWalk`](crate::samplers::RandomWalk),
/// [`Mala`](crate::samplers::Mala), [`Hmc`](crate::samplers::Hmc). Its scale is fixed; [`chain_acceptance`] tells whether it fits. Prefer
/// it to a bound where $q$ is poor or missing, and [`MonteCarloEm`](super::MonteCarloEm) where the M step is known.
///
/// ```
/// use pathscore_estimators::likelihood::{PosteriorChains, chain_acceptance};
/// use pathscore_estimators::{Estimator, Query, Work, samplers::Mala};
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.5, 0.2], 0.5, rng);
/// let query = Query::new(&model, &params, &[1.0], 500);
/// let estimator = PosteriorChains { sampler: Mala::new(0.6), steps: 20 };
/// estimator.estimate(query, rng, &mut work);
/// // ∂ ln p(x)/∂w is −0.4185; the standard error of 500 draws is 0.05.
/// assert!((work.gradient(4)[2] + 0.4185).abs() < 0.2);
/// assert!(chain_acceptance(&work) > 0.5);
/// ```
#[doc(alias = "Fisher identity")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PosteriorChains<S> {
    /// The transition.
    pub sampler: S,
    /// The number of transitions of each chain before each gradient.
    pub steps: usize,
}

/// The share of transitions that were accepted in the last estimate of [`PosteriorChains`].
///
/// # Panics
/// If the last estimate that used `work` was none of [`PosteriorChains`].
pub fn chain_acceptance<F: Scalar>(work: &Work<F>) -> f64 {
    let [_, _, accepted, transitions] = work.stats[..] else {
        panic!("the last estimate was not one of posterior chains");
    };
    accepted / transitions
}

/// The working memory of [`PosteriorChains`].
#[derive(Debug, Default)]
struct Scratch<F: Scalar> {
    memories: Memories<F>,
    chain: Option<MetropolisState>,
    cotangents: Vec<F>,
}

impl<F, M, S> Estimator<F, M> for PosteriorChains<S>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Prior<'t>: Reparam<'t, F>,
    S: for<'a> Sampler<LatentPosterior<'a, F, M>, State = MetropolisState> + Sync,
{
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, x: data, batch, samples, scale } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, scratch, state, .. } = work;
        let Scratch { memories, chain, cotangents } = scratch.of::<Scratch<F>>();
        let chains = state.of::<RowChains>();
        let (bound, x) = (params.on(tape), query.rows(tape));
        let latents = model.prior(bound).shapes().whole().size();
        let mut drawn = None;
        chains.begin_rows(data, batch, [samples, latents], |chains, row| {
            let z = *drawn.get_or_insert_with(|| model.posterior(bound, x).sample(samples, rng));
            z.with(|z| chains.set(row, batch, z));
        });
        let columns = data.len() / batch.max(1);
        let mut accepted = 0;
        for row in 0..batch {
            let x = &data[row * columns..][..columns];
            let target = LatentPosterior::in_memory(model, params, x, latents, memories);
            for index in 0..samples {
                let at = chains.of_chain(row, index);
                let chain = restarted(&self.sampler, &target, chain, at, rng);
                let step = |_: &usize| self.sampler.step(&target, chain, rng).accepted;
                accepted += (0..self.steps).filter(step).count();
                at.copy_from_slice(chain.position());
            }
        }
        let z = tape.constant_with([samples, batch, latents], |out| chains.write(batch, out));
        let log_joint = model.log_joint(bound, x, z);
        cotangents.clear();
        cotangents.resize(samples * batch, scale / F::from_f64(samples as f64));
        tape.pull_into(&[(log_joint, &cotangents[..])], &[], grads);
        let sum = log_joint.with(|values| values.iter().copied().sum::<F>());
        let value = record_stats(stats, batch, sum / F::from_f64(samples as f64));
        stats.extend([accepted as f64, (samples * batch * self.steps) as f64]);
        value
    }
}

/// A chain that is at a position, in the memory of the last one.
pub(super) fn restarted<'c, T, S: Sampler<T>, R: RandomSource>(
    sampler: &S,
    target: &T,
    chain: &'c mut Option<S::State>,
    position: &[f64],
    rng: &mut R,
) -> &'c mut S::State {
    if chain.as_ref().is_none_or(|chain| chain.position().len() != position.len()) {
        return chain.insert(sampler.init(target, position, rng));
    }
    let chain = chain.as_mut().expect("there is a chain of this length");
    sampler.restart(target, position, chain, rng);
    chain
}
