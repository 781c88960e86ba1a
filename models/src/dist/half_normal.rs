//! The half-normal distribution.

use super::edges::{from_zero, impossible, level, off_half_line};
use super::near::ln_ratio;
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, PI, SQRT_2};

distribution! { continuous NonNegative
    /// The distribution of $|y|$ for $y \sim \mathcal N(0, \sigma^2)$, of density $\frac{1}{\sigma}\sqrt{2/\pi}
    /// e^{-t^2/2}$ with $t = x/\sigma$ for $x \ge 0$.
    ///
    /// The mean is $\sigma\sqrt{2/\pi}$, the variance $\sigma^2(1 - 2/\pi)$. The derivative of $\ln p$ is $(t^2 - 1)/\sigma$. A
    /// sample is $\sigma|\varepsilon|$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{HalfNormal, Moments};
    /// let tape = Tape::new();
    /// let q = HalfNormal::new(tape.leaf(&[2.0_f64], [1]))?;
    /// assert!((q.mean().item() - 2.0 * (2.0 / std::f64::consts::PI).sqrt()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    HalfNormal {
        /// The standard deviation of the normal distribution, $\sigma$.
        scale: Positive,
    }
}

impl<'t, F: Scalar> HalfNormal<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        self.scale * rng.normal_var(self.scale.tape(), shape).abs()
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let t = x / self.scale;
        let constant = F::from_f64(0.5 * FRAC_2_PI.ln());
        impossible(off_half_line(x), t.square() * F::from_f64(-0.5) - self.scale.ln() + constant)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for HalfNormal<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.scale * F::from_f64(FRAC_2_PI.sqrt())
    }

    fn variance(&self) -> Var<'t, F> {
        self.scale.square() * F::from_f64(1.0 - FRAC_2_PI)
    }

    fn std(&self) -> Var<'t, F> {
        self.scale * F::from_f64((1.0 - FRAC_2_PI).sqrt())
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for HalfNormal<'t, F> {
    /// $\mathrm{erf}(t/\sqrt2)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        (from_zero(x) / self.scale * F::from_f64(FRAC_1_SQRT_2)).erf()
    }

    /// $\sigma\sqrt2 \mathrm{erf}^{-1}(u)$, in the upper half $-\sigma\Phi^{-1}((1 - u)/2)$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let u = level(u);
        let upper = -((-u + F::ONE) * F::from_f64(0.5)).normal_quantile();
        let lower = u.erf_inv() * F::from_f64(SQRT_2);
        self.scale * u.greater(u.constant(0.5)).select(upper, lower)
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for HalfNormal<'t, F> {
    /// $\sum \tfrac12 + \tfrac12\ln(\pi\sigma^2/2)$.
    fn entropy(&self) -> Var<'t, F> {
        let constant = 0.5 + 0.5 * (0.5 * PI).ln();
        over_event(self.scale, self.scale.ln() + F::from_f64(constant))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for HalfNormal<'t, F> {
    /// $\sum \tfrac12(e^d - 1 - d)$ with $d = 2\ln(\sigma_q/\sigma_p)$: the divergence of the normal distributions.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let d = ln_ratio(self.scale, p.scale) * F::from_f64(2.0);
        let each = d.exp_m1_less_x() * F::from_f64(0.5);
        over_event(each, each)
    }
}
