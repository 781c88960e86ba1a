//! The logistic distribution.

use super::edges::{level, open_uniform};
use super::parameters::distribution;
use super::{Cdf, Entropy, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::PI;

distribution! { continuous Real
    /// The logistic distribution, of distribution function $\sigma(t)$ with $t = (x - \mu)/s$ and density
    /// $\sigma(t)\sigma(-t)/s$.
    ///
    /// The mean is $\mu$, the variance $\pi^2s^2/3$. The derivatives of $\ln p$ are $(2\sigma(t) - 1)/s$ for $\mu$ and
    /// $(t(2\sigma(t) - 1) - 1)/s$ for $s$. A sample is $\mu + s\ln\frac{u}{1 - u}$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Logistic};
    /// let tape = Tape::new();
    /// let q = Logistic::new(tape.leaf(&[1.0_f64], [1]), tape.leaf(&[2.0], [1]))?;
    /// assert!((q.log_prob(tape.constant(&[1.0], [1])).item() + 8_f64.ln()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Logistic {
        /// The location, $\mu$.
        loc: Finite,
        /// The scale, $s$.
        scale: Positive,
    }
}

impl<'t, F: Scalar> Logistic<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        self.loc + self.scale * open_uniform(self.loc.tape(), shape, rng).logit()
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let t = (x - self.loc) / self.scale;
        log_logistic(t) - self.scale.ln()
    }
}

/// $\ln\sigma(t)\sigma(-t)$, the log-density of the standard logistic distribution.
pub(super) fn log_logistic<F: Scalar>(t: Var<'_, F>) -> Var<'_, F> {
    t.log_sigmoid() + (-t).log_sigmoid()
}

impl<'t, F: Scalar> Moments<'t, F> for Logistic<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.loc
    }

    fn variance(&self) -> Var<'t, F> {
        self.scale.square() * F::from_f64(PI * PI / 3.0)
    }

    /// $\pi s/\sqrt3$.
    fn std(&self) -> Var<'t, F> {
        self.scale * F::from_f64(PI / 3_f64.sqrt())
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Logistic<'t, F> {
    /// $\sigma(t)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        ((x - self.loc) / self.scale).sigmoid()
    }

    /// $\mu + s\ln\frac{u}{1 - u}$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.loc + self.scale * level(u).logit()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Logistic<'t, F> {
    /// $\sum \ln s + 2$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.scale, self.scale.ln() + F::from_f64(2.0))
    }
}
