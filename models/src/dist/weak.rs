//! Derivatives of a distribution that are differences of two distributions.

use super::{Bernoulli, Distribution, Layers, Normal, Poisson};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};
use smallvec::smallvec;
use std::f64::consts::TAU;

/// One draw of each of the two distributions whose difference is a derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// $c$, what the difference is multiplied by.
    pub factor: f64,
    /// A draw from $q^+$.
    pub plus: f64,
    /// A draw from $q^-$, coupled with the other.
    pub minus: f64,
}

/// What has, for each parameter of a coordinate, a weak derivative:
///
/// $$\frac{\partial}{\partial\theta} E_q f(z) = c\,\bigl(E_{q^+} f(z) - E_{q^-} f(z)\bigr)$$
///
/// for every $f$ whose means exist, smooth or not (Pflug 1996; Mohamed, Rosca, Figurnov and Mnih 2020). The
/// derivative of a density is a function of two signs; $c q^+$ is its positive and $c q^-$ its negative part,
/// both made distributions. How the two draws depend on one another is free: here they are coupled so that
/// the difference varies little.
///
/// ```
/// use pathscore_models::dist::{Normal, WeakDerivative};
/// use pathscore_models::seed;
/// let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
/// // ∂/∂μ of E z² is 2μ; with μ = 3 and σ = e⁰ a single split comes near it.
/// let n = 1000;
/// let mean = (0..n).map(|_| <Normal<f64> as WeakDerivative<f64>>::split(&[3.0, 0.0], 0, rng));
/// let mean = mean.map(|s| s.factor * (s.plus.powi(2) - s.minus.powi(2))).sum::<f64>() / n as f64;
/// // The variance of one is 4μ²(4/π − 1) = 9.8: five errors are 0.5.
/// assert!((mean - 6.0).abs() < 0.5);
/// ```
pub trait WeakDerivative<'t, F: Scalar>: Distribution<'t, F> {
    /// The parameters by which a coordinate can be differentiated, each of the shape of an event.
    fn parameters(&self) -> Layers<Var<'t, F>>;

    /// Draws the split of a coordinate whose parameters have the values `at`, by the one numbered `by`.
    fn split<R: RandomSource>(at: &[f64], by: usize, rng: &mut R) -> Split;
}

/// By $\mu$: $\frac{1}{\sigma\sqrt{2\pi}}(f(\mu + \sigma w) - f(\mu - \sigma w))$ with $w$ of Weibull's
/// distribution of shape two and scale $\sqrt2$ (Rayleigh's). By $\ln\sigma$: $f(\mu + \sigma m) - f(\mu +
/// \sigma m u)$ with $m$ of the double-sided Maxwell distribution, of density $m^2 \varphi(m)$, and $u$ uniform:
/// $mu$ is standard normal (Heidergott, Vázquez-Abad and Volk-Makarewicz 2008).
impl<'t, F: Scalar> WeakDerivative<'t, F> for Normal<'t, F> {
    fn parameters(&self) -> Layers<Var<'t, F>> {
        smallvec![self.loc(), self.log_scale()]
    }

    fn split<R: RandomSource>(at: &[f64], by: usize, rng: &mut R) -> Split {
        let (loc, scale) = (at[0], at[1].exp());
        if by == 0 {
            let w = scale * rng.chi(2);
            return Split { factor: 1.0 / (scale * TAU.sqrt()), plus: loc + w, minus: loc - w };
        }
        let side = if rng.bernoulli(0.5) { scale } else { -scale };
        let m = side * rng.chi(3);
        Split { factor: 1.0, plus: loc + m, minus: loc + m * rng.uniform() }
    }
}

/// By $\eta$: $p(1 - p)(f(1) - f(0))$, without anything to draw.
impl<'t, F: Scalar> WeakDerivative<'t, F> for Bernoulli<'t, F> {
    fn parameters(&self) -> Layers<Var<'t, F>> {
        smallvec![self.logits()]
    }

    fn split<R: RandomSource>(at: &[f64], _: usize, _: &mut R) -> Split {
        let factor = Real::sigmoid(at[0]) * Real::sigmoid(-at[0]);
        Split { factor, plus: 1.0, minus: 0.0 }
    }
}

/// By $\ln\lambda$: $\lambda(f(n + 1) - f(n))$ with $n$ a draw.
impl<'t, F: Scalar> WeakDerivative<'t, F> for Poisson<'t, F> {
    fn parameters(&self) -> Layers<Var<'t, F>> {
        smallvec![self.log_rate()]
    }

    fn split<R: RandomSource>(at: &[f64], _: usize, rng: &mut R) -> Split {
        let rate = at[0].exp();
        let n = super::poisson::draw(rate, rng);
        Split { factor: rate, plus: n + 1.0, minus: n }
    }
}
