//! The Bernoulli distribution.

use super::edges::{below, impossible, level};
use super::parameters::check;
use super::{
    Bits, Cdf, Constraint, Coordinates, Distribution, Entropy, Enumerable, Kl, Moments,
    ParameterError, Shapes, Support, for_kernel, over_event, sample_shape, unsqueeze,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// Independent variables that are one with probability $\sigma(\eta)$ and zero otherwise, with `logits` $\eta$.
///
/// $\ln p(x) = \sum_j x_j\eta_j - \mathrm{softplus}(\eta_j)$, with derivative $x - \sigma(\eta)$. Logits may be infinite:
/// then a bit is certain.
///
/// A distribution made by [`Bernoulli::from_logits`] or [`Bernoulli::from_probs`] takes the logarithm of the probability
/// of the value that each bit has; values other than zero and one have probability zero. Its twin
/// [`Bernoulli::from_logits_unchecked`] is for finite logits: it computes the formula above in one kernel, which gives grey
/// values between zero and one their cross-entropy. Both keep the digits of the derivative for logits of any size.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bernoulli, Distribution, Kl};
/// let tape = Tape::new();
/// let of = |p: f64| Bernoulli::from_probs(tape.leaf(&[p], [1]));
/// let (q, p) = (of(0.4)?, of(0.8)?);
/// assert!((q.kl(&p).item() - (0.4 * 0.5_f64.ln() + 0.6 * 3_f64.ln())).abs() < 1e-15);
/// // A certain bit.
/// let log_prob = of(1.0)?.log_prob(tape.constant(&[1.0, 0.0], [2, 1])).value();
/// assert_eq!(log_prob.values(), [0.0, f64::NEG_INFINITY]);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli<'t, F> {
    logits: Var<'t, F>,
    /// True if logits are finite and `log_prob` is one kernel.
    fused: bool,
}

impl<'t, F: Scalar> Bernoulli<'t, F> {
    /// The distribution whose log-odds of the value one are `logits`. They may be infinite.
    ///
    /// # Errors
    /// If a logit is NaN.
    pub fn from_logits(logits: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Bernoulli", &[("logits", logits, Constraint::LogOdds)])?;
        Ok(Self { logits, fused: false })
    }

    /// The distribution with these probabilities of the value one, which may be zero or one. For probabilities near one
    /// logits are better: $p$ itself has lost the digits of $1 - p$.
    ///
    /// # Errors
    /// If a number is not between zero and one.
    pub fn from_probs(probs: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Bernoulli", &[("probs", probs, Constraint::Probability)])?;
        Ok(Self { logits: probs.logit(), fused: false })
    }

    /// The distribution whose log-odds of the value one are `logits`, which must be finite, without a look at them. Its
    /// [`log_prob`](Distribution::log_prob) is one kernel.
    pub fn from_logits_unchecked(logits: Var<'t, F>) -> Self {
        Self { logits, fused: true }
    }

    /// The logits, $\eta$.
    pub fn logits(self) -> Var<'t, F> {
        self.logits
    }

    /// The mean, $\sigma(\eta)$.
    pub fn probs(self) -> Var<'t, F> {
        self.logits.sigmoid()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Bernoulli<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let probs = self.detach().probs();
        let bits = rng.bernoulli_var(probs, sample_shape(count, self.logits));
        // A comparison with NaN is false; the sum makes it NaN again. Checked logits are not NaN.
        if self.fused { bits + probs * F::ZERO } else { bits }
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        if self.fused && !self.logits.shape().is_empty() {
            return for_kernel(x, self.logits).bernoulli_log_prob(self.logits);
        }
        over_event(self.logits, self.log_prob_each(x))
    }

    fn detach(&self) -> Self {
        Self { logits: self.logits.detach(), fused: self.fused }
    }

    fn support(&self) -> Support {
        Support::Bits
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.logits)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Bernoulli<'t, F> {
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        if self.fused {
            return unsqueeze(for_kernel(x, self.logits))
                .bernoulli_log_prob(unsqueeze(self.logits));
        }
        let one = x.equal(x.constant(1.0));
        let log_prob = one.select(self.logits, -self.logits).log_sigmoid();
        let x = x.detach();
        // Neither zero nor one, and zero at NaN, which is kept.
        let outside = (x * (-x + F::ONE)).abs().greater(x.constant(0.0));
        impossible(outside, x.not_equal(x).select(x, log_prob))
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Bernoulli<'t, F> {
    /// $\sigma(\eta)$.
    fn mean(&self) -> Var<'t, F> {
        self.probs()
    }

    /// $\sigma(\eta)\sigma(-\eta)$.
    fn variance(&self) -> Var<'t, F> {
        self.probs() * (-self.logits).sigmoid()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Bernoulli<'t, F> {
    /// $\sigma(-\eta)$ from zero, and one from one.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|value| x.constant(value));
        let below_one = x.less(zero).select(zero, (-self.logits).sigmoid());
        let inside = x.less(one).select(below_one, one);
        x.not_equal(x).select(x, inside)
    }

    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let u = level(u).detach();
        // The product keeps a level of NaN.
        u.greater((-self.logits.detach()).sigmoid()) + u * F::ZERO
    }
}

/// $\sum_b p_b t_b$ over the two values of each bit, with the terms $t_b$ of the two; an impossible value adds nothing,
/// even if its term is infinite.
fn over_values<'t, F: Scalar>(
    logits: Var<'t, F>,
    [one, zero]: [Var<'t, F>; 2],
    fused: bool,
) -> Var<'t, F> {
    let term = |p: Var<'t, F>, term: Var<'t, F>| match fused {
        true => p * term,
        false => p.equal(p.constant(0.0)).select(p.constant(0.0), p * term),
    };
    term(logits.sigmoid(), one) + term((-logits).sigmoid(), zero)
}

impl<'t, F: Scalar> Bits<'t, F> for Bernoulli<'t, F> {
    fn logits(&self) -> Var<'t, F> {
        self.logits
    }
}

impl<'t, F: Scalar> Enumerable<'t, F> for Bernoulli<'t, F> {
    /// # Panics
    /// If an event has more than 20 bits, which is more than a million values.
    fn enumerate_support(&self) -> Var<'t, F> {
        let bits = *self.logits.shape().last().expect("an event has an axis");
        support_of_bits(self.logits, bits)
    }
}

/// Every value of `bits` binary variables, for every member of the batch of a parameter: shape `[2^bits, …batch, bits]`.
/// Bit `j` of the number of a value is variable `j`.
///
/// # Panics
/// If there are more than 20 bits.
pub(crate) fn support_of_bits<F: Scalar>(parameter: Var<'_, F>, bits: usize) -> Var<'_, F> {
    assert!(bits <= 20, "support: an event of {bits} bits has too many values to enumerate");
    let mut shape = sample_shape(1 << bits, parameter);
    let last = shape.len() - 1;
    shape[last] = bits;
    let per_value = shape.size() >> bits;
    parameter.tape().constant_with(shape, |out| {
        for (i, bit) in out.iter_mut().enumerate() {
            let (value, place) = (i / per_value, i % bits);
            *bit = F::from_f64((value >> place & 1) as f64);
        }
    })
}

impl<'t, F: Scalar> Entropy<'t, F> for Bernoulli<'t, F> {
    /// $\sum \mathrm{softplus}(\eta) - \eta \sigma(\eta)$, written as two terms of the same sign.
    fn entropy(&self) -> Var<'t, F> {
        let eta = self.logits;
        let terms = [eta.log_sigmoid(), (-eta).log_sigmoid()];
        -over_event(eta, over_values(eta, terms, self.fused))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Bernoulli<'t, F> {
    /// $\sum p(\ln p - \ln p') + (1-p)(\ln(1-p) - \ln(1-p'))$ with every logarithm a log-sigmoid of a
    /// logit, so that saturated logits give neither NaN nor a vanished derivative. Where the logits are close, it is computed
    /// without cancellation.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let each = divergence(self.logits, p.logits, self.fused && p.fused);
        over_event(each, each)
    }
}

/// The divergence of each bit from its counterpart.
///
/// Where the logits are close, the ratios of the probabilities are $e^{d - l}$ and $e^{-l}$ with the difference $d$ of the logits
/// and $l = \ln(1 + \sigma(\eta_q)(e^d - 1))$, and because probabilities sum to one the divergence is the mean of $e^y - 1 - y$
/// over both logarithms $y$ of a ratio: no term is negative.
fn divergence<'t, F: Scalar>(q: Var<'t, F>, p: Var<'t, F>, fused: bool) -> Var<'t, F> {
    let terms = [q.log_sigmoid() - p.log_sigmoid(), (-q).log_sigmoid() - (-p).log_sigmoid()];
    let far = over_values(q, terms, fused);
    let d = p - q;
    let (one, zero) = (q.sigmoid(), (-q).sigmoid());
    let l = (one * d.exp_m1()).ln_1p();
    let near = one * (d - l).exp_m1_less_x() + zero * (-l).exp_m1_less_x();
    below(d.abs(), 0.5).select(near, far)
}

impl<'t, F: Scalar> Bernoulli<'t, F> {
    /// $\mathrm{KL}$ of one bit with log-odds `q` from one with log-odds `p`, both finite, in their common shape.
    pub(super) fn kl_each(q: Var<'t, F>, p: Var<'t, F>) -> Var<'t, F> {
        divergence(q, p, true)
    }
}
