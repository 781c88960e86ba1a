//! Weibull's distribution.

use super::edges::{
    below, from_zero, impossible, largest, level, ln_quotient, off_half_line, smallest,
};
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
    /// (1 - t^k)\ln t$ for $k$. A sample is $\lambda e^{1/k}$ with an exponential variable $e$; one below the smallest normal number or above
    /// the largest number is replaced by it.
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

/// $\zeta(2), \zeta(3), \dots$ For $u \le \tfrac1{32}$ the first term that is left out is below $10^{-17}$ of the sum.
#[rustfmt::skip]
const ZETA: [f64; 14] = [
    1.644_934_066_848_226_4, 1.202_056_903_159_594_3, 1.082_323_233_711_138_2, 1.036_927_755_143_37,
    1.017_343_061_984_449, 1.008_349_277_381_923, 1.004_077_356_197_944_3, 1.002_008_392_826_082_2,
    1.000_994_575_127_818, 1.000_494_188_604_119_5, 1.000_246_086_553_308, 1.000_122_713_347_578_5,
    1.000_061_248_135_058_7, 1.000_030_588_236_307,
];

impl<'t, F: Scalar> Weibull<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let x = self.scale * standard(self.scale, shape, rng).pow(self.concentration.recip());
        x.max(x.tape().number(smallest())).min(x.tape().number(largest()))
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let (t, k) = (x / self.scale, self.concentration);
        let norm = k.ln() - self.scale.ln();
        if t.with(|t| t.iter().all(|t| t.to_f64() < f64::INFINITY)) {
            let log = norm + (k - F::ONE).xlogy(t) - t.pow(k);
            return impossible(off_half_line(x), log);
        }
        // Where t overflows, powers are taken of its logarithm. (k − 1) ln t − t^k = −(e^v − 1 − v) − 1 − ln t with v = k ln t.
        let ln_t = ln_quotient(x, self.scale);
        let far = norm - (k * ln_t).exp_m1_less_x() - F::ONE - ln_t;
        let infinite = t.equal(t.constant(f64::INFINITY));
        let log = infinite.select(far, norm + (k - F::ONE).xlogy(t) - t.pow(k));
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
        self.mean().square() * self.squared_variation()
    }

    fn std(&self) -> Var<'t, F> {
        self.mean() * self.squared_variation().sqrt()
    }
}

impl<'t, F: Scalar> Weibull<'t, F> {
    /// The variance over the square of the mean, $\Gamma(1 + 2/k)/\Gamma(1 + 1/k)^2 - 1$.
    fn squared_variation(&self) -> Var<'t, F> {
        let plain = self.ln_moment(2.0) - self.ln_moment(1.0) * F::from_f64(2.0);
        // ln Γ(1 + u) = −γu + Σ ζ(n)(−u)ⁿ/n gives Σ ζ(n)(2ⁿ − 2)(−u)ⁿ/n without the first order, which cancels.
        let u = self.concentration.recip();
        let sum = ZETA.iter().zip(2..16_i32).rev().fold(u * F::ZERO, |sum, (zeta, n)| {
            F::from_f64(zeta * (2_f64.powi(n) - 2.0) / f64::from(n)) - u * sum
        });
        let excess = below(u, 1.0 / 32.0).select(sum * u.square(), plain);
        excess.exp_m1()
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
