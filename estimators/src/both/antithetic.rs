//! Antithetic pairs of bits: augment–REINFORCE–merge (Yin and Zhou 2019), and its mean over the uniform number given
//! the pair (Dong, Mnih and Tucker 2020; Yin and others 2020).

use super::noise::batch_and_bits;
use crate::estimator::{Estimator, Query, Work, copy_values, record_stats, require_samples};
use pathscore_autodiff::{Scalar, Var};
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bits, Distribution};
use pathscore_models::latent::LatentModel;

/// Two values of a bit, each with the bit's own distribution, and the weight of $f(b) - f(\tilde b)$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// $b$ and $\tilde b$.
    pub bits: [bool; 2],
    /// The factor on the difference.
    pub weight: f64,
}

/// A joint distribution of two values of a bit.
pub trait Coupling: Sync {
    /// Draws a pair of values of a bit that is one with probability $p = \sigma(\eta)$. Each value is one with that
    /// probability, and
    /// $E[(f(b) - f(\tilde b)) \mathrm{weight}] = \nabla_\eta E f$ for every $f$.
    fn pair<R: RandomSource>(p: f64, rng: &mut R) -> Pair;
}

/// ARM: $\nabla_\eta E f = E_u[(f(b) - f(\tilde b))(u - \tfrac12)]$ with $b = [u > \sigma(-\eta)]$ and
/// $\tilde b = [u < \sigma(\eta)]$, a uniform number for each bit (Yin and Zhou 2019).
///
/// It is unbiased for the ELBO's gradient with Bernoulli latents. The estimate is the mean of $K$ pairs, and the
/// gradient of the model's parameters is taken at both bits of a pair. It costs $2K$ evaluations. [`DisArm`] costs the
/// same and never has the larger variance: prefer it.
#[doc(alias = "augment-REINFORCE-merge")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Arm;

/// DisARM, also U2G: the mean of [`Arm`] over the uniform number given the pair, on which alone $f$ depends,
/// $\tfrac12 (f(b) - f(\tilde b)) (-1)^{\tilde b} [b \ne \tilde b] \sigma(|\eta|)$.
///
/// It is unbiased for the ELBO's gradient with Bernoulli latents. The estimate is the mean of $K$ pairs, and the
/// gradient of the model's parameters is taken at both bits of a pair. It costs $2K$ evaluations, needs no baseline and
/// learns nothing: it is a first choice for bits where $f$ is nearly linear and two evaluations can be afforded. For
/// the bound of several draws there is [`Many`](super::Many).
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
#[doc(alias = "U2G")]
#[derive(Clone, Copy, Debug, Default)]
pub struct DisArm;

impl Coupling for Arm {
    fn pair<R: RandomSource>(p: f64, rng: &mut R) -> Pair {
        let u = rng.uniform_split(&[p.min(1.0 - p), p.max(1.0 - p)]);
        Pair { bits: [u > 1.0 - p, u < p], weight: u - 0.5 }
    }
}

impl Coupling for DisArm {
    fn pair<R: RandomSource>(p: f64, rng: &mut R) -> Pair {
        let least = p.min(1.0 - p);
        let half = 0.5 * p.max(1.0 - p);
        match rng.categorical(&[1.0 - 2.0 * least, least, least]) {
            0 => Pair { bits: [p > 0.5; 2], weight: 0.0 },
            1 => Pair { bits: [true, false], weight: half },
            _ => Pair { bits: [false, true], weight: -half },
        }
    }
}

/// The weights of pairs, and the memory that drawing them takes.
#[derive(Debug, Default)]
pub(super) struct Pairs<F> {
    /// The weight of every pair, in the order of the bits.
    pub(super) weights: Vec<F>,
    /// The probabilities of the bits.
    probs: Vec<F>,
}

/// Draws `count` pairs of every bit of `logits`: first the $b$, then their partners.
pub(super) fn pairs<'t, C: Coupling, F: Scalar, R: RandomSource>(
    logits: Var<'t, F>,
    count: usize,
    rng: &mut R,
    Pairs { weights, probs }: &mut Pairs<F>,
) -> Var<'t, F> {
    let [batch, width] = batch_and_bits(logits);
    copy_values(logits.detach().sigmoid(), probs);
    weights.clear();
    logits.tape().constant_with([2 * count, batch, width], |z| {
        let (first, second) = z.split_at_mut(count * batch * width);
        for ((b, partner), p) in first.iter_mut().zip(second).zip(probs.iter().cycle()) {
            let Pair { bits, weight } = C::pair(p.to_f64(), rng);
            [*b, *partner] = bits.map(|bit| if bit { F::ONE } else { F::ZERO });
            weights.push(F::from_f64(weight));
        }
    })
}

/// $\bar\eta = \sum_k \Delta_k \cdot \mathrm{weight}_k$, with a difference for each row of `weights`.
pub(super) fn merge<F: Scalar>(
    differences: impl ExactSizeIterator<Item = F>,
    weights: &[F],
    batch: usize,
    bar: &mut Vec<F>,
) {
    let width = weights.len() / differences.len().max(1);
    bar.clear();
    bar.resize(batch * width, F::ZERO);
    for (row, difference) in differences.enumerate() {
        let at = row % batch * width;
        let weights = &weights[row * width..][..width];
        let bars = bar[at..].iter_mut().zip(weights);
        bars.for_each(|(bar, &weight)| *bar += difference * weight);
    }
}

/// The working memory of [`Arm`] and [`DisArm`].
#[derive(Debug, Default)]
struct Scratch<F> {
    pairs: Pairs<F>,
    /// $f$ of the first of each pair, then of the partners.
    f: Vec<F>,
    /// The cotangent of the logits.
    logits: Vec<F>,
}

/// The gradient of the ELBO from `query.samples` pairs for each member.
fn estimate<C: Coupling, F, M, R>(query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F
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
    let Scratch { pairs: drawn, f, logits } = scratch.of::<Scratch<F>>();
    let params = params.on(tape);
    let x = query.rows(tape);
    let q = model.posterior(params, x);
    let z = pairs::<C, F, R>(q.logits(), samples, rng, drawn);
    let joint = model.log_joint(params, x, z);
    copy_values(joint.detach() - q.detach().log_prob(z), f);

    // The term −∇ ln q of ∇f has mean zero and is left out.
    let share = scale / F::from_f64(samples as f64);
    let half = F::from_f64(0.5);
    let (first, second) = f.split_at(samples * batch);
    let differences = first.iter().zip(second).map(|(&f, &partner)| share * (f - partner));
    merge(differences, &drawn.weights, batch, logits);
    cotangents.log_joint.clear();
    cotangents.log_joint.resize(f.len(), half * share);
    tape.pull_into(&[(joint, &cotangents.log_joint[..]), (q.logits(), &logits[..])], &[], grads);
    let bound = f.iter().copied().sum::<F>() * half / F::from_f64(samples as f64);
    record_stats(stats, batch, bound)
}

impl<F, M> Estimator<F, M> for Arm
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        estimate::<Self, F, M, R>(query, rng, work)
    }
}

impl<F, M> Estimator<F, M> for DisArm
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        estimate::<Self, F, M, R>(query, rng, work)
    }
}
