//! The log-normal distribution.

use super::{Distribution, Entropy, Kl, Normal, Reparam};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The distribution of $e^y$ for a normal $y \sim \mathcal N(\mu, \sigma^2)$.
///
/// The mean is $e^{\mu + \sigma^2/2}$; $\ln p(x) = \ln\mathcal N(\ln x; \mu, \sigma^2) - \ln x$ has the same
/// derivatives as the normal density at $\ln x$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, LogNormal, Normal};
/// let tape = Tape::new();
/// let [mu, sigma] = [0.0_f64, 1.0].map(|c| tape.leaf(&[c], [1]));
/// let log_prob = LogNormal(Normal::from_scale(mu, sigma)).log_prob(tape.constant(&[1.0], [1]));
/// assert!((log_prob.item() + 0.9189385332046727).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogNormal<'t, F>(
    /// The distribution of the logarithm.
    pub Normal<'t, F>,
);

impl<'t, F: Scalar> Distribution<'t, F> for LogNormal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.0.sample(count, rng).exp()
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let log = x.ln();
        self.0.log_prob(log) - log.sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self(self.0.detach())
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for LogNormal<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.0.rsample(count, rng).exp()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for LogNormal<'t, F> {
    /// The entropy of the logarithm plus its mean, $\sum \ln\sigma + \tfrac12 \ln 2\pi e + \mu$.
    fn entropy(&self) -> Var<'t, F> {
        self.0.entropy() + self.0.loc().sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for LogNormal<'t, F> {
    /// The divergence of the logarithms, because a common transformation does not change a divergence.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        self.0.kl(&p.0)
    }
}
