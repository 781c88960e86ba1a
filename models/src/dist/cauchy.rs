//! Cauchy's distribution, on the line and on the half line.

use super::edges::{from_zero, impossible, in_range, level, off_half_line, open_uniform};
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::{LN_2, PI};

distribution! { continuous Real
    /// Cauchy's distribution, of density $1/(\pi\sigma(1 + t^2))$ with $t = (x - \mu)/\sigma$.
    ///
    /// It has no mean and no variance. The derivatives of $\ln p$ are $\frac{2t}{1 + t^2}/\sigma$ for $\mu$ and
    /// $\bigl(\frac{2t^2}{1 + t^2} - 1\bigr)/\sigma$ for $\sigma$. A sample is $\mu + \sigma\tan(\pi(u - \tfrac12))$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Cauchy, Cdf};
    /// let tape = Tape::new();
    /// let q = Cauchy::new(tape.leaf(&[1.0_f64], [1]), tape.leaf(&[2.0], [1]))?;
    /// // The quartiles lie at the distance σ of the median.
    /// assert!((q.quantile(tape.constant(&[0.75], [1])).item() - 3.0).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Cauchy {
        /// The location, $\mu$.
        loc: Finite,
        /// The scale, $\sigma$.
        scale: Positive,
    }
}

distribution! { continuous NonNegative
    /// The distribution of the absolute value of a Cauchy variable with location zero, of density
    /// $2/(\pi\sigma(1 + t^2))$ with $t = x/\sigma$ for $x \ge 0$.
    ///
    /// Its mean and variance are infinite. The derivative of $\ln p$ is $\bigl(\frac{2t^2}{1 + t^2} - 1\bigr)/\sigma$. A
    /// sample is $\sigma\tan(\pi u/2)$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Cdf, HalfCauchy};
    /// let tape = Tape::new();
    /// let q = HalfCauchy::new(tape.leaf(&[2.0_f64], [1]))?;
    /// assert!((q.cdf(tape.constant(&[2.0], [1])).item() - 0.5).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    HalfCauchy {
        /// The scale, $\sigma$.
        scale: Positive,
    }
}

/// $\ln\frac{\sigma}{\sigma^2 + d^2}$, without squares and quotients that overflow.
fn ln_density<'t, F: Scalar>(d: Var<'t, F>, scale: Var<'t, F>) -> Var<'t, F> {
    scale.ln() - d.hypot(scale).ln() * F::from_f64(2.0)
}

/// $\ln\frac{(\sigma_q + \sigma_p)^2 + d^2}{4\sigma_q\sigma_p}$, written as $\ln(1 + r)$ with $r = \frac{(\sigma_q -
/// \sigma_p)^2 + d^2}{4\sigma_q\sigma_p}$, so that it keeps its digits where the two are close (Chyzak and Nielsen 2019).
fn divergence<'t, F: Scalar>(q: Var<'t, F>, p: Var<'t, F>, d: Var<'t, F>) -> Var<'t, F> {
    let square = |a: Var<'t, F>| (a / q) * (a / p);
    ((square(q - p) + square(d)) * F::from_f64(0.25)).ln_1p()
}

impl<'t, F: Scalar> Cauchy<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let u = open_uniform(self.loc.tape(), shape, rng);
        in_range(self.loc + self.scale * ((u - F::from_f64(0.5)) * F::from_f64(PI)).tan())
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        ln_density(x - self.loc, self.scale) - F::from_f64(PI.ln())
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Cauchy<'t, F> {
    /// NaN: there is no mean.
    fn mean(&self) -> Var<'t, F> {
        self.loc * F::from_f64(f64::NAN)
    }

    /// NaN: there is no variance.
    fn variance(&self) -> Var<'t, F> {
        self.loc * F::from_f64(f64::NAN)
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Cauchy<'t, F> {
    /// The angle of the point $(-t, 1)$ over $\pi$, which is accurate in both tails.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let t = (x - self.loc) / self.scale;
        t.constant(1.0).atan2(-t) * F::from_f64(1.0 / PI)
    }

    /// $\mu - \sigma\cot \pi u$, with the angle from the nearer end.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let (u, pi) = (level(u), F::from_f64(PI));
        let upper = u.greater(u.constant(0.5));
        let t = upper.select(((-u + F::ONE) * pi).tan().recip(), -(u * pi).tan().recip());
        self.loc + self.scale * t
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Cauchy<'t, F> {
    /// $\sum \ln 4\pi\sigma$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.scale, self.scale.ln() + F::from_f64((4.0 * PI).ln()))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Cauchy<'t, F> {
    /// $\sum \ln\frac{(\sigma_q + \sigma_p)^2 + (\mu_q - \mu_p)^2}{4\sigma_q\sigma_p}$, which is symmetric (Chyzak and Nielsen
    /// 2019).
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let each = divergence(self.scale, p.scale, self.loc - p.loc);
        over_event(each, each)
    }
}

impl<'t, F: Scalar> HalfCauchy<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let u = open_uniform(self.scale.tape(), shape, rng);
        in_range(self.scale * (u * F::from_f64(0.5 * PI)).tan())
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let log = ln_density(x, self.scale) - F::from_f64(PI.ln() - LN_2);
        impossible(off_half_line(x), log)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for HalfCauchy<'t, F> {
    /// Infinite.
    fn mean(&self) -> Var<'t, F> {
        self.scale * F::from_f64(f64::INFINITY)
    }

    /// Infinite.
    fn variance(&self) -> Var<'t, F> {
        self.scale * F::from_f64(f64::INFINITY)
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for HalfCauchy<'t, F> {
    /// $\tfrac2\pi \arctan(x/\sigma)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        (from_zero(x) / self.scale).atan() * F::from_f64(2.0 / PI)
    }

    /// $\sigma\tan(\pi u/2)$, with the angle from the nearer end.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let (u, half) = (level(u), F::from_f64(0.5 * PI));
        let upper = u.greater(u.constant(0.5));
        self.scale * upper.select(((-u + F::ONE) * half).tan().recip(), (u * half).tan())
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for HalfCauchy<'t, F> {
    /// $\sum \ln 2\pi\sigma$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.scale, self.scale.ln() + F::from_f64((2.0 * PI).ln()))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for HalfCauchy<'t, F> {
    /// The divergence of the two Cauchy distributions with location zero: both densities are doubled on the half line.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let each = divergence(self.scale, p.scale, self.scale * F::ZERO);
        over_event(each, each)
    }
}
