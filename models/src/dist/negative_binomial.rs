//! The negative binomial distribution.

use super::edges::{impossible, level, off_counts, within};
use super::implicit::ln_gamma_draw;
use super::parameters::{broadcast, check};
use super::quantiles::{count_quantile, first_count};
use super::{
    Bernoulli, Cdf, Constraint, Coordinates, Distribution, Kl, Moments, ParameterError, Shapes,
    Support, over_event, poisson, sample_shape,
};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};

/// The number $k$ of successes before the failure number $r$, where each trial succeeds with probability $p = \sigma(\eta)$:
/// $p(k) = \frac{\Gamma(k + r)}{k! \Gamma(r)} p^k (1 - p)^r$. The number $r > 0$ need not be whole.
///
/// The mean is $rp/(1 - p) = re^\eta$, the variance $rp/(1 - p)^2$: the counts are Poisson variables whose rate is a gamma
/// variable with concentration $r$ and rate $e^{-\eta}$, and are sampled so. The derivative of $\ln p(k)$ with respect to
/// $\eta$ is $k - (k + r)p$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, NegativeBinomial};
/// let tape = Tape::new();
/// let q = NegativeBinomial::from_probs(tape.leaf(&[2.0_f64], [1]), tape.leaf(&[0.25], [1]))?;
/// let log_prob = q.log_prob(tape.constant(&[1.0], [1])).item();
/// assert!((log_prob.exp() - 2.0 * 0.25 * 0.75 * 0.75).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NegativeBinomial<'t, F> {
    total: Var<'t, F>,
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> NegativeBinomial<'t, F> {
    /// The distribution with these numbers of failures and these probabilities of a success.
    ///
    /// # Errors
    /// If a number of failures is not positive, or if a probability is not between zero and one, or is one of them.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_probs(total: Var<'t, F>, probs: Var<'t, F>) -> Result<Self, ParameterError> {
        let parameters =
            [("total", total, Constraint::Positive), ("probs", probs, Constraint::Fraction)];
        check("NegativeBinomial", &parameters)?;
        Ok(Self::from_logits_unchecked(total, probs.logit()))
    }

    /// The distribution with these numbers of failures and these log-odds of a success.
    ///
    /// # Errors
    /// If a number of failures is not positive, or if a logit is not finite.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_logits(total: Var<'t, F>, logits: Var<'t, F>) -> Result<Self, ParameterError> {
        let parameters =
            [("total", total, Constraint::Positive), ("logits", logits, Constraint::Finite)];
        check("NegativeBinomial", &parameters)?;
        Ok(Self::from_logits_unchecked(total, logits))
    }

    /// [`NegativeBinomial::from_logits`] without a look at the numbers.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_logits_unchecked(total: Var<'t, F>, logits: Var<'t, F>) -> Self {
        let [total, logits] = broadcast("NegativeBinomial", [total, logits]);
        Self { total, logits }
    }

    /// The number of failures, $r$.
    pub fn total(self) -> Var<'t, F> {
        self.total
    }

    /// The log-odds of a success, $\eta$.
    pub fn logits(self) -> Var<'t, F> {
        self.logits
    }

    /// The probability of a success, $p$.
    pub fn probs(self) -> Var<'t, F> {
        self.logits.sigmoid()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for NegativeBinomial<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let (totals, logits) = (self.total.value(), self.logits.value());
        self.total.tape().constant_with(sample_shape(count, self.total), |out| {
            let at = totals.values().iter().zip(logits.values()).cycle();
            for (k, (r, eta)) in out.iter_mut().zip(at) {
                // Rates and counts beyond the largest number are replaced by it.
                let rate = (ln_gamma_draw(r.to_f64(), rng) + eta.to_f64()).exp();
                *k = F::from_f64(within::<F>(poisson::draw(within::<F>(rate), rng)));
            }
        })
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        over_event(self.total, self.log_prob_each(x))
    }

    fn detach(&self) -> Self {
        Self { total: self.total.detach(), logits: self.logits.detach() }
    }

    fn support(&self) -> Support {
        Support::Counts
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.total)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for NegativeBinomial<'t, F> {
    /// $k\ln p + r\ln(1 - p) - \ln(k + r) - \ln B(r, k + 1)$.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let r = self.total;
        let ways = -(x + r).ln() - r.ln_beta(x + F::ONE);
        let powers = x * self.logits.log_sigmoid() + r * (-self.logits).log_sigmoid();
        impossible(off_counts(x), ways + powers)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for NegativeBinomial<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.total * self.logits.exp()
    }

    fn variance(&self) -> Var<'t, F> {
        self.mean() / (-self.logits).sigmoid()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for NegativeBinomial<'t, F> {
    /// $I_{1-p}(r, k + 1)$ with $k = \lfloor x \rfloor$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let zero = x.constant(0.0);
        let negative = x.less(zero);
        let infinite = x.equal(x.constant(f64::INFINITY));
        // Outside, the function gets arguments that it allows.
        let k = (negative + infinite).select(zero, x.floor());
        let inside = self.total.beta_inc(k + F::ONE, (-self.logits).sigmoid());
        infinite.select(x.constant(1.0), negative.select(zero, inside))
    }

    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        count_quantile([self.total, self.logits], level(u), |[r, eta], u| {
            let (p, q) = (Real::sigmoid(eta), Real::sigmoid(-eta));
            first_count(r * eta.exp(), |k| {
                let below = || f64::beta_inc(r, k + 1.0, q)[0];
                let above = || f64::beta_inc(k + 1.0, r, p)[0];
                if u <= 0.5 { below() >= u } else { above() <= 1.0 - u }
            })
        })
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for NegativeBinomial<'t, F> {
    /// $\sum r\mathrm{KL}(\mathrm{Bernoulli}(p_q) \Vert \mathrm{Bernoulli}(p_p))/(1 - p_q)$ where the numbers of failures
    /// agree, otherwise NaN, because then there is no closed form.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let trials = self.total / (-self.logits).sigmoid();
        let equal = trials * Bernoulli::kl_each(self.logits, p.logits);
        let each = self.total.equal(p.total).select(equal, equal.constant(f64::NAN));
        over_event(each, each)
    }
}
