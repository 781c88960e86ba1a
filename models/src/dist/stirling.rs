//! Logarithms of densities with large concentrations and counts, where the plain formula is a difference of large numbers.
//!
//! $\ln\Gamma(x) = x\ln x - x + h(x)$, where $h$ is of the order of $\ln x$. The large parts of a density make up divergences $-a E(\ln
//! \frac ma)$ with $E(v) = e^v - 1 - v$ between a concentration $a$ and its expected value $m$ (Loader 2000), in which nothing cancels. The
//! two forms are equal, so a tape that is computed again with other numbers loses digits at worst.

use super::edges::{below, ln_quotient};
use super::near::ln_ratio_by;
use pathscore_autodiff::{Scalar, Var};
use std::f64::consts::TAU;

/// From here on numbers are large: the asymptotic series has converged to rounding, and the plain formulas have errors of
/// some hundred units of rounding.
const LARGE: f64 = 100.0;

/// True if one of the numbers is large. Only then are the further formulas recorded, which cost several ops.
pub(super) fn any_large<F: Scalar>(x: Var<'_, F>) -> bool {
    x.with(|x| x.iter().any(|x| x.to_f64() >= LARGE))
}

/// Not zero where `x` is large.
fn large<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.greater_equal(x.constant(LARGE))
}

/// $\sum_k c_k x^{-k}$ for $k = 1, 2, \dots$
fn inverse_powers<'t, F: Scalar>(x: Var<'t, F>, coefficients: &[f64]) -> Var<'t, F> {
    let inverse = x.recip();
    coefficients.iter().rev().fold(x * F::ZERO, |sum, &c| (sum + F::from_f64(c)) * inverse)
}

/// $h(x) = \ln\Gamma(x) - x\ln x + x$, for large $x$ as $\tfrac12\ln\frac{2\pi}{x} + \frac{1}{12x} - \dots$ (DLMF 5.11.1).
pub(super) fn ln_gamma_rest<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    let plain = x.ln_gamma() - x.xlogy(x) + x;
    let series =
        inverse_powers(x, &[1.0 / 12.0, 0.0, -1.0 / 360.0, 0.0, 1.0 / 1260.0, 0.0, -1.0 / 1680.0]);
    let far = series - x.ln() * F::from_f64(0.5) + F::from_f64(0.5 * TAU.ln());
    large(x).select(far, plain)
}

/// $\psi(x) - \ln x$, the derivative of [`ln_gamma_rest`].
pub(super) fn digamma_rest<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    let coefficients = [-0.5, -1.0 / 12.0, 0.0, 1.0 / 120.0, 0.0, -1.0 / 252.0, 0.0, 1.0 / 240.0];
    large(x).select(inverse_powers(x, &coefficients), x.digamma() - x.ln())
}

/// $\ln n! - n\ln n + n$ for $n \ge 0$.
pub(super) fn ln_factorial_rest<F: Scalar>(n: Var<'_, F>) -> Var<'_, F> {
    let plain = (n + F::ONE).ln_gamma() - n.xlogy(n) + n;
    // n! = n Γ(n).
    large(n).select(ln_gamma_rest(n) + n.ln(), plain)
}

/// $-a E(\ln\frac ma) = a\ln\frac ma + a - m$ with `gap` $= m - a$ where $a$ is large and the two are close, and `plain` elsewhere, where
/// no digits are lost. `rest` is what is added to the first.
pub(super) fn divergence_or<'t, F: Scalar>(
    a: Var<'t, F>,
    m: Var<'t, F>,
    gap: Var<'t, F>,
    rest: Var<'t, F>,
    plain: Var<'t, F>,
) -> Var<'t, F> {
    let close = large(a) * below((gap / a).abs(), 0.5);
    let near = rest - a * ln_ratio_by(m, a, gap).exp_m1_less_x();
    close.select(near, plain)
}

/// The entropy of a Dirichlet or a beta distribution from its concentrations $\alpha_c$ along the last axis and their `sum` $\alpha_0$, which keeps that
/// axis: $\sum_c \bigl(h(\alpha_c) - \ln\frac{\alpha_0}{\alpha_c} + (\alpha_c - 1)(h'(\alpha_0) - h'(\alpha_c))\bigr) - h(\alpha_0)$, without
/// the last term.
pub(super) fn entropy_parts<'t, F: Scalar>(alpha: Var<'t, F>, sum: Var<'t, F>) -> Var<'t, F> {
    let slopes = (alpha - F::ONE) * (digamma_rest(sum) - digamma_rest(alpha));
    ln_gamma_rest(alpha) - ln_quotient(sum, alpha) + slopes
}
