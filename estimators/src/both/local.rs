//! Local expectation gradients (Titsias and Lázaro-Gredilla 2015).

use crate::estimator::{Estimator, Query, Work, copy_values, record_stats, require_samples};
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bits, Distribution};
use pathscore_models::latent::LatentModel;

/// The gradient of the ELBO in which each bit is summed over exactly, with the other bits as they were drawn.
///
/// The derivative with respect to the logit of bit $i$ is $p_i(1 - p_i) E[f(z_{-i}, 1) - f(z_{-i}, 0)]$, one
/// of the two values is at the draw, the other at the draw with bit $i$ flipped:
///
/// $$\bar\eta_i = \frac1K \sum_k p_i(1 - p_i) (2z_{ki} - 1) \big(f(z_k) - f(z_k \text{ with bit } i
///   \text{ flipped})\big).$$
///
/// It is the score-function gradient averaged over the bit's own randomness (Rao–Blackwell), which is
/// the source of most of its variance. Columns: $a = 1/K$ on $\ln p(x, z_k)$, and $\bar\eta$ on the
/// logits. It is unbiased for the ELBO's gradient of one layer of bits, and exact if there is only one bit. It costs
/// $D + 1$ evaluations for $D$ bits, $D$ of them without a gradient. Prefer it for a few dozen bits, where no other
/// estimator has less noise; for hundreds [`DisArm`](super::DisArm) is cheaper.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, both::LocalExpectation};
/// use pathscore_models::{Params, latent::BernoulliToy, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = BernoulliToy::new(&mut params, 1.0, 0.45, rng);
/// LocalExpectation.estimate(Query::new(&model, &params, &[0.0], 1), rng, &mut work);
/// assert!((work.gradient(1)[0] - 0.019661193324148185).abs() < 1e-15);
/// ```
#[doc(alias = "Rao-Blackwell")]
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalExpectation;

/// The working memory of [`LocalExpectation`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// The bits of every draw.
    drawn: Vec<F>,
    /// $f$ of every draw.
    signal: Vec<F>,
    /// The cotangent of the logits.
    logits: Vec<F>,
}

impl<F, M> Estimator<F, M> for LocalExpectation
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Scratch { drawn, signal, logits } = scratch.of::<Scratch<F>>();
        let bound = params.on(tape);
        let x = query.rows(tape);
        let q = model.posterior(bound, x);
        let (q_held, held) = (q.detach(), bound.detach());
        let z = q_held.sample(samples, rng);
        let width = z.size() / (samples * batch).max(1);
        copy_values(z, drawn);
        // The draws with bit 0 flipped come first, then those with bit 1 flipped, and so on.
        let flipped = tape.constant_with([width * samples, batch, width], |out| {
            for (i, out) in out.chunks_exact_mut(drawn.len().max(1)).enumerate() {
                out.copy_from_slice(drawn);
                out.iter_mut().skip(i).step_by(width).for_each(|bit| *bit = F::ONE - *bit);
            }
        });
        let joint = model.log_joint(bound, x, z);
        let f = joint.detach() - q_held.log_prob(z);
        let others = model.log_joint(held, x, flipped) - q_held.log_prob(flipped);

        let share = scale / F::from_f64(samples as f64);
        let rows = samples * batch;
        copy_values(f, signal);
        logits.clear();
        logits.resize(batch * width, F::ZERO);
        others.with(|others| {
            for (at, (&z, i)) in drawn.iter().zip((0..width).cycle()).enumerate() {
                let row = at / width;
                let up = signal[row] - others[i * rows + row];
                logits[row % batch * width + i] += share * if z == F::ONE { up } else { -up };
            }
        });
        q_held.logits().with(|eta| {
            let variance = |eta: F| eta.sigmoid() * (-eta).sigmoid();
            logits.iter_mut().zip(eta).for_each(|(bar, &eta)| *bar *= variance(eta));
        });
        cotangents.log_joint.clear();
        cotangents.log_joint.resize(rows, share);
        tape.pull_into(
            &[(joint, &cotangents.log_joint[..]), (q.logits(), &logits[..])],
            &[],
            grads,
        );
        let value = signal.iter().copied().sum::<F>() / F::from_f64(samples as f64);
        record_stats(stats, batch, value)
    }
}
