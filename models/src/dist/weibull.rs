//! Weibull's distribution.

use super::edges::{from_zero, impossible, level, off_half_line};
use super::exponential::standard;
use super::near::{self, ln_ratio};
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::EULER_GAMMA;

distribution! { continuous NonNegative
    /// Weibull's distribution with scale $\lambda$ and concentration (shape) $k$, of distribution function $1 - e^{-t^k}$ with
    /// $t = x/\lambda$ for $x \ge 0$.
    ///
    /// The mean is $\lambda\Gamma(1 + 1/k)$, the variance $\lambda^2\bigl(\Gamma(1 + 2/k) - \Gamma(1 + 1/k)^2\bigr)$. The
    /// log-density is $\ln(k/\lambda) + (k - 1)\ln t - t^k$; its derivatives are $k(t^k - 1)/\lambda$ for $\lambda$ and $1/k +
    /// (1 - t^k)\ln t$ for $k$. A sample is $\lambda e^{1/k}$ with an exponential variable $e$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Cdf, Weibull};
    /// let tape = Tape::new();
    /// // With concentration two it is Rayleigh's distribution.
    /// let q = Weibull::new(tape.leaf(&[3.0_f64], [1]), tape.leaf(&[2.0], [1]))?;
    /// let cdf = q.cdf(tape.constant(&[1.5], [1])).item();
    /// assert!((cdf + (-0.25_f64).exp_m1()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Weibull {
        /// The scale, $\lambda$.
        scale: Positive,
        /// The concentration, $k$.
        concentration: Positive,
    }
}

impl<'t, F: Scalar> Weibull<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        self.scale * standard(self.scale, shape, rng).pow(self.concentration.recip())
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let (t, k) = (x / self.scale, self.concentration);
        let log = k.ln() - self.scale.ln() + (k - F::ONE).xlogy(t) - t.pow(k);
        impossible(off_half_line(x), log)
    }

    /// $\ln\Gamma(1 + n/k)$.
    fn ln_moment(self, n: f64) -> Var<'t, F> {
        (self.concentration.recip() * F::from_f64(n) + F::ONE).ln_gamma()
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Weibull<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.scale * self.ln_moment(1.0).exp()
    }

    fn variance(&self) -> Var<'t, F> {
        let excess = self.ln_moment(2.0) - self.ln_moment(1.0) * F::from_f64(2.0);
        self.mean().square() * excess.exp_m1()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Weibull<'t, F> {
    /// $1 - e^{-t^k}$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        -(-(from_zero(x) / self.scale).pow(self.concentration)).exp_m1()
    }

    /// $\lambda(-\ln(1 - u))^{1/k}$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.scale * (-(-level(u)).ln_1p()).pow(self.concentration.recip())
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Weibull<'t, F> {
    /// $\sum \gamma(1 - 1/k) + \ln(\lambda/k) + 1$ with Euler's constant $\gamma$.
    fn entropy(&self) -> Var<'t, F> {
        let k = self.concentration;
        let euler = (-k.recip() + F::ONE) * F::from_f64(EULER_GAMMA);
        over_event(k, euler + (self.scale / k).ln() + F::ONE)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Weibull<'t, F> {
    /// $\sum \gamma(r - 1) - \ln r - d - 1 + e^d\Gamma(1 + r)$ with $r = k_p/k_q$ and $d = k_p\ln(\lambda_q/\lambda_p)$: the
    /// divergence of two Gumbel distributions, because $-\ln x$ has such a distribution (Bauckhage 2013).
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let d = p.concentration * ln_ratio(self.scale, p.scale);
        let each = near::gumbel(p.concentration, self.concentration, d);
        over_event(each, each)
    }
}
