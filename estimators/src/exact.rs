//! Oracles: gradients without randomness, where a sum or an integral can be computed.

use crate::draw::{All, Nodes};
use crate::estimator::{Claim, Columns, Cotangents, LogWeights};
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

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let rule = gauss_hermite(w.draws());
        cotangents.fill(w, |_| |k| (F::from_f64(rule[k].1), F::from_f64(-rule[k].1)));
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
    golub_welsch(n, |_| 0.0, |i| (i as f64).sqrt())
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
    let beside = |i: usize| i as f64 / (4.0 * (i * i) as f64 - 1.0).sqrt();
    let symmetric = golub_welsch(n, |_| 0.0, beside);
    symmetric.into_iter().map(|(t, weight)| (0.5 * (t + 1.0), weight)).collect()
}

/// The `n` nodes and weights for which $\sum_i \omega_i f(t_i) = E f(t)$ with $t$ the length of `k` independent
/// standard normal numbers, for all polynomials of degree below $2n$.
///
/// The density is $t^{k-1} e^{-t^2/2}$ on the half line, for whose polynomials no recurrence is known in
/// closed form: it is found by Lanczos' iteration on the density at the nodes of a fine rule (Gautschi 1982).
///
/// ```
/// use pathscore_estimators::exact::gauss_length;
/// // Of two normal numbers the mean length is √(π/2), of three the mean square 3.
/// let mean: f64 = gauss_length(2, 5).iter().map(|(t, w)| w * t).sum();
/// let square: f64 = gauss_length(3, 5).iter().map(|(t, w)| w * t * t).sum();
/// assert!((mean - (0.5 * std::f64::consts::PI).sqrt()).abs() < 1e-13 && (square - 3.0).abs() < 1e-13);
/// ```
pub fn gauss_length(k: usize, n: usize) -> Vec<(f64, f64)> {
    // Polynomials of degree 120 weigh most at t = 15; beyond 24 nothing is left of e^{-t²/2}.
    let (panels, width) = (48, 0.5);
    let rule = gauss_legendre(20);
    let nodes: Vec<f64> = (0..panels)
        .flat_map(|panel| rule.iter().map(move |(u, _)| width * (f64::from(panel) + u)))
        .collect();
    let weights = rule.iter().cycle().map(|(_, weight)| weight);
    let root =
        |(t, weight): (&f64, &f64)| (weight * t.powi(k as i32 - 1)).sqrt() * (-0.25 * t * t).exp();
    let mut now: Vec<f64> = nodes.iter().zip(weights).map(root).collect();
    let mut before = vec![0.0; now.len()];
    let (mut on, mut beside) = (Vec::new(), vec![0.0]);
    let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let first = length(&now);
    now.iter_mut().for_each(|v| *v /= first);
    for i in 0..n {
        on.push(now.iter().zip(&nodes).map(|(v, t)| t * v * v).sum::<f64>());
        for ((last, v), t) in before.iter_mut().zip(&now).zip(&nodes) {
            *last = (t - on[i]) * v - beside[i] * *last;
        }
        beside.push(length(&before));
        before.iter_mut().for_each(|v| *v /= beside[i + 1]);
        std::mem::swap(&mut before, &mut now);
    }
    golub_welsch(n, |i| on[i], |i| beside[i])
}

/// Nodes and weights of a distribution from what stands on and beside the diagonal of its recurrence.
fn golub_welsch(
    n: usize,
    on: impl Fn(usize) -> f64,
    beside: impl Fn(usize) -> f64,
) -> Vec<(f64, f64)> {
    let jacobi = nalgebra::DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => on(i),
        1 => beside(i.max(j)),
        _ => 0.0,
    });
    let eigen = jacobi.symmetric_eigen();
    let first = eigen.eigenvectors.row(0);
    let mut rule: Vec<(f64, f64)> =
        eigen.eigenvalues.iter().zip(first.iter()).map(|(&t, v)| (t, v * v)).collect();
    rule.sort_by(|a, b| a.0.total_cmp(&b.0));
    rule
}
