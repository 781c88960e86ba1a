//! Antithetic pairs of bits: augment–REINFORCE–merge (Yin and Zhou 2019) and what is left of it when
//! the uniform number is averaged out (Dong, Mnih and Tucker 2020; Yin and others 2020).

use crate::estimator::{Estimator, Query, Work};
use pathscore_autodiff::Scalar;
use pathscore_models::Chance;
use pathscore_models::dist::{Bernoulli, Distribution};
use pathscore_models::latent::LatentModel;

/// ARM: $\nabla_\eta E f = E_u[(f(b) - f(\tilde b))(u - \tfrac12)]$ with $b = [u > \sigma(-\eta)]$ and
/// $\tilde b = [u < \sigma(\eta)]$, a uniform number for each bit (Yin and Zhou 2019).
///
/// Unbiased for the ELBO's gradient with Bernoulli latents, the mean of $K$ pairs; the model's
/// parameters see both of a pair. Costs $2K$ evaluations. [`DisArm`] costs the same and never has the
/// larger variance: prefer it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arm;

/// DisARM, also U2G: the mean of [`Arm`] given the pair, which is all that $f$ saw of the uniform number,
/// $\tfrac12 (f(b) - f(\tilde b))\,(-1)^{\tilde b}\,[b \ne \tilde b]\,\sigma(|\eta|)$.
///
/// Unbiased for the ELBO's gradient with Bernoulli latents, the mean of $K$ pairs; the model's
/// parameters see both of a pair. Costs $2K$ evaluations. Needs no baseline and learns nothing: a first
/// choice for bits where $f$ is nearly linear and two evaluations can be afforded.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, both::DisArm};
/// use pathscore_models::{Params, latent::BernoulliToy, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = BernoulliToy::new(&mut params, 0.0, 0.45, rng);
/// DisArm.estimate(Query::new(&model, &params, &[0.0], 1), rng, &mut work);
/// // At logit 0 every pair differs, and one pair is enough: p(1 − p)(1 − 2t).
/// assert!((work.gradient(1)[0] - 0.025).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DisArm;

/// Two values of a bit, each with its own distribution, and what $f(b) - f(\tilde b)$ is multiplied by.
struct Pair {
    bits: [bool; 2],
    weight: f64,
}

impl Arm {
    fn pair<R: Chance>(p: f64, rng: &mut R) -> Pair {
        let u = rng.unit_cut(&[p.min(1.0 - p), p.max(1.0 - p)]);
        Pair { bits: [u > 1.0 - p, u < p], weight: u - 0.5 }
    }
}

impl DisArm {
    fn pair<R: Chance>(p: f64, rng: &mut R) -> Pair {
        let least = p.min(1.0 - p);
        let half = 0.5 * p.max(1.0 - p);
        match rng.class(&[1.0 - 2.0 * least, least, least]) {
            0 => Pair { bits: [p > 0.5; 2], weight: 0.0 },
            1 => Pair { bits: [true, false], weight: half },
            _ => Pair { bits: [false, true], weight: -half },
        }
    }
}

/// The gradient from `query.samples` pairs for each member.
fn estimate<F, M, R>(
    query: Query<F, M>,
    rng: &mut R,
    work: &mut Work<F>,
    pair: impl Fn(f64, &mut R) -> Pair,
) -> F
where
    F: Scalar,
    M: for<'t> LatentModel<F, Posterior<'t> = Bernoulli<'t, F>>,
    R: Chance,
{
    let Query { model, params, x, batch, samples, scale } = query;
    assert!(samples >= 1, "this estimator needs at least 1 sample, not {samples}");
    work.tape.clear();
    let Work { tape, grads, seen, .. } = work;
    let params = params.on(tape);
    let x = tape.constant(x, [batch, x.len() / batch.max(1)]);
    let q = model.posterior(params, x);
    let probs = q.detach().probs().value();
    let latents = probs.values().len() / batch.max(1);

    // The first `samples` draws are the b, the others their partners.
    let one_side = samples * batch * latents;
    let mut weights = vec![0.0; one_side];
    let z = tape.constant_with([2 * samples, batch, latents], |z| {
        let (first, second) = z.split_at_mut(one_side);
        let bits = first.iter_mut().zip(second).zip(&mut weights);
        for (((b, partner), weight), p) in bits.zip(probs.values().iter().cycle()) {
            let pair = pair(p.to_f64(), rng);
            [*b, *partner] = pair.bits.map(|bit| if bit { F::ONE } else { F::ZERO });
            *weight = pair.weight;
        }
    });
    let joint = model.log_joint(params, x, z);
    let f = (joint.detach() - q.detach().log_prob(z)).value();
    let f = f.values();

    // η̄ = Σ (f(b) − f(b̃)) · weight / K; the term −∇ ln q of ∇f has mean zero and is left out.
    let share = scale / F::from_f64(samples as f64);
    let half = F::from_f64(0.5);
    let mut logits = vec![F::ZERO; batch * latents];
    for (row, weights) in weights.chunks_exact(latents.max(1)).enumerate() {
        let difference = share * (f[row] - f[row + samples * batch]);
        let at = row % batch * latents;
        for (seed, &weight) in logits[at..].iter_mut().zip(weights) {
            *seed += difference * F::from_f64(weight);
        }
    }
    let shares = vec![half * share; f.len()];
    tape.pull_into(&[(joint, &shares), (q.logits(), &logits)], &[], grads);
    let bound = f.iter().copied().sum::<F>() * half / F::from_f64(samples as f64);
    seen.clear();
    seen.extend([batch as f64, bound.to_f64()]);
    bound
}

impl<F, M> Estimator<F, M> for Arm
where
    F: Scalar,
    M: for<'t> LatentModel<F, Posterior<'t> = Bernoulli<'t, F>>,
{
    fn estimate<R: Chance>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        estimate(query, rng, work, Self::pair)
    }
}

impl<F, M> Estimator<F, M> for DisArm
where
    F: Scalar,
    M: for<'t> LatentModel<F, Posterior<'t> = Bernoulli<'t, F>>,
{
    fn estimate<R: Chance>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        estimate(query, rng, work, Self::pair)
    }
}
