//! The relaxed Bernoulli and categorical distributions (Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017).

use super::edges::{impossible, level, off_ends, off_simplex, off_unit_interval, open_uniform};
use super::gumbel;
use super::logistic::log_logistic;
use super::parameters::{check, distribution};
use super::{
    Cdf, Constraint, Distribution, ParameterError, Reparam, Support, sample_shape, unsqueeze, width,
};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Shape, Var};

distribution! { continuous UnitInterval
    /// The binary concrete distribution: $x = \sigma((\eta + l)/\tau)$ with a standard logistic $l$ and temperature $\tau$. As
    /// $\tau$ tends to zero it becomes the Bernoulli distribution with logits $\eta$.
    ///
    /// With $t = \tau\mathrm{logit} x - \eta$ the log-density is $\ln\tau + \ln\sigma(t)\sigma(-t) - \ln x - \ln(1 - x)$. Its
    /// derivative with respect to $\eta$ is $2\sigma(t) - 1$. Mean and variance have no closed form.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Cdf, RelaxedBernoulli};
    /// let tape = Tape::new();
    /// let of = |c: f64| tape.leaf(&[c], [1]);
    /// let q = RelaxedBernoulli::new(of(0.5), of(2.0))?;
    /// // As often above one half as the bit is one.
    /// let above = 1.0 - q.cdf(tape.constant(&[0.5], [1])).item();
    /// assert!((above - 1.0 / (1.0 + (-2_f64).exp())).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    RelaxedBernoulli {
        /// The temperature, $\tau$.
        temperature: Positive,
        /// The logits, $\eta$.
        logits: Finite,
    }
}

impl<'t, F: Scalar> RelaxedBernoulli<'t, F> {
    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        off_ends(self.quantile(open_uniform(self.logits.tape(), shape, rng)))
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let t = self.temperature * x.logit() - self.logits;
        let log = self.temperature.ln() + log_logistic(t) - x.ln() - (-x).ln_1p();
        let ends = x.equal(x.constant(0.0)) + x.equal(x.constant(1.0));
        impossible(off_unit_interval(x) + ends, log)
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for RelaxedBernoulli<'t, F> {
    /// $\sigma(\tau\mathrm{logit} x - \eta)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let inside = x.less(zero).select(zero, x.greater(one).select(one, x));
        (self.temperature * inside.logit() - self.logits).sigmoid()
    }

    /// $\sigma((\eta + \mathrm{logit} u)/\tau)$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        ((self.logits + level(u).logit()) / self.temperature).sigmoid()
    }
}

/// The concrete distribution over probability vectors: $x = \mathrm{softmax}((\eta + g)/\tau)$ with independent standard Gumbel
/// variables $g$ and temperature $\tau$. As $\tau$ tends to zero it becomes the categorical distribution with logits $\eta$.
///
/// For $C$ classes the log-density is $\ln (C - 1)! + (C - 1)\ln\tau + \sum_c s_c - \sum_c \ln x_c - C\ln\sum_c e^{s_c}$ with $s_c =
/// \eta_c - \tau\ln x_c$.
/// Its derivative with respect to $\eta$ is $1 - C\mathrm{softmax}(s)$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, RelaxedOneHot};
/// let tape = Tape::new();
/// // With two equal classes and temperature one, the first entry is uniform.
/// let q = RelaxedOneHot::new(tape.leaf(&[1.0_f64], [1]), tape.leaf(&[0.3, 0.3], [2]))?;
/// assert!(q.log_prob(tape.constant(&[0.2, 0.8], [2])).item().abs() < 1e-14);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Gumbel-softmax")]
#[doc(alias = "RelaxedOneHotCategorical")]
pub struct RelaxedOneHot<'t, F> {
    temperature: Var<'t, F>,
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> RelaxedOneHot<'t, F> {
    /// The distribution with this temperature, of shape `[]`, `[1]` or one number for each row, `[…, 1]`, and these
    /// unnormalised log-probabilities of the classes along the last axis.
    ///
    /// # Errors
    /// If a temperature is not positive or a logit not finite.
    ///
    /// # Panics
    /// If `logits` has no axis, or if the temperature has more than one number for a row.
    #[track_caller]
    pub fn new(temperature: Var<'t, F>, logits: Var<'t, F>) -> Result<Self, ParameterError> {
        let parameters = [
            ("temperature", temperature, Constraint::Positive),
            ("logits", logits, Constraint::Finite),
        ];
        check("RelaxedOneHot", &parameters)?;
        Ok(Self::new_unchecked(temperature, logits))
    }

    /// [`RelaxedOneHot::new`] without a look at the numbers.
    ///
    /// # Panics
    /// If `logits` has no axis, or if the temperature has more than one number for a row.
    #[track_caller]
    pub fn new_unchecked(temperature: Var<'t, F>, logits: Var<'t, F>) -> Self {
        assert!(!logits.shape().is_empty(), "RelaxedOneHot: the classes need an axis");
        let one = temperature.shape().last().is_none_or(|&length| length == 1);
        assert!(
            one,
            "RelaxedOneHot: a temperature of shape {} is not one for each row",
            temperature.shape()
        );
        Self { temperature, logits }
    }

    /// The temperature, $\tau$.
    pub fn temperature(self) -> Var<'t, F> {
        self.temperature
    }

    /// The logits, $\eta$.
    pub fn logits(self) -> Var<'t, F> {
        self.logits
    }

    fn draw<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let noise = gumbel::standard(self.logits.tape(), sample_shape(count, self.logits), rng);
        ((self.logits + noise) / self.temperature).softmax(-1)
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for RelaxedOneHot<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().draw(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let classes = width(self.logits) as f64;
        let ln_x = x.ln();
        let s = self.logits - self.temperature * ln_x;
        let norm =
            unsqueeze(s.log_sum_exp(-1)) - self.temperature.ln() * F::from_f64(1.0 - 1.0 / classes);
        // The terms of a row are summed together: their share of what belongs to the row is 1/C.
        let sum = (s - ln_x - norm).sum_axis(-1) + F::from_f64(Real::ln_gamma(classes));
        impossible(off_simplex(x) + x.equal(x.constant(0.0)).sum_axis(-1), sum)
    }

    fn detach(&self) -> Self {
        Self { temperature: self.temperature.detach(), logits: self.logits.detach() }
    }

    fn support(&self) -> Support {
        Support::Simplex
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for RelaxedOneHot<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw(count, rng)
    }
}
