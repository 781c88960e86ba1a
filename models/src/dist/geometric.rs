//! The geometric distribution.

use super::edges::{below, impossible, largest, level, off_counts};
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
/// logits $\eta$ is $1 - (n + 1)p$. A sample is $\lfloor e/(-\ln(1 - p)) \rfloor$ with an exponential variable $e$, and the largest
/// number of the precision where that would be more, as almost always if $\eta$ is below minus the logarithm of that number.
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

/// The logits below which $\ln(1 - p) = -p$ and $\ln p = \eta$ up to rounding: $e^{-40} < 10^{-17}$.
const RARE: f64 = -40.0;

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

    /// Not zero where $1 - p/2$ rounds to one, so that $-\ln(1 - p)$ is $p$ to the last digit. There $p$ itself may underflow.
    fn rare(self) -> Var<'t, F> {
        below(self.logits, RARE)
    }

    /// $-\frac{1 - p}{p}\ln(1 - p)$, which tends to one as $p$ tends to zero.
    fn mean_log_failure(self) -> Var<'t, F> {
        let plain = (-self.logits).exp() * -self.log_failure();
        self.rare().select(plain.constant(1.0), plain)
    }
}

/// $a/b$ of numbers that are not negative, and zero where $a$ is, also if $b$ has underflowed.
fn quotient<'t, F: Scalar>(a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    a.equal(a.constant(0.0)).select(a, a / b)
}

impl<'t, F: Scalar> Distribution<'t, F> for Geometric<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let waiting = standard(self.logits, sample_shape(count, self.logits), rng);
        let failures = quotient(waiting, self.log_failure().detach().abs()).floor();
        failures.min(failures.tape().number(largest()))
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
        // Infinitely many trials do not all fail, also where the logarithm underflows to zero.
        let sure = trials.equal(trials.constant(f64::INFINITY));
        -sure.select(-trials, trials * self.log_failure()).exp_m1()
    }

    /// $\lceil \ln(1 - u)/\ln(1 - p) \rceil - 1$, at least zero.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let trials = quotient(-(-level(u)).ln_1p(), self.log_failure().abs());
        (trials.detach().ceil() - F::ONE).max(u.constant(0.0))
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Geometric<'t, F> {
    /// $\sum -\ln p - \frac{1 - p}{p}\ln(1 - p)$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.logits, self.mean_log_failure() - self.logits.log_sigmoid())
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Geometric<'t, F> {
    /// $\sum \mathrm{KL}(\mathrm{Bernoulli}(p_q) \Vert \mathrm{Bernoulli}(p_p))/p_q$: the divergence of one trial times the
    /// mean number of trials.
    ///
    /// Where $p_q$ may underflow it is $e^d - 1 - d + (d + \eta_q - \ln p_p)$ with $d = \ln(-\ln(1 - p_p)) - \eta_q$, where the
    /// last term vanishes if $p_p$ is as small.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let plain = Bernoulli::kl_each(self.logits, p.logits) / self.probs();
        let failure = p.rare().select(p.logits, (-p.log_failure()).ln());
        let d = failure - self.logits;
        let limit =
            d.exp_m1_less_x() + (failure - p.rare().select(p.logits, p.logits.log_sigmoid()));
        let each = self.rare().select(limit, plain);
        over_event(each, each)
    }
}
