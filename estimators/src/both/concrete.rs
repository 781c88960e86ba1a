//! Relaxed bits, and bits with the derivative of a relaxation: biased estimators of small variance.

use super::noise::{Noise, logistic};
use crate::estimator::{Claim, Estimator, Query, Work, record_stats, require_samples};
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bernoulli, Bits, Entropy};
use pathscore_models::latent::LatentModel;

/// The binary Concrete, or Gumbel-softmax, relaxation: $\zeta = \sigma\big((\eta + \ln\frac{u}{1 - u})/\tau\big)$
/// in place of the bits (Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017).
///
/// It is *biased* for the gradient of the ELBO, and unbiased, along the path, for the gradient of the relaxed
/// objective
///
/// $$J_\tau = E_u \ln p(x, \zeta) + H(q),$$
///
/// whose entropy is that of the bits. $J_\tau$ tends to the ELBO for $\tau \to 0$, while the variance of the
/// gradient grows as $1/\tau$. The model is trained on values between zero and one, and the value that
/// is reported is $J_\tau$, not the ELBO. Columns: $a = 1/K$ along the path of $\zeta_k$, one on the entropy.
/// It costs one evaluation. Prefer it where some bias does no harm; [`Rebar`](super::Rebar) removes the bias
/// at the price of a second evaluation.
///
/// ```
/// use pathscore_estimators::both::Concrete;
/// use pathscore_estimators::{Claim, Estimator, Query, Work};
/// use pathscore_models::{Params, latent::SmallBelief, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = SmallBelief::known(&mut params, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 1.0], 2000);
/// let bound = Concrete { temperature: 0.1 }.estimate(query, rng, &mut work);
/// // The ELBO is −2.6888; the bias at this temperature and the noise of 2000 draws are both small.
/// assert!((bound + 2.6888).abs() < 0.1);
/// ```
#[doc(alias = "Gumbel-softmax")]
#[doc(alias = "relaxed Bernoulli")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concrete {
    /// $\tau$.
    pub temperature: f64,
}

/// The straight-through estimator: the model is evaluated at bits, and differentiated as if they were smooth functions
/// $\zeta$ of the logits.
///
/// $$\bar\eta = \frac1K \sum_k \frac{\partial \ln p(x, z)}{\partial z}\Big|_{b_k}
///   \frac{\partial \zeta_k}{\partial \eta} + \nabla H(q)$$
///
/// with $\zeta = \sigma(\eta)$, the probabilities (Bengio, Léonard and Courville 2013), or $\zeta$ of
/// [`Concrete`], from the same noise as the bits (Jang, Gu and Poole 2017).
///
/// It is *biased* for the posterior's gradient: it uses the derivative *at* the bits where the gradient has the
/// difference *between* them, and is in general the gradient of no objective. With the probabilities for $\zeta$ it is
/// unbiased where $\ln p(x, z)$ is linear in each bit; with the relaxation it is biased even there. The
/// model is evaluated at bits, so that the gradient of its parameters is unbiased, as is the value. The columns
/// are those of [`Concrete`]. It costs one evaluation. Prefer it for first experiments: no other estimator has so
/// little noise for so little work.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, both::StraightThrough};
/// use pathscore_models::{Params, latent::BernoulliToy, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = BernoulliToy::new(&mut params, 0.0, 0.45, rng);
/// let query = Query::new(&model, &params, &[0.0], 1);
/// StraightThrough::default().estimate(query, rng, &mut work);
/// // The slope of (b − t)² is 1.1 or −0.9, times p(1 − p); the gradient is 0.025.
/// let found = work.gradient(1)[0];
/// assert!((found - 0.275).abs() < 1e-15 || (found + 0.225).abs() < 1e-15);
/// ```
#[doc(alias = "STE")]
#[doc(alias = "straight-through estimator")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StraightThrough {
    /// $\tau$ of the relaxation that is differentiated; without it, the probabilities are.
    pub temperature: Option<f64>,
}

/// The working memory of [`Concrete`] and [`StraightThrough`].
#[derive(Debug, Default)]
struct Scratch<F> {
    noise: Noise<F>,
    /// The cotangent of the entropy.
    entropy: Vec<F>,
}

/// The function of the logits that replaces the bits.
#[derive(Clone, Copy)]
struct Surrogate {
    /// $\tau$ of the relaxation; without it, derivatives go through the probabilities.
    temperature: Option<f64>,
    /// True if the model is evaluated at bits, and only differentiated through the surrogate.
    straight_through: bool,
}

impl Surrogate {
    /// $\frac1K \sum_k \ln p(x, z_k) + H(q)$ and its derivative along the path of $z_k$.
    fn estimate<F, M, R>(self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F
    where
        F: Scalar,
        M: LatentModel<F>,
        for<'t> M::Posterior<'t>: Bits<'t, F>,
        R: RandomSource,
    {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Scratch { noise, entropy: of_entropy } = scratch.of::<Scratch<F>>();
        let params = params.on(tape);
        let x = query.rows(tape);
        let eta = model.posterior(params, x).logits();
        let noisy = eta + logistic(eta, samples, rng, noise);
        let soft = match self.temperature {
            Some(temperature) => (noisy * F::from_f64(1.0 / temperature)).sigmoid(),
            None => eta.sigmoid(),
        };
        let bits = noisy.detach().greater(tape.number(F::ZERO));
        let z = if self.straight_through { soft + (bits - soft.detach()) } else { soft };
        let joint = model.log_joint(params, x, z);
        let entropy = Bernoulli::from_logits_unchecked(eta).entropy();
        let share = F::from_f64(1.0 / samples as f64);
        for (column, len, seed) in [
            (&mut cotangents.log_joint, samples * batch, scale * share),
            (&mut *of_entropy, batch, scale),
        ] {
            column.clear();
            column.resize(len, seed);
        }
        let pulled = [(joint, &cotangents.log_joint[..]), (entropy, &of_entropy[..])];
        tape.pull_into(&pulled, &[], grads);
        let sum = |values: &[F]| values.iter().copied().sum::<F>();
        let value = share * joint.with(sum) + entropy.with(sum);
        record_stats(stats, batch, value)
    }
}

impl<F, M> Estimator<F, M> for Concrete
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        Surrogate { temperature: Some(self.temperature), straight_through: false }
            .estimate(query, rng, work)
    }
}

impl<F, M> Estimator<F, M> for StraightThrough
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        Surrogate { temperature: self.temperature, straight_through: true }
            .estimate(query, rng, work)
    }
}
