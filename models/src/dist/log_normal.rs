//! The log-normal distribution.

use super::edges::{from_zero, impossible, off_half_line, smallest};
use super::{
    Cdf, Coordinates, Distribution, Entropy, Kl, Moments, Normal, ParameterError, Reparam, Shapes,
    Support, over_event,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The distribution of $e^y$ for a normal $y \sim \mathcal N(\mu, \sigma^2)$.
///
/// The mean is $e^{\mu + \sigma^2/2}$; $\ln p(x) = \ln\mathcal N(\ln x; \mu, \sigma^2) - \ln x$ has the same
/// derivatives as the normal density at $\ln x$. A sample below the smallest normal number is replaced by that number.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, LogNormal, Normal};
/// let tape = Tape::new();
/// let [mu, sigma] = [0.0_f64, 1.0].map(|c| tape.leaf(&[c], [1]));
/// let log_prob = LogNormal(Normal::from_scale(mu, sigma)?).log_prob(tape.constant(&[1.0], [1]));
/// assert!((log_prob.item() + 0.9189385332046727).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogNormal<'t, F>(
    /// The distribution of the logarithm.
    pub Normal<'t, F>,
);

impl<'t, F: Scalar> LogNormal<'t, F> {
    /// The distribution of $e^y$ for a normal $y$ with this mean and this standard deviation.
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

/// $e^y$, and the smallest normal number where that would be less.
fn positive<F: Scalar>(y: Var<'_, F>) -> Var<'_, F> {
    y.exp().max(y.tape().number(smallest()))
}

impl<'t, F: Scalar> Distribution<'t, F> for LogNormal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        positive(self.0.sample(count, rng))
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        over_event(self.0.loc(), self.log_prob_each(x))
    }

    fn detach(&self) -> Self {
        Self(self.0.detach())
    }

    fn support(&self) -> Support {
        Support::NonNegative
    }

    fn shapes(&self) -> Shapes {
        self.0.shapes()
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for LogNormal<'t, F> {
    /// $\ln\mathcal N(\ln x; \mu, \sigma^2) - \ln x$, which is $-\infty$ at zero.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let outside = off_half_line(x) + x.equal(x.constant(0.0));
        // The kernel of the normal density passes on a slope of NaN, so it gets one where x is outside.
        let log = outside.select(x.constant(1.0), x).ln();
        impossible(outside, self.0.log_prob_each(log) - log)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for LogNormal<'t, F> {
    /// $e^{\mu + \sigma^2/2}$.
    fn mean(&self) -> Var<'t, F> {
        (self.0.loc() + self.0.variance() * F::from_f64(0.5)).exp()
    }

    /// $(1 - e^{-\sigma^2})e^{2(\mu + \sigma^2)}$.
    fn variance(&self) -> Var<'t, F> {
        let square = self.0.variance();
        -(-square).exp_m1() * ((self.0.loc() + square) * F::from_f64(2.0)).exp()
    }

    /// $\sqrt{1 - e^{-\sigma^2}} e^{\mu + \sigma^2}$.
    fn std(&self) -> Var<'t, F> {
        let square = self.0.variance();
        (-(-square).exp_m1()).sqrt() * (self.0.loc() + square).exp()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for LogNormal<'t, F> {
    /// $\Phi((\ln x - \mu)/\sigma)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.0.cdf(from_zero(x).ln())
    }

    /// $e^{\mu + \sigma\Phi^{-1}(u)}$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.0.quantile(u).exp()
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for LogNormal<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        positive(self.0.rsample(count, rng))
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for LogNormal<'t, F> {
    /// The entropy of the logarithm plus its mean, $\sum \ln\sigma + \tfrac12 \ln 2\pi e + \mu$.
    fn entropy(&self) -> Var<'t, F> {
        self.0.entropy() + over_event(self.0.loc(), self.0.loc())
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for LogNormal<'t, F> {
    /// The divergence of the logarithms, because a common transformation does not change a divergence.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        self.0.kl(&p.0)
    }
}
