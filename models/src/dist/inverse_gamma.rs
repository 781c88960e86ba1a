//! The inverse gamma distribution.

use super::edges::{from_zero, impossible, largest, level, ln_quotient, off_half_line, smallest};
use super::gamma::{ln_standard, near_mean};
use super::parameters::distribution;
use super::quantiles::ln_gamma_upper_quantile;
use super::stirling::{any_large, digamma_rest, ln_gamma_rest};
use super::{Cdf, Entropy, Gamma, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous NonNegative
    /// The distribution of $1/y$ for $y \sim \mathrm{Gamma}(\alpha, \beta)$, of density $\beta^\alpha x^{-\alpha-1}
    /// e^{-\beta/x}/\Gamma(\alpha)$ for $x > 0$.
    ///
    /// The mean is $\beta/(\alpha - 1)$ for $\alpha > 1$, the variance $\beta^2/((\alpha - 1)^2(\alpha - 2))$ for $\alpha >
    /// 2$. The derivatives of $\ln p$ are $\ln(\beta/x) - \psi(\alpha)$ for $\alpha$ and $\alpha/\beta - 1/x$ for $\beta$. A
    /// sample is $\beta/z_0$ with a gamma variable $z_0$, which is reparameterised implicitly; one above the largest number is replaced by that number.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{InverseGamma, Moments};
    /// let tape = Tape::new();
    /// let q = InverseGamma::new(tape.leaf(&[3.0_f64], [1]), tape.leaf(&[4.0], [1]))?;
    /// assert_eq!((q.mean().item(), q.variance().item()), (2.0, 4.0));
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    InverseGamma {
        /// The concentration, $\alpha$.
        concentration: Positive,
        /// The scale, $\beta$.
        scale: Positive,
    }
}

impl<'t, F: Scalar> InverseGamma<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let z = ln_standard(self.concentration, shape, rng).exp();
        let x = self.scale / z.max(z.tape().number(smallest()));
        x.min(x.tape().number(largest()))
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let alpha = self.concentration;
        let y = self.scale / x;
        let plain = alpha * ln_quotient(self.scale, x) - x.ln() - y - alpha.ln_gamma();
        let log = if any_large(alpha) { near_mean(alpha, y, x, plain) } else { plain };
        impossible(off_half_line(x) + x.equal(x.constant(0.0)), log)
    }

    /// `value` where the concentration is above `order`, otherwise infinite.
    fn if_above(self, order: f64, value: Var<'t, F>) -> Var<'t, F> {
        let exists = self.concentration.greater(self.concentration.constant(order));
        exists.select(value, value.constant(f64::INFINITY))
    }
}

impl<'t, F: Scalar> Moments<'t, F> for InverseGamma<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.if_above(1.0, self.scale / (self.concentration - F::ONE))
    }

    fn variance(&self) -> Var<'t, F> {
        let mean = self.scale / (self.concentration - F::ONE);
        self.if_above(2.0, mean.square() / (self.concentration - F::from_f64(2.0)))
    }

    fn std(&self) -> Var<'t, F> {
        let mean = self.scale / (self.concentration - F::ONE);
        self.if_above(2.0, mean / (self.concentration - F::from_f64(2.0)).sqrt())
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for InverseGamma<'t, F> {
    /// $Q(\alpha, \beta/x)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.concentration.gamma_q(self.scale / from_zero(x))
    }

    /// $\beta/z$ with $Q(\alpha, z) = u$, by Newton's iteration. It can be differentiated once.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.scale * (-ln_gamma_upper_quantile(self.concentration, level(u))).exp()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for InverseGamma<'t, F> {
    /// $\sum \alpha + \ln\beta + \ln\Gamma(\alpha) - (1 + \alpha)\psi(\alpha)$.
    fn entropy(&self) -> Var<'t, F> {
        let alpha = self.concentration;
        let shape = if any_large(alpha) {
            // With ln Γ(α) = α ln α − α + h(α) and ψ(α) = ln α + h'(α).
            ln_gamma_rest(alpha) - alpha.ln() - (alpha + F::ONE) * digamma_rest(alpha)
        } else {
            alpha + alpha.ln_gamma() - (alpha + F::ONE) * alpha.digamma()
        };
        over_event(alpha, self.scale.ln() + shape)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for InverseGamma<'t, F> {
    /// The divergence of the gamma distributions of $1/x$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let of = |q: &Self| Gamma::new_unchecked(q.concentration, q.scale);
        of(self).kl(&of(p))
    }
}
