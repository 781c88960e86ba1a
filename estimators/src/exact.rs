//! Exact gradients without randomness, for models whose expectations are finite sums or one-dimensional integrals.

use crate::draw::{All, QuadratureNodes};
use crate::estimator::{Claim, Columns, Cotangents, LogWeights};
use crate::quadrature::gauss_hermite;
use pathscore_autodiff::Scalar;

/// The gradient of the ELBO as a sum over every value of $z$.
///
/// $\nabla \sum_z q(z) f(z) = \sum_z q(z) [\nabla \ln p(x, z) + f(z) \nabla \ln q(z)]$, since
/// $\sum_z q \nabla \ln q = 0$. Columns: $a = q(z)$, $b = q(z) f(z)$. It costs $2^D$ evaluations for $D$ bits; the
/// number of samples has no effect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Enumeration;

impl Columns for Enumeration {
    type Draw = All;

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            move |k| {
                let q = w.log_q(k, b).exp();
                (q, q * w.log_weight(k, b))
            }
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        (0..w.draws()).map(|k| w.log_q(k, b).exp() * w.log_weight(k, b)).sum()
    }
}

/// The gradient of the ELBO by Gauss–Hermite quadrature along the path of one normal latent; the number of samples
/// $K$ is the number of nodes.
///
/// With nodes $t_i$ and weights $\omega_i$ of the standard normal, $E_q f \approx \sum_i \omega_i
/// f(\mu + \sigma t_i)$, which is exact for polynomials of degree $2K - 1$. Columns: $a = \omega$, $b = -\omega$; the
/// derivative follows the path. See [`gauss_hermite`]. An estimate panics if the model has more than one latent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quadrature;

impl Columns for Quadrature {
    type Draw = QuadratureNodes;

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let rule = gauss_hermite(w.draws());
        cotangents.fill(w, |_| |k| (F::from_f64(rule[k].1), F::from_f64(-rule[k].1)));
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        let rule = gauss_hermite(w.draws());
        (0..w.draws()).map(|k| F::from_f64(rule[k].1) * w.log_weight(k, b)).sum()
    }
}
