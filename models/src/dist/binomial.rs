//! The binomial distribution.

use super::edges::{impossible, level, ln_binomial, off_counts};
use super::parameters::{broadcast, check};
use super::quantiles::{count_quantile, first_count};
use super::{
    Bernoulli, Cdf, Constraint, Coordinates, Distribution, Kl, Moments, ParameterError, Shapes,
    Support, over_event, sample_shape,
};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};

/// The number $k$ of successes in $n$ trials, each of which succeeds with probability $p = \sigma(\eta)$: $p(k) = \binom nk
/// p^k (1 - p)^{n-k}$.
///
/// The mean is $np$, the variance $np(1 - p)$. The derivative of $\ln p(k)$ with respect to the logits $\eta$ is $k - np$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Binomial, Distribution};
/// let tape = Tape::new();
/// let q = Binomial::from_probs(tape.constant(&[4.0], [1]), tape.leaf(&[0.25_f64], [1]))?;
/// let log_prob = q.log_prob(tape.constant(&[2.0, 5.0], [2, 1])).exp().value();
/// assert!((log_prob.values()[0] - 6.0 * 9.0 / 256.0).abs() < 1e-15);
/// assert_eq!(log_prob.values()[1], 0.0);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Binomial<'t, F> {
    total: Var<'t, F>,
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> Binomial<'t, F> {
    /// The distribution with these numbers of trials and these probabilities of a success.
    ///
    /// # Errors
    /// If a number of trials is no count, or if a probability is not between zero and one, or is one of them.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_probs(total: Var<'t, F>, probs: Var<'t, F>) -> Result<Self, ParameterError> {
        let parameters =
            [("total", total, Constraint::Count), ("probs", probs, Constraint::Fraction)];
        check("Binomial", &parameters)?;
        Ok(Self::from_logits_unchecked(total, probs.logit()))
    }

    /// The distribution with these numbers of trials and these log-odds of a success.
    ///
    /// # Errors
    /// If a number of trials is no count, or if a logit is not finite.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_logits(total: Var<'t, F>, logits: Var<'t, F>) -> Result<Self, ParameterError> {
        let parameters =
            [("total", total, Constraint::Count), ("logits", logits, Constraint::Finite)];
        check("Binomial", &parameters)?;
        Ok(Self::from_logits_unchecked(total, logits))
    }

    /// [`Binomial::from_logits`] without a look at the numbers.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_logits_unchecked(total: Var<'t, F>, logits: Var<'t, F>) -> Self {
        let [total, logits] = broadcast("Binomial", [total, logits]);
        Self { total, logits }
    }

    /// The number of trials, $n$.
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

impl<'t, F: Scalar> Distribution<'t, F> for Binomial<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let (totals, logits) = (self.total.value(), self.logits.value());
        self.total.tape().constant_with(sample_shape(count, self.total), |out| {
            let at = totals.values().iter().zip(logits.values()).cycle();
            for (k, (n, eta)) in out.iter_mut().zip(at) {
                *k = F::from_f64(draw(n.to_f64(), eta.to_f64(), rng));
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
        Support::BoundedCounts
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.total)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Binomial<'t, F> {
    /// $\ln\binom nk + k\ln p + (n - k)\ln(1 - p)$ with $\binom nk = 1/((n + 1)B(k + 1, n - k + 1))$.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let (n, rest) = (self.total, self.total - x);
        let ways = -(n + F::ONE).ln() - (x + F::ONE).ln_beta(rest + F::ONE);
        let powers = x * self.logits.log_sigmoid() + rest * (-self.logits).log_sigmoid();
        impossible(off_counts(x) + x.greater(n), ways + powers)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Binomial<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.total * self.probs()
    }

    fn variance(&self) -> Var<'t, F> {
        self.total * self.probs() * (-self.logits).sigmoid()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Binomial<'t, F> {
    /// $I_{1-p}(n - k, k + 1)$ with $k = \lfloor x \rfloor$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let (negative, all) = (x.less(zero), x.greater_equal(self.total));
        // Outside, the function gets arguments that it allows.
        let k = (negative + all).select(zero, x.floor());
        let rest = (self.total - k).max(one);
        let inside = rest.beta_inc(k + F::ONE, (-self.logits).sigmoid());
        all.select(one, negative.select(zero, inside))
    }

    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        count_quantile([self.total, self.logits], level(u), |[n, eta], u| {
            let (p, q) = (Real::sigmoid(eta), Real::sigmoid(-eta));
            first_count(n * p, |k| {
                let below = || f64::beta_inc(n - k, k + 1.0, q)[0];
                let above = || f64::beta_inc(k + 1.0, n - k, p)[0];
                k >= n || if u <= 0.5 { below() >= u } else { above() <= 1.0 - u }
            })
        })
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Binomial<'t, F> {
    /// $\sum n\mathrm{KL}(\mathrm{Bernoulli}(p_q) \Vert \mathrm{Bernoulli}(p_p))$ where the numbers of trials agree; $\infty$
    /// where $q$ has more trials, and NaN where it has fewer, because then there is no closed form.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let equal = self.total * Bernoulli::kl_each(self.logits, p.logits);
        let [infinite, nan] = [f64::INFINITY, f64::NAN].map(|c| equal.constant(c));
        let more = self.total.greater(p.total).select(infinite, nan);
        let each = self.total.equal(p.total).select(equal, more);
        over_event(each, each)
    }
}

/// A sample of the number of successes in `n` trials with log-odds `eta`.
pub(super) fn draw<R: RandomSource>(n: f64, eta: f64, rng: &mut R) -> f64 {
    if !(0.0..f64::INFINITY).contains(&n) || eta.is_nan() {
        return f64::NAN;
    }
    if eta > 0.0 {
        // Failures are counted if they are fewer.
        return n - draw(n, -eta, rng);
    }
    let (p, q) = (Real::sigmoid(eta), Real::sigmoid(-eta));
    if n * p < 10.0 { inversion(n, p, q, rng) } else { transformed_rejection(n, p, q, rng) }
}

/// Adds up probabilities from zero on, for a mean below ten.
fn inversion<R: RandomSource>(n: f64, p: f64, q: f64, rng: &mut R) -> f64 {
    let mut probs = Vec::with_capacity(32);
    let mut mass = (n * (-p).ln_1p()).exp();
    while (probs.len() as f64) <= n && (mass > 1e-17 || (probs.len() as f64) < n * p) {
        probs.push(mass);
        let k = probs.len() as f64;
        mass *= (n - k + 1.0) / k * (p / q);
    }
    rng.categorical(&probs) as f64
}

/// Hörmann's transformed rejection with squeeze (1993, algorithm BTRS), for means of ten and above and $p \le \tfrac12$.
///
/// The constants are those of the paper.
fn transformed_rejection<R: RandomSource>(n: f64, p: f64, q: f64, rng: &mut R) -> f64 {
    let spread = (n * p * q).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let c = n * p + 0.5;
    let v_r = 0.92 - 4.2 / b;
    let alpha = (2.83 + 5.1 / b) * spread;
    let mode = ((n + 1.0) * p).floor();
    let at_mode = ln_binomial(mode, n, p, q);
    loop {
        let u = rng.uniform() - 0.5;
        let v = 1.0 - rng.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + c).floor();
        if us >= 0.07 && v <= v_r {
            return k.clamp(0.0, n);
        }
        if !(0.0..=n).contains(&k) {
            continue;
        }
        let hat = (v * alpha / (a / (us * us) + b)).ln();
        if hat <= ln_binomial(k, n, p, q) - at_mode {
            return k;
        }
    }
}
