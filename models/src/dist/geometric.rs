//! The geometric distribution.

use super::edges::{impossible, level, off_counts};
use super::exponential::standard;
use super::parameters::check;
use super::{
    Bernoulli, Cdf, Constraint, Coordinates, Distribution, Entropy, Kl, Moments, ParameterError,
    Shapes, Support, over_event, sample_shape,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The number $n$ of failures before the first success, where each trial succeeds with probability $p = \sigma(\eta)$:
/// $p(n) = (1 - p)^n p$.
///
/// The mean is $(1 - p)/p = e^{-\eta}$, the variance $(1 - p)/p^2$. The derivative of $\ln p(n)$ with respect to the
/// logits $\eta$ is $1 - (n + 1)p$. A sample is $\lfloor e/(-\ln(1 - p)) \rfloor$ with an exponential variable $e$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Geometric};
/// let tape = Tape::new();
/// let q = Geometric::from_probs(tape.leaf(&[0.25_f64], [1]))?;
/// let log_prob = q.log_prob(tape.constant(&[2.0], [1])).item();
/// assert!((log_prob.exp() - 0.75 * 0.75 * 0.25).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Geometric<'t, F> {
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> Geometric<'t, F> {
    /// The distribution with these probabilities of a success.
    ///
    /// # Errors
    /// If a number is not between zero and one, or is one of them.
    pub fn from_probs(probs: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Geometric", &[("probs", probs, Constraint::Fraction)])?;
        Ok(Self { logits: probs.logit() })
    }

    /// The distribution with these log-odds of a success.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn from_logits(logits: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Geometric", &[("logits", logits, Constraint::Finite)])?;
        Ok(Self { logits })
    }

    /// [`Geometric::from_logits`] without a look at the numbers.
    pub fn from_logits_unchecked(logits: Var<'t, F>) -> Self {
        Self { logits }
    }

    /// The log-odds of a success, $\eta$.
    pub fn logits(self) -> Var<'t, F> {
        self.logits
    }

    /// The probability of a success, $p$.
    pub fn probs(self) -> Var<'t, F> {
        self.logits.sigmoid()
    }

    /// $\ln(1 - p)$.
    fn log_failure(self) -> Var<'t, F> {
        (-self.logits).log_sigmoid()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Geometric<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let waiting = standard(self.logits, sample_shape(count, self.logits), rng);
        (-waiting / self.log_failure().detach()).floor()
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        over_event(self.logits, self.log_prob_each(x))
    }

    fn detach(&self) -> Self {
        Self { logits: self.logits.detach() }
    }

    fn support(&self) -> Support {
        Support::Counts
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.logits)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Geometric<'t, F> {
    /// $n\ln(1 - p) + \ln p$.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        impossible(off_counts(x), x * self.log_failure() + self.logits.log_sigmoid())
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Geometric<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        (-self.logits).exp()
    }

    fn variance(&self) -> Var<'t, F> {
        (-self.logits).exp() / self.probs()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Geometric<'t, F> {
    /// $1 - (1 - p)^{\lfloor x \rfloor + 1}$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let negative = x.less(x.constant(0.0));
        let trials = negative.select(x.constant(0.0), x.floor() + F::ONE);
        -(trials * self.log_failure()).exp_m1()
    }

    /// $\lceil \ln(1 - u)/\ln(1 - p) \rceil - 1$, at least zero.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let trials = (-level(u)).ln_1p() / self.log_failure();
        (trials.detach().ceil() - F::ONE).max(u.constant(0.0))
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Geometric<'t, F> {
    /// $\sum -\ln p - \frac{1 - p}{p}\ln(1 - p)$.
    fn entropy(&self) -> Var<'t, F> {
        let each = self.logits.log_sigmoid() + (-self.logits).exp() * self.log_failure();
        over_event(self.logits, -each)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Geometric<'t, F> {
    /// $\sum \mathrm{KL}(\mathrm{Bernoulli}(p_q) \Vert \mathrm{Bernoulli}(p_p))/p_q$: the divergence of one trial times the
    /// mean number of trials.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let each = Bernoulli::kl_each(self.logits, p.logits) / self.probs();
        over_event(each, each)
    }
}
