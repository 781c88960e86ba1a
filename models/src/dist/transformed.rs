//! Distributions of a smooth invertible function of a variable.

use super::edges::impossible;
use super::{Bijection, Distribution, Reparam, Support};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The distribution of $y = f(x)$ for $x$ from a `base` distribution and a [`Bijection`] $f$.
///
/// $\ln p(y) = \ln q(x) - \ln|\det \partial f/\partial x|$ at $x = f^{-1}(y)$, with the derivatives of this formula.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, ExpBijection, LogNormal, Normal, Transformed};
/// let tape = Tape::new();
/// let [mu, sigma] = [0.3_f64, 0.8].map(|c| tape.leaf(&[c], [1]));
/// let q = Transformed::new(Normal::from_scale(mu, sigma)?, ExpBijection);
/// let y = tape.constant(&[1.7], [1]);
/// let expected = LogNormal::new(mu, sigma)?.log_prob(y).item();
/// assert!((q.log_prob(y).item() - expected).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Transformed<D, B> {
    base: D,
    bijection: B,
}

impl<D, B> Transformed<D, B> {
    /// The distribution of `bijection` of a variable from `base`, whose events must have an axis.
    pub fn new(base: D, bijection: B) -> Self {
        Self { base, bijection }
    }

    /// The distribution before the transformation.
    pub fn base(&self) -> &D {
        &self.base
    }

    /// The transformation.
    pub fn bijection(&self) -> &B {
        &self.bijection
    }
}

impl<'t, F: Scalar, D: Distribution<'t, F>, B: Bijection<'t, F>> Distribution<'t, F>
    for Transformed<D, B>
{
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let fixed = self.detach();
        fixed.bijection.forward(fixed.base.sample(count, rng))
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let before = self.bijection.inverse(x);
        let log_prob = self.base.log_prob(before) - self.bijection.log_det(before);
        impossible(self.bijection.outside(x), log_prob)
    }

    fn detach(&self) -> Self {
        Self { base: self.base.detach(), bijection: self.bijection.detach() }
    }

    fn support(&self) -> Support {
        self.bijection.image(self.base.support())
    }
}

impl<'t, F: Scalar, D: Reparam<'t, F>, B: Bijection<'t, F>> Reparam<'t, F> for Transformed<D, B> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.bijection.forward(self.base.rsample(count, rng))
    }
}
