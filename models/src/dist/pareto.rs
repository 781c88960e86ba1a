//! Pareto's distribution.

use super::edges::{impossible, largest, level, ln_quotient, off_half_line};
use super::exponential::standard;
use super::near::ln_ratio;
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous HalfLine
    /// Pareto's distribution with scale $m$ and concentration (tail index) $\alpha$, of distribution function $1 -
    /// (m/x)^\alpha$ for $x \ge m$.
    ///
    /// The mean is $\alpha m/(\alpha - 1)$ for $\alpha > 1$, the variance $m^2\alpha/((\alpha - 1)^2(\alpha - 2))$ for
    /// $\alpha > 2$. The log-density is $\ln(\alpha/m) - (\alpha + 1)\ln(x/m)$; its derivatives are $\alpha/m$ for $m$ and
    /// $1/\alpha - \ln(x/m)$ for $\alpha$. The mean of the first is not zero, because the support moves with $m$. A sample is
    /// $me^{y/\alpha}$ with an exponential variable $y$; one above the largest number is replaced by that number.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Moments, Pareto};
    /// let tape = Tape::new();
    /// let q = Pareto::new(tape.leaf(&[2.0_f64], [1]), tape.leaf(&[3.0], [1]))?;
    /// assert!((q.mean().item() - 3.0).abs() < 1e-15);
    /// assert_eq!(q.log_prob(tape.constant(&[1.9], [1])).item(), f64::NEG_INFINITY);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Pareto {
        /// The scale, $m$, which is the smallest value.
        scale: Positive,
        /// The concentration, $\alpha$.
        concentration: Positive,
    }
}

impl<'t, F: Scalar> Pareto<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let x = self.scale * (standard(self.scale, shape, rng) / self.concentration).exp();
        x.min(x.tape().number(largest()))
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let alpha = self.concentration;
        let log = ln_quotient(alpha, self.scale) - (alpha + F::ONE) * ln_quotient(x, self.scale);
        impossible(off_half_line(x) + x.less(self.scale), log)
    }

    /// `value` where the concentration is above `order`, otherwise infinite.
    fn if_above(self, order: f64, value: Var<'t, F>) -> Var<'t, F> {
        let exists = self.concentration.greater(self.concentration.constant(order));
        exists.select(value, value.constant(f64::INFINITY))
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Pareto<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        let alpha = self.concentration;
        self.if_above(1.0, self.scale * (alpha / (alpha - F::ONE)))
    }

    fn variance(&self) -> Var<'t, F> {
        let alpha = self.concentration;
        let scaled = (self.scale / (alpha - F::ONE)).square();
        self.if_above(2.0, scaled * (alpha / (alpha - F::from_f64(2.0))))
    }

    fn std(&self) -> Var<'t, F> {
        let alpha = self.concentration;
        let scaled = self.scale / (alpha - F::ONE);
        self.if_above(2.0, scaled * (alpha / (alpha - F::from_f64(2.0))).sqrt())
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Pareto<'t, F> {
    /// $1 - e^{-\alpha\ln(x/m)}$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let below = x.less(self.scale);
        let ratio = below.select(x.constant(1.0), x / self.scale);
        -(-self.concentration * ratio.ln()).exp_m1()
    }

    /// $me^{-\ln(1 - u)/\alpha}$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.scale * (-(-level(u)).ln_1p() / self.concentration).exp()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Pareto<'t, F> {
    /// $\sum \ln(m/\alpha) + 1/\alpha + 1$.
    fn entropy(&self) -> Var<'t, F> {
        let alpha = self.concentration;
        over_event(alpha, (self.scale / alpha).ln() + alpha.recip() + F::ONE)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Pareto<'t, F> {
    /// $\sum (e^d - 1 - d) + \alpha_p\ln(m_q/m_p)$ with $d = \ln(\alpha_p/\alpha_q)$ where $m_q \ge m_p$, otherwise $\infty$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let excess = ln_ratio(p.concentration, self.concentration).exp_m1_less_x();
        let finite = excess + p.concentration * ln_ratio(self.scale, p.scale);
        let each = self.scale.less(p.scale).select(finite.constant(f64::INFINITY), finite);
        over_event(each, each)
    }
}
