//! MuProp (Gu, Levine, Sutskever and Mnih 2016).

use crate::draw::{Draw, Score};
use crate::estimator::{Estimator, Query, Work, copy_values};
use pathscore_autodiff::{Grads, Scalar};
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bits, Distribution};
use pathscore_models::latent::LatentModel;

/// The score-function gradient with a linear baseline, the tangent at the mean of the bits.
///
/// With $\mu = E_q z$ and $g = \partial f/\partial z$ of $f = \ln p(x, z) - \ln q(z \mid x)$ at $z = \mu$, the line
/// $h(z) = f(\mu) + \langle g, z - \mu\rangle$ has the score-function gradient
/// $E[h \nabla \ln q] = \langle g, \nabla \mu\rangle$, which is known and added again:
///
/// $$\frac1K \sum_k \nabla \ln p(x, z_k) + (f_k - h(z_k) - c) \nabla \ln q(z_k \mid x) +
/// \langle g, \nabla\mu \rangle.$$
///
/// $c$ is the running mean of $f - h$ over the batches before. Columns: $a = 1/K$, $b = (f_k - h_k - c)/K$,
/// and $g$ on the mean. It is unbiased for the ELBO's gradient of one layer of bits, if $\ln p(x, z)$ is smooth
/// between them, and costs one more pass through the model at $\mu$. Prefer it to a baseline network for nearly
/// linear decoders; for $K > 1$ compare with [`Vimco`](super::Vimco).
#[doc(alias = "control variate")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MuProp {
    /// The weight of the old mean at each batch.
    pub decay: f64,
    mean: Option<f64>,
}

impl Default for MuProp {
    fn default() -> Self {
        Self { decay: 0.9, mean: None }
    }
}

/// The line of [`MuProp`] for every member, and the memory that finding it takes.
#[derive(Debug, Default)]
struct Line<F> {
    /// $\mu$.
    mu: Vec<F>,
    /// $g$.
    g: Vec<F>,
    /// The cotangents of $f(\mu)$.
    ones: Vec<F>,
    /// The adjoints of the sweep that finds $g$.
    sweep: Grads<F>,
}

impl<F, M> Estimator<F, M> for MuProp
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Line { mu, g, ones, sweep } = scratch.of::<Line<F>>();
        let x = query.rows(tape);
        let bound = params.on(tape);
        let q = model.posterior(bound, x);
        let z = <Score as Draw<F, M>>::draw(&q, samples, rng);
        let drawn = <Score as Draw<F, M>>::log_probs(model, bound, x, &q, z);
        let mean = q.logits().sigmoid();
        let width = mean.size() / batch.max(1);
        // The line is a function of z alone: nothing in it varies with the parameters.
        copy_values(mean, mu);
        let place = tape.leaf(mu, [1, batch, width]);
        let f_at_mu = model.log_joint(bound.detach(), x, place) - q.detach().log_prob(place);
        ones.clear();
        ones.resize(batch, F::ONE);
        tape.pull_into(&[(f_at_mu, &ones[..])], &[], sweep);
        g.clear();
        g.extend_from_slice(sweep.get(place).expect("a leaf has an adjoint"));
        // h(z) = f(μ) + ⟨g, z − μ⟩ for the draw z in this row of [draws, batch].
        let line = |row: usize, z: &[F]| {
            let b = row % batch;
            let along = (b * width..).zip(z).map(|(i, &z)| g[i] * (z - mu[i]));
            f_at_mu.with(|f| f[b]) + along.sum::<F>()
        };

        let share = scale / F::from_f64(samples as f64);
        let centre = F::from_f64(self.mean.unwrap_or(0.0));
        cotangents.log_joint.clear();
        cotangents.log_joint.resize(samples * batch, share);
        cotangents.log_q.clear();
        let (mut value, mut residuals) = (F::ZERO, 0.0);
        drawn.z.with(|z| {
            for (row, z) in z.chunks_exact(width).enumerate() {
                let f = drawn.log_joint.with(|column| column[row])
                    - drawn.log_q.with(|column| column[row]);
                let residual = f - line(row, z);
                value += f;
                residuals += residual.to_f64();
                cotangents.log_q.push(share * (residual - centre));
            }
        });
        g.iter_mut().for_each(|g| *g *= scale);
        let pulled = [
            (drawn.log_joint, &cotangents.log_joint[..]),
            (drawn.log_q, &cotangents.log_q[..]),
            (mean, &g[..]),
        ];
        tape.pull_into(&pulled, &[], grads);
        stats.clear();
        stats.extend([(samples * batch) as f64, residuals]);
        value / F::from_f64(samples as f64)
    }

    fn observe(&mut self, stats: &[f64]) {
        let now = stats[1] / stats[0];
        self.mean = Some(self.mean.map_or(now, |old| self.decay * old + (1.0 - self.decay) * now));
    }

    fn state(&self) -> Vec<f64> {
        self.mean.into_iter().collect()
    }

    fn restore(&mut self, state: &[f64]) {
        self.mean = state.first().copied();
    }
}
