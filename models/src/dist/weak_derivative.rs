//! Weak derivatives: the derivative of a distribution as a difference of two distributions.

use super::{Bernoulli, Distribution, Layers, Normal, Poisson};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};
use smallvec::smallvec;
use std::f64::consts::TAU;

/// A coupled sample of the two distributions whose difference is a weak derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoupledPair {
    /// The constant $c$ that multiplies the difference.
    pub factor: f64,
    /// A sample from $q^+$.
    pub plus: f64,
    /// A sample from $q^-$, coupled with the other one.
    pub minus: f64,
}

/// A distribution with a weak derivative for each parameter of a coordinate:
///
/// $$\frac{\partial}{\partial\theta} E_q f(z) = c \bigl(E_{q^+} f(z) - E_{q^-} f(z)\bigr)$$
///
/// for every $f$ whose means exist, smooth or not (Pflug 1996; Mohamed, Rosca, Figurnov and Mnih 2020). The
/// derivative of a density takes both signs; $c q^+$ is its positive part and $c q^-$ its negative part, with $c$ such
/// that both are distributions. The two samples may depend on each other in any way; here they are coupled so that
/// their difference varies little.
///
/// ```
/// use pathscore_models::dist::{Normal, WeakDerivative};
/// use pathscore_models::seed;
/// let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
/// // ∂/∂μ of E z² is 2μ; with μ = 3 and σ = e⁰ it is 6.
/// let n = 1000;
/// let mean = (0..n).map(|_| <Normal<f64> as WeakDerivative<f64>>::split(&[3.0, 0.0], 0, rng));
/// let mean = mean.map(|s| s.factor * (s.plus.powi(2) - s.minus.powi(2))).sum::<f64>() / n as f64;
/// // The variance of one is 4μ²(4/π − 1) = 9.8: five errors are 0.5.
/// assert!((mean - 6.0).abs() < 0.5);
/// ```
pub trait WeakDerivative<'t, F: Scalar>: Distribution<'t, F> {
    /// The parameters that have a weak derivative, each of the shape of an event.
    fn parameters(&self) -> Layers<Var<'t, F>>;

    /// Draws the pair for the derivative with respect to parameter number `by`, of a coordinate whose parameters have
    /// the values `at`.
    fn split<R: RandomSource>(at: &[f64], by: usize, rng: &mut R) -> CoupledPair;
}

/// The derivative with respect to $\mu$ is the mean of $\frac{1}{\sigma\sqrt{2\pi}}(f(\mu + \sigma w) - f(\mu -
/// \sigma w))$, where $w$ has Weibull's distribution with shape two and scale $\sqrt2$ (Rayleigh's). The derivative
/// with respect to $\ln\sigma$ is the mean of $f(\mu + \sigma m) - f(\mu + \sigma m u)$, where $m$ has the
/// double-sided Maxwell distribution, of density $m^2 \varphi(m)$, and $u$ is uniform; then $mu$ is standard normal
/// (Heidergott, Vázquez-Abad and Volk-Makarewicz 2008).
impl<'t, F: Scalar> WeakDerivative<'t, F> for Normal<'t, F> {
    fn parameters(&self) -> Layers<Var<'t, F>> {
        smallvec![self.loc(), self.log_scale()]
    }

    fn split<R: RandomSource>(at: &[f64], by: usize, rng: &mut R) -> CoupledPair {
        let (loc, scale) = (at[0], at[1].exp());
        if by == 0 {
            let w = scale * rng.chi(2);
            return CoupledPair {
                factor: 1.0 / (scale * TAU.sqrt()),
                plus: loc + w,
                minus: loc - w,
            };
        }
        let side = if rng.bernoulli(0.5) { scale } else { -scale };
        let m = side * rng.chi(3);
        CoupledPair { factor: 1.0, plus: loc + m, minus: loc + m * rng.uniform() }
    }
}

/// The derivative with respect to $\eta$ is $p(1 - p)(f(1) - f(0))$ and needs no random numbers.
impl<'t, F: Scalar> WeakDerivative<'t, F> for Bernoulli<'t, F> {
    fn parameters(&self) -> Layers<Var<'t, F>> {
        smallvec![self.logits()]
    }

    fn split<R: RandomSource>(at: &[f64], _: usize, _: &mut R) -> CoupledPair {
        let factor = Real::sigmoid(at[0]) * Real::sigmoid(-at[0]);
        CoupledPair { factor, plus: 1.0, minus: 0.0 }
    }
}

/// The derivative with respect to $\ln\lambda$ is the mean of $\lambda(f(n + 1) - f(n))$ over samples $n$.
impl<'t, F: Scalar> WeakDerivative<'t, F> for Poisson<'t, F> {
    fn parameters(&self) -> Layers<Var<'t, F>> {
        smallvec![self.log_rate()]
    }

    fn split<R: RandomSource>(at: &[f64], _: usize, rng: &mut R) -> CoupledPair {
        let rate = at[0].exp();
        let n = super::poisson::draw(rate, rng);
        CoupledPair { factor: rate, plus: n + 1.0, minus: n }
    }
}
