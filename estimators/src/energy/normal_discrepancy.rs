//! Energy discrepancy with normal perturbations, for energies of real numbers.

use crate::estimator::{Claim, Estimator, Query, record_stats, require_samples};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::{Scalar, Var};
use pathscore_models::RandomSource;
use pathscore_models::energy::RealEnergy;

/// Energy discrepancy (Schröder, Ou, Lim, Li, Vollmer and Duncan 2023) with normal perturbations of standard deviation
/// $\tau$: each row is compared with points that were perturbed twice,
///
/// $$-\sum_b \ln \frac1M \Big( w + \sum_{j=1}^{M} e^{E(x_b) - E(x_b + \tau\xi_b + \tau\xi_{b,j}')} \Big)$$
///
/// with $M$ points (the query's `samples`) and a common first perturbation $\xi_b$. For $M \to \infty$ and $w = 0$ its mean
/// is $-E_{\text{data}}[E(x) - E_Q(x + \tau\xi)]$ with the contrast $e^{-E_Q(y)} = \int \mathcal N(x; y, \tau^2)
/// e^{-E(x)} dx$, which is $\mathrm{KL}(Qp_{\text{data}} \Vert Qp) - \mathrm{KL}(p_{\text{data}} \Vert p)$ up to a constant: its
/// maximum is the data's density, for every $\tau$. With finite $M$ it is *biased* for that, by $O(1/M)$; the gradient
/// is that of the mean above exactly. The stabiliser $w$ (the paper takes 1) keeps the logarithm from $-\infty$ where all points
/// have large energies. It needs neither chains nor derivatives in $x$, and large $\tau$ come near maximum likelihood at a large
/// variance. The scale $\tau$ is in units of the scales of the model's base.
///
/// For $E = \frac12 \lambda (x - m)^2$, $w = 0$ and $M \to \infty$, the mean for a row is $-\frac12 \lambda (\mathrm{Var} +
/// \delta^2) + \frac12 \frac{\mathrm{Var} + \delta^2 + \tau^2}{1/\lambda + \tau^2} + \frac12 \ln(1 + \lambda\tau^2)$ with
/// $\delta = \bar x - m$, and its maximum is at $\lambda = 1/\mathrm{Var}$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalEnergyDiscrepancy {
    /// $\tau$, positive, in units of the scales of the base.
    pub noise: f64,
    /// $w$, zero or more.
    pub stabiliser: f64,
}

/// The cotangents of the rows.
#[derive(Debug, Default)]
struct Scratch<F>(Vec<F>);

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for NormalEnergyDiscrepancy {
    fn target(&self) -> Target {
        Target::Criterion("energy discrepancy")
    }

    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        let columns = model.base().columns();
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let Scratch(cotangents) = scratch.of::<Scratch<F>>();
        let (tape, bound, x) = (&*tape, params.on(tape), query.rows(tape));
        let tau = tape.constant_with([columns], |to| {
            let tau = model.base().scale().iter().map(|s| self.noise * s);
            to.iter_mut().zip(tau).for_each(|(to, tau)| *to = F::from_f64(tau));
        });
        let first = x + rng.normal_var(tape, [batch, columns].into()) * tau;
        let points = first + rng.normal_var(tape, [samples, batch, columns].into()) * tau;
        let energy = model.energy(bound, x);
        let others = model.energy(bound, points.reshape([samples * batch, columns]));
        let mut terms = energy - others.reshape([samples, batch]);
        if self.stabiliser > 0.0 {
            let log_w = tape.constant(&[F::from_f64(self.stabiliser.ln())], [1, 1]);
            terms = Var::concat(&[terms, log_w.broadcast_to([1, batch])], 0);
        }
        let log_mean = terms.log_sum_exp(0) - F::from_f64((samples as f64).ln());
        cotangents.clear();
        cotangents.resize(batch, -scale);
        tape.pull_into(&[(log_mean, &cotangents[..])], &[], grads);
        record_stats(stats, batch, -log_mean.with(|each| each.iter().copied().sum::<F>()))
    }
}
