//! Markovian score climbing (Naesseth, Lindsten and Blei 2020).

use super::row_chains::RowChains;
use crate::estimator::{
    Claim, Estimator, LogWeights, Query, Work, copy_values, record_stats, require_samples,
};
use crate::samplers::into_shares;
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;

/// Score climbing with conditional importance sampling: the model climbs $\ln p(x)$, and $q$ the *inclusive* divergence.
///
/// Each row has a Markov chain. Its position $z_1$ and $K - 1$ fresh draws $z_2, \dots, z_K$ from $q(z \mid x)$ are the
/// candidates of a step of [`ConditionalImportance`](crate::samplers::ConditionalImportance), which leaves $p(z \mid x)$ invariant, and
///
/// $$\nabla_\theta: \sum_k \tilde w_k \nabla \ln p(x, z_k), \qquad
///   \nabla_\varphi: \sum_k \tilde w_k \nabla \ln q(z_k \mid x), \qquad \tilde w_k = \frac{w_k}{\sum_j w_j}.$$
///
/// These are the means over the next position of the chain, given the candidates; the paper takes the position itself, which
/// has more variance. The columns are those of [`Wake`](crate::score::Wake), and the chain is the only difference: without it
/// the weights are biased by $O(1/K)$ for ever, and with it the bias vanishes for *every* $K \ge 2$ as the chain forgets its start. In the law of
/// the posterior the mean is $\nabla \ln p(x)$ for the model (Fisher's identity) and $-\nabla_\varphi \mathrm{KL}(p(z \mid x)
/// \Vert q)$ for $q$, which covers every mode. While the parameters move, the chains lag behind as those of
/// [`PosteriorChains`](super::PosteriorChains) do, so it is *biased*.
///
/// The chains are the state of a shard ([`Work::state`]); a chain begins at a draw from $q$, and anew if another row comes to its
/// place of the batch. The value is $\ln\frac1{K - 1}\sum_{k \ge 2} w_k$ of the fresh draws, whose mean is $L_{K - 1}$. Latents
/// may be of any kind. It costs $K - 1$ draws and $K$ evaluations. Prefer it to [`Wake`](crate::score::Wake) for small $K$.
///
/// ```
/// use pathscore_estimators::likelihood::ScoreClimbing;
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_models::{Params, latent::SmallBelief, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = SmallBelief::known(&mut params, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 1.0], 3);
/// let mut sum = 0.0;
/// for _ in 0..4000 {
///     ScoreClimbing.estimate(query, rng, &mut work);
///     sum += work.gradient(1)[0];
/// }
/// // The derivative of −KL(p(z|x) ‖ q) by the first logit of q; with three draws `Wake` has −0.119.
/// assert!((sum / 4000.0 + 0.208381).abs() < 0.03);
/// ```
#[doc(alias = "MSC")]
#[doc(alias = "joint stochastic approximation")]
#[derive(Clone, Copy, Debug, Default)]
pub struct ScoreClimbing;

/// The working memory of [`ScoreClimbing`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// The candidates of all rows, of shape `[samples, batch, latents]`.
    z: Vec<F>,
    /// The probabilities of the candidates of a row.
    shares: Vec<f64>,
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for ScoreClimbing {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
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
        work.tape.clear();
        let Work { tape, grads, stats, scratch, state, cotangents, log_joint, log_q, .. } = work;
        let Scratch { z, shares } = scratch.of::<Scratch<F>>();
        let chains = state.of::<RowChains>();
        let (bound, x) = (params.on(tape), query.rows(tape));
        let q = model.posterior(bound, x);
        z.clear();
        let mut starts = None;
        let latents = model.prior(bound).shapes().whole().size();
        chains.begin_rows(data, batch, [1, latents], |chains, row| {
            let start = *starts.get_or_insert_with(|| q.sample(1, rng));
            start.with(|z| chains.set(row, batch, z));
        });
        let fresh = q.sample(samples - 1, rng);
        z.resize(batch * latents, F::ZERO);
        chains.write(batch, z);
        fresh.with(|fresh| z.extend_from_slice(fresh));
        let candidates = tape.constant(z, [samples, batch, latents]);
        let [of_joint, of_q] = [model.log_joint(bound, x, candidates), q.log_prob(candidates)];
        copy_values(of_joint, log_joint);
        copy_values(of_q, log_q);
        let w = LogWeights::new(samples, batch, log_joint, log_q);
        cotangents.resize(&w);
        for b in 0..batch {
            shares.clear();
            shares.extend((0..samples).map(|k| w.log_weight(k, b).to_f64()));
            into_shares(shares);
            cotangents.fill_member(&w, b, |k| {
                let share = scale * F::from_f64(shares[k]);
                (share, share)
            });
            // A weight that is NaN shows in the gradient; the chain waits for better parameters.
            let next = if shares[0].is_nan() { 0 } else { rng.categorical(shares) };
            let from = &z[(next * batch + b) * latents..][..latents];
            let to = chains.of_chain(b, 0);
            to.iter_mut().zip(from).for_each(|(to, z)| *to = z.to_f64());
        }
        let of_fresh = LogWeights::new(samples - 1, batch, &log_joint[batch..], &log_q[batch..]);
        let value = (0..batch).map(|b| of_fresh.bound(b)).sum();
        let pulled = [(of_joint, &cotangents.log_joint[..]), (of_q, &cotangents.log_q[..])];
        tape.pull_into(&pulled, &[], grads);
        record_stats(stats, batch, value)
    }
}
