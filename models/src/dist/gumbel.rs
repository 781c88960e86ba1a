//! Gumbel's distribution.

use super::edges::{level, open_uniform};
use super::near;
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Tape, Var};
use std::f64::consts::{EULER_GAMMA, PI};

distribution! { continuous Real
    /// Gumbel's distribution, of distribution function $e^{-e^{-t}}$ with $t = (x - \mu)/\beta$: the limit distribution of
    /// the largest of many numbers.
    ///
    /// The mean is $\mu + \gamma\beta$ with Euler's constant $\gamma$, the variance $\pi^2\beta^2/6$. The log-density is
    /// $-t - e^{-t} - \ln\beta$; its derivatives are $(1 - e^{-t})/\beta$ for $\mu$ and $(t(1 - e^{-t}) - 1)/\beta$ for
    /// $\beta$. A sample is $\mu - \beta\ln(-\ln u)$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Gumbel};
    /// let tape = Tape::new();
    /// let q = Gumbel::new(tape.leaf(&[1.0_f64], [1]), tape.leaf(&[2.0], [1]))?;
    /// assert!((q.log_prob(tape.constant(&[1.0], [1])).item() + 1.0 + 2_f64.ln()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Gumbel {
        /// The location, $\mu$, which is the mode.
        loc: Finite,
        /// The scale, $\beta$.
        scale: Positive,
    }
}

/// Samples of the standard distribution, $-\ln(-\ln u)$.
pub(super) fn standard<'t, F: Scalar, R: RandomSource>(
    tape: &'t Tape<F>,
    shape: Shape,
    rng: &mut R,
) -> Var<'t, F> {
    -(-open_uniform(tape, shape, rng).ln()).ln()
}

impl<'t, F: Scalar> Gumbel<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        self.loc + self.scale * standard(self.loc.tape(), shape, rng)
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let t = (x - self.loc) / self.scale;
        // −t − e^{−t}, in which infinities do not cancel.
        -(-t).exp_m1_less_x() - F::ONE - self.scale.ln()
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Gumbel<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.loc + self.scale * F::from_f64(EULER_GAMMA)
    }

    fn variance(&self) -> Var<'t, F> {
        self.scale.square() * F::from_f64(PI * PI / 6.0)
    }

    fn std(&self) -> Var<'t, F> {
        self.scale * F::from_f64(PI / 6_f64.sqrt())
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Gumbel<'t, F> {
    /// $e^{-e^{-t}}$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        (-(-(x - self.loc) / self.scale).exp()).exp()
    }

    /// $\mu - \beta\ln(-\ln u)$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.loc - self.scale * (-level(u).ln()).ln()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Gumbel<'t, F> {
    /// $\sum \ln\beta + \gamma + 1$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.scale, self.scale.ln() + F::from_f64(EULER_GAMMA + 1.0))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Gumbel<'t, F> {
    /// $\sum \gamma(r - 1) - \ln r - d - 1 + e^d\Gamma(1 + r)$ with $r = \beta_q/\beta_p$ and $d = (\mu_p -
    /// \mu_q)/\beta_p$, without cancellation where the two are close.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let each = near::gumbel(self.scale, p.scale, (p.loc - self.loc) / p.scale);
        over_event(each, each)
    }
}
