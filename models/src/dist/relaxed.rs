//! The relaxed Bernoulli and categorical distributions (Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017).

use super::edges::{impossible, level, off_ends, off_simplex, open_uniform};
use super::gumbel;
use super::logistic::log_logistic;
use super::parameters::{broadcast, check, distribution};
use super::{
    Bijection, Cdf, Constraint, Distribution, Elementwise, ParameterError, Reparam, Shapes,
    Support, over_event, sample_shape, unsqueeze, width,
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
    /// At small temperatures nearly all samples round to zero or one; they are replaced by the smallest normal number and by
    /// $1 - \epsilon/2$, and their densities are those of the replacements. The logit $y = (\eta + l)/\tau$ keeps its digits:
    /// [`RelaxedBernoulli::rsample_logit`] draws it, and [`RelaxedBernoulli::log_prob_logit`] is its log-density, whose
    /// ratios are those of the densities of $x$. Every estimator that needs densities at samples is better off with it.
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
    /// The distribution with this temperature and these probabilities of the value one at a temperature of zero.
    ///
    /// # Errors
    /// If a temperature is not positive, or a probability not between zero and one, or one of them.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_probs(temperature: Var<'t, F>, probs: Var<'t, F>) -> Result<Self, ParameterError> {
        check("RelaxedBernoulli", &[("probs", probs, Constraint::Fraction)])?;
        Self::new(temperature, probs.logit())
    }

    /// $\mathrm{logit} x$ of `count` samples, through which derivatives flow. It is finite where $x$ itself rounds to zero or
    /// one.
    pub fn rsample_logit<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw_logit(sample_shape(count, self.logits), rng)
    }

    /// The log-density of $y = \mathrm{logit} x$, summed over the last axis: $\ln\tau + \ln\sigma(t)\sigma(-t)$ with $t =
    /// \tau y - \eta$. Its derivatives are $\tau(1 - 2\sigma(t))$ for $y$ and $2\sigma(t) - 1$ for $\eta$.
    pub fn log_prob_logit(self, y: Var<'t, F>) -> Var<'t, F> {
        let t = self.temperature * y - self.logits;
        over_event(self.logits, self.temperature.ln() + log_logistic(t))
    }

    fn draw_logit<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let noise = open_uniform(self.logits.tape(), shape, rng).logit();
        (self.logits + noise) / self.temperature
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        off_ends(self.draw_logit(shape, rng).sigmoid())
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let t = self.temperature * x.logit() - self.logits;
        let log = self.temperature.ln() + log_logistic(t) - x.ln() - (-x).ln_1p();
        impossible(Elementwise::Sigmoid.outside(x, 0), log)
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
/// At small temperatures entries of samples underflow; they are replaced by the smallest normal number, and the density is
/// that of the replacement. The logarithms $y = \ln x$ keep their digits: [`RelaxedOneHot::rsample_ln`] draws them, and
/// [`RelaxedOneHot::log_prob_ln`] is their log-density (the ExpConcrete distribution of the paper), whose ratios are those
/// of the densities of $x$.
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
    /// unnormalised log-probabilities of the classes along the last axis. The two broadcast against each other.
    ///
    /// # Errors
    /// If a temperature is not positive or a logit not finite.
    ///
    /// # Panics
    /// If `logits` has no axis, if the temperature has more than one number for a row, or if the shapes do not broadcast.
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
    /// If `logits` has no axis, if the temperature has more than one number for a row, or if the shapes do not broadcast.
    #[track_caller]
    pub fn new_unchecked(temperature: Var<'t, F>, logits: Var<'t, F>) -> Self {
        assert!(!logits.shape().is_empty(), "RelaxedOneHot: the classes need an axis");
        let one = temperature.shape().last().is_none_or(|&length| length == 1);
        assert!(
            one,
            "RelaxedOneHot: a temperature of shape {} is not one for each row",
            temperature.shape()
        );
        let [_, logits] = broadcast("RelaxedOneHot", [temperature, logits]);
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

    /// $\ln x$ of `count` samples, through which derivatives flow. It is finite where $x$ itself underflows.
    pub fn rsample_ln<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let noise = gumbel::standard(self.logits.tape(), sample_shape(count, self.logits), rng);
        ((self.logits + noise) / self.temperature).log_softmax(-1)
    }

    /// $\ln p(x) + \sum_c y_c$ for the logarithms $y = \ln x$ of a row that sums to one: $\ln (C - 1)! + (C - 1)\ln\tau +
    /// \sum_c \ln\mathrm{softmax}(\eta - \tau y)_c$, the log-density of the ExpConcrete distribution. With $s =
    /// \mathrm{softmax}(\eta - \tau y)$ its derivatives are $1 - Cs_c$ for $\eta_c$ and $\tau(Cs_c - 1)$ for $y_c$.
    pub fn log_prob_ln(self, y: Var<'t, F>) -> Var<'t, F> {
        let classes = width(self.logits) as f64;
        let s = (self.logits - self.temperature * y).log_softmax(-1);
        // The terms of a row are summed together: their share of what belongs to the row is 1/C.
        let scale = self.temperature.ln() * F::from_f64(1.0 - 1.0 / classes);
        (s + scale).sum_axis(-1) + F::from_f64(Real::ln_gamma(classes))
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for RelaxedOneHot<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let outside = off_simplex(x) + x.less_equal(x.constant(0.0)).sum_axis(-1);
        // The kernel of the softmax passes on slopes of NaN, so it gets ones where a row is outside.
        let ln_x = unsqueeze(outside).select(x.constant(1.0), x).ln();
        impossible(outside, self.log_prob_ln(ln_x) - ln_x.sum_axis(-1))
    }

    fn detach(&self) -> Self {
        Self { temperature: self.temperature.detach(), logits: self.logits.detach() }
    }

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.logits)
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for RelaxedOneHot<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        Elementwise::Exp.forward(self.rsample_ln(count, rng))
    }
}
