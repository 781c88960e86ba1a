//! Oracles: gradients without randomness, where a sum or an integral can be computed.

use crate::draw::{All, Nodes};
use crate::estimator::{Claim, Columns, LogWeights, Seeds};
use pathscore_autodiff::Scalar;

/// The gradient of the ELBO as a sum over every value of $z$.
///
/// $\nabla \sum_z q(z) f(z) = \sum_z q(z)\,[\nabla \ln p(x, z) + f(z) \nabla \ln q(z)]$, since
/// $\sum_z q \nabla \ln q = 0$. Columns: $a = q(z)$, $b = q(z) f(z)$. Costs $2^D$ evaluations for $D$ bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Enumeration;

impl Columns for Enumeration {
    type Draw = All;

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn seeds<F: Scalar>(&self, w: &LogWeights<F>, seeds: &mut Seeds<F>) {
        seeds.fill(w, |b| {
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

/// The gradient of the ELBO by Gauss–Hermite quadrature along one normal latent.
///
/// With nodes $t_i$ and weights $\omega_i$ of the standard normal, $E_q f \approx \sum_i \omega_i
/// f(\mu + \sigma t_i)$, exact for polynomials of degree $2K - 1$. Columns: $a = \omega$, $b = -\omega$,
/// path 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quadrature;

impl Columns for Quadrature {
    type Draw = Nodes;

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn seeds<F: Scalar>(&self, w: &LogWeights<F>, seeds: &mut Seeds<F>) {
        let rule = gauss_hermite(w.draws());
        seeds.fill(w, |_| |k| (F::from_f64(rule[k].1), F::from_f64(-rule[k].1)));
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        let rule = gauss_hermite(w.draws());
        (0..w.draws()).map(|k| F::from_f64(rule[k].1) * w.log_weight(k, b)).sum()
    }
}

/// The `n` nodes and weights for which $\sum_i \omega_i f(t_i) = E f(t)$, $t \sim \mathcal N(0, 1)$, for all
/// polynomials of degree below $2n$.
///
/// Golub and Welsch (1969): the nodes are the eigenvalues of the symmetric matrix of the recurrence of
/// the Hermite polynomials, with $\sqrt i$ beside the diagonal; a weight is the square of the first
/// component of an eigenvector.
///
/// ```
/// use pathscore_estimators::exact::gauss_hermite;
/// let fourth: f64 = gauss_hermite(3).iter().map(|(t, w)| w * t.powi(4)).sum();
/// assert!((fourth - 3.0).abs() < 1e-13);
/// ```
pub fn gauss_hermite(n: usize) -> Vec<(f64, f64)> {
    golub_welsch(n, |i| i.sqrt())
}

/// The `n` nodes and weights for which $\sum_i \omega_i f(u_i) = \int_0^1 f(u)\,du$ for all polynomials of
/// degree below $2n$: those of Legendre's polynomials, with $i/\sqrt{4i^2 - 1}$ beside the diagonal.
///
/// ```
/// use pathscore_estimators::exact::gauss_legendre;
/// let fifth: f64 = gauss_legendre(3).iter().map(|(u, w)| w * u.powi(5)).sum();
/// assert!((fifth - 1.0 / 6.0).abs() < 1e-13);
/// ```
pub fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let symmetric = golub_welsch(n, |i| i / (4.0 * i * i - 1.0).sqrt());
    symmetric.into_iter().map(|(t, weight)| (0.5 * (t + 1.0), weight)).collect()
}

/// Nodes and weights of a distribution that is symmetric about zero, from what stands beside the
/// diagonal of its recurrence.
fn golub_welsch(n: usize, beside: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let jacobi = nalgebra::DMatrix::from_fn(n, n, |i, j| {
        if i.abs_diff(j) == 1 { beside(i.max(j) as f64) } else { 0.0 }
    });
    let eigen = jacobi.symmetric_eigen();
    let first = eigen.eigenvectors.row(0);
    let mut rule: Vec<(f64, f64)> =
        eigen.eigenvalues.iter().zip(first.iter()).map(|(&t, v)| (t, v * v)).collect();
    rule.sort_by(|a, b| a.0.total_cmp(&b.0));
    rule
}
