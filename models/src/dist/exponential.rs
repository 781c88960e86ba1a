//! The exponential distribution and Laplace's, which is that of the difference of two exponential variables.

use super::edges::{from_zero, impossible, level, off_half_line};
use super::near::ln_ratio;
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::LN_2;

distribution! { continuous NonNegative
    /// The exponential distribution with rate $\lambda$, of density $\lambda e^{-\lambda x}$ for $x \ge 0$.
    ///
    /// The mean is $1/\lambda$, the variance $1/\lambda^2$. The derivative of $\ln p$ is $1/\lambda - x$. A sample is $z =
    /// -\ln(1 - u)/\lambda$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Entropy, Exponential};
    /// let tape = Tape::new();
    /// let waiting = Exponential::new(tape.leaf(&[2.0_f64], [1]))?;
    /// assert!((waiting.entropy().item() - (1.0 - 2_f64.ln())).abs() < 1e-15);
    /// assert_eq!(waiting.log_prob(tape.constant(&[-1.0], [1])).item(), f64::NEG_INFINITY);
    /// assert!(Exponential::new(tape.leaf(&[0.0_f64], [1])).is_err());
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Exponential {
        /// The rate, $\lambda$.
        rate: Positive,
    }
}

distribution! { continuous Real
    /// Laplace's distribution, of density $e^{-|x - \mu|/b}/2b$.
    ///
    /// The mean is $\mu$, the variance $2b^2$. The derivatives of $\ln p$ are $\mathrm{sign}(x - \mu)/b$ for $\mu$ (zero
    /// at $x = \mu$) and $(|x - \mu|/b - 1)/b$ for $b$. A sample is $\mu + b(e_1 - e_2)$ with two exponential variables.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Laplace};
    /// let tape = Tape::new();
    /// let [mu, b] = [1.0_f64, 2.0].map(|c| tape.leaf(&[c], [1]));
    /// let log_prob = Laplace::new(mu, b)?.log_prob(tape.constant(&[-3.0], [1])).item();
    /// assert!((log_prob + 2.0 + 4_f64.ln()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Laplace {
        /// The location, $\mu$.
        loc: Finite,
        /// The scale, $b$.
        scale: Positive,
    }
}

/// $-\ln(1 - u)$ for uniform numbers $u$ below one.
pub(super) fn standard<'t, F: Scalar, R: RandomSource>(
    like: Var<'t, F>,
    shape: Shape,
    rng: &mut R,
) -> Var<'t, F> {
    -(-rng.uniform_var(like.tape(), shape)).ln_1p()
}

impl<'t, F: Scalar> Exponential<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        standard(self.rate, shape, rng) / self.rate
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        impossible(off_half_line(x), self.rate.ln() - self.rate * x)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Exponential<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.rate.recip()
    }

    fn variance(&self) -> Var<'t, F> {
        self.rate.recip().square()
    }

    fn std(&self) -> Var<'t, F> {
        self.rate.recip()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Exponential<'t, F> {
    /// $1 - e^{-\lambda x}$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        -(-self.rate * from_zero(x)).exp_m1()
    }

    /// $-\ln(1 - u)/\lambda$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        -(-level(u)).ln_1p() / self.rate
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Exponential<'t, F> {
    /// $\sum 1 - \ln\lambda$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.rate, -self.rate.ln() + F::ONE)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Exponential<'t, F> {
    /// $\sum e^d - 1 - d$ with $d = \ln\lambda_p - \ln\lambda_q$, to the last digits also where the two are close.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let each = ln_ratio(p.rate, self.rate).exp_m1_less_x();
        over_event(each, each)
    }
}

impl<'t, F: Scalar> Laplace<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let e = standard(self.loc, shape.clone(), rng) - standard(self.loc, shape, rng);
        self.loc + self.scale * e
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let norm = self.scale.ln() + F::from_f64(LN_2);
        -((x - self.loc).abs() / self.scale) - norm
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Laplace<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.loc
    }

    fn variance(&self) -> Var<'t, F> {
        self.scale.square() * F::from_f64(2.0)
    }

    /// $\sqrt2 b$.
    fn std(&self) -> Var<'t, F> {
        self.scale * F::from_f64(std::f64::consts::SQRT_2)
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Laplace<'t, F> {
    /// $\tfrac12 e^t$ with $t = (x - \mu)/b$ up to zero, and $1 - \tfrac12 e^{-t}$ above it.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let t = (x - self.loc) / self.scale;
        let half = F::from_f64(0.5);
        let above = t.greater(t.constant(0.0));
        above.select(-(-t).exp() * half + F::ONE, t.exp() * half)
    }

    /// $\mu + b\ln 2u$ up to one half, and $\mu - b\ln 2(1 - u)$ above it.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let (u, two) = (level(u), F::from_f64(2.0));
        let above = u.greater(u.constant(0.5));
        let t = above.select(-((-u + F::ONE) * two).ln(), (u * two).ln());
        self.loc + self.scale * t
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Laplace<'t, F> {
    /// $\sum 1 + \ln 2b$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.scale, self.scale.ln() + F::from_f64(1.0 + LN_2))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Laplace<'t, F> {
    /// $\sum (r - 1 - \ln r) + r(e^{-s} - 1 + s)$ with $r = b_q/b_p$ and $s = |\mu_q - \mu_p|/b_q$; neither term cancels
    /// where the two distributions are close.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let away = (self.loc - p.loc).abs() / self.scale;
        let ratio = self.scale / p.scale;
        let each = ln_ratio(self.scale, p.scale).exp_m1_less_x() + ratio * (-away).exp_m1_less_x();
        over_event(each, each)
    }
}
