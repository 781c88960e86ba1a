//! The logit-normal distribution.

use super::edges::{impossible, off_ends, off_unit_interval};
use super::{
    Cdf, Coordinates, Distribution, Kl, Normal, ParameterError, Reparam, Shapes, Support,
    over_event,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The distribution of $\sigma(y)$ for a normal $y \sim \mathcal N(\mu, \sigma^2)$, on the unit interval.
///
/// $\ln p(x) = \ln\mathcal N(\mathrm{logit} x; \mu, \sigma^2) - \ln x - \ln(1 - x)$ has the same derivatives as the normal
/// density at $\mathrm{logit} x$. The density is zero at both ends. Mean, variance and entropy have no closed form.
/// Samples are at least the smallest normal number and at most the largest number below one.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Cdf, LogitNormal};
/// let tape = Tape::new();
/// let q = LogitNormal::new(tape.leaf(&[0.0_f64], [1]), tape.leaf(&[1.5], [1]))?;
/// assert_eq!(q.cdf(tape.constant(&[0.5], [1])).item(), 0.5);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogitNormal<'t, F>(
    /// The distribution of the logit.
    pub Normal<'t, F>,
);

impl<'t, F: Scalar> LogitNormal<'t, F> {
    /// The distribution of $\sigma(y)$ for a normal $y$ with this mean and this standard deviation.
    ///
    /// # Errors
    /// If a number of the mean is not finite, or one of the standard deviation not positive.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: Var<'t, F>, scale: Var<'t, F>) -> Result<Self, ParameterError> {
        Normal::from_scale(loc, scale).map(Self)
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for LogitNormal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        off_ends(self.0.sample(count, rng).sigmoid())
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        over_event(self.0.loc(), self.log_prob_each(x))
    }

    fn detach(&self) -> Self {
        Self(self.0.detach())
    }

    fn support(&self) -> Support {
        Support::UnitInterval
    }

    fn shapes(&self) -> Shapes {
        self.0.shapes()
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for LogitNormal<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        off_ends(self.0.rsample(count, rng).sigmoid())
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for LogitNormal<'t, F> {
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, half, one] = [0.0, 0.5, 1.0].map(|c| x.constant(c));
        let outside = off_unit_interval(x) + x.equal(zero) + x.equal(one);
        // The kernel of the normal density passes on a slope of NaN, so it gets one half where x is outside.
        let inside = outside.select(half, x);
        let log = self.0.log_prob_each(inside.logit()) - inside.ln() - (-inside).ln_1p();
        impossible(outside, log)
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for LogitNormal<'t, F> {
    /// $\Phi((\mathrm{logit} x - \mu)/\sigma)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let inside = x.less(zero).select(zero, x.greater(one).select(one, x));
        self.0.cdf(inside.logit())
    }

    /// $\sigma(\mu + \sigma\Phi^{-1}(u))$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.0.quantile(u).sigmoid()
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for LogitNormal<'t, F> {
    /// The divergence of the logits, because a common transformation does not change a divergence.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        self.0.kl(&p.0)
    }
}
