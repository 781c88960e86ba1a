//! Divergences between distributions of different kinds: minus the mean of $\ln p$ less the entropy of $q$.
//!
//! Where $q$ and $p$ nearly coincide, as far as different kinds can, such a difference is exact to rounding of its terms only.

use super::near::ln_ratio;
use super::{
    Bernoulli, Beta, ContinuousBernoulli, Entropy, Exponential, Gamma, Gumbel, HalfNormal,
    InverseGamma, Kl, Laplace, LogNormal, Logistic, Moments, Normal, Pareto, Poisson, StudentT,
    TruncatedNormal, Uniform, Weibull, over_event,
};
use pathscore_autodiff::{Scalar, Var};
use std::f64::consts::{EULER_GAMMA, FRAC_2_PI, LN_2, SQRT_2, TAU};

/// A distribution of independent numbers with a density, of which mean, variance and entropy are known. Each has a divergence
/// from a [`Normal`], which is infinite if the variance is.
pub trait Continuous {}

impl<F> Continuous for Beta<'_, F> {}
impl<F> Continuous for ContinuousBernoulli<'_, F> {}
impl<F> Continuous for Exponential<'_, F> {}
impl<F> Continuous for Gamma<'_, F> {}
impl<F> Continuous for Gumbel<'_, F> {}
impl<F> Continuous for HalfNormal<'_, F> {}
impl<F> Continuous for InverseGamma<'_, F> {}
impl<F> Continuous for Laplace<'_, F> {}
impl<F> Continuous for LogNormal<'_, F> {}
impl<F> Continuous for Logistic<'_, F> {}
impl<F> Continuous for Pareto<'_, F> {}
impl<F> Continuous for StudentT<'_, F> {}
impl<F> Continuous for TruncatedNormal<'_, F> {}
impl<F> Continuous for Uniform<'_, F> {}
impl<F> Continuous for Weibull<'_, F> {}

/// A [`Continuous`] distribution of positive numbers with a [`MeanLog`]. Each has a divergence from an [`Exponential`] and a
/// [`Gamma`], except for those two, whose divergences have formulas of their own.
pub trait PositiveSupport: Continuous {}

impl<F> PositiveSupport for Beta<'_, F> {}
impl<F> PositiveSupport for HalfNormal<'_, F> {}
impl<F> PositiveSupport for InverseGamma<'_, F> {}
impl<F> PositiveSupport for LogNormal<'_, F> {}
impl<F> PositiveSupport for Pareto<'_, F> {}
impl<F> PositiveSupport for Weibull<'_, F> {}

/// A distribution of positive numbers of whose logarithm the mean is known.
pub trait MeanLog<'t, F: Scalar>: Moments<'t, F> {
    /// $E \ln x$, in the shape of [`Moments::mean`].
    fn mean_log(&self) -> Var<'t, F>;
}

impl<'t, F: Scalar> MeanLog<'t, F> for Beta<'t, F> {
    /// $\psi(a) - \psi(a + b)$.
    fn mean_log(&self) -> Var<'t, F> {
        let [a, b] = self.concentrations();
        -a.digamma_gap(b)
    }
}

impl<'t, F: Scalar> MeanLog<'t, F> for Gamma<'t, F> {
    /// $\psi(\alpha) - \ln\beta$.
    fn mean_log(&self) -> Var<'t, F> {
        self.concentration().digamma() - self.rate().ln()
    }
}

impl<'t, F: Scalar> MeanLog<'t, F> for HalfNormal<'t, F> {
    /// $\ln\sigma - \tfrac12(\gamma + \ln 2)$.
    fn mean_log(&self) -> Var<'t, F> {
        self.scale().ln() - F::from_f64(0.5 * (EULER_GAMMA + LN_2))
    }
}

impl<'t, F: Scalar> MeanLog<'t, F> for InverseGamma<'t, F> {
    /// $\ln\beta - \psi(\alpha)$.
    fn mean_log(&self) -> Var<'t, F> {
        self.scale().ln() - self.concentration().digamma()
    }
}

impl<'t, F: Scalar> MeanLog<'t, F> for LogNormal<'t, F> {
    /// $\mu$.
    fn mean_log(&self) -> Var<'t, F> {
        self.0.loc()
    }
}

impl<'t, F: Scalar> MeanLog<'t, F> for Pareto<'t, F> {
    /// $\ln m + 1/\alpha$.
    fn mean_log(&self) -> Var<'t, F> {
        self.scale().ln() + self.concentration().recip()
    }
}

impl<'t, F: Scalar> MeanLog<'t, F> for Weibull<'t, F> {
    /// $\ln\lambda - \gamma/k$.
    fn mean_log(&self) -> Var<'t, F> {
        self.scale().ln() - self.concentration().recip() * F::from_f64(EULER_GAMMA)
    }
}

/// The sum over an event of `cross`, minus the mean of $\ln p$ of each coordinate in the common shape of both distributions,
/// less the entropy of $q$.
fn less_entropy<'t, F: Scalar>(q: &impl Entropy<'t, F>, cross: Var<'t, F>) -> Var<'t, F> {
    let columns = |shape: &[usize]| shape.last().copied().unwrap_or(1) as f64;
    // A single column of q that stands for several has the entropy of each.
    let times = columns(&cross.shape()) / columns(&q.shapes().event);
    over_event(cross, cross) - q.entropy() * F::from_f64(times)
}

/// `value`, and $\infty$ where `outside` is not zero.
fn infinite_where<'t, F: Scalar>(outside: Var<'t, F>, value: Var<'t, F>) -> Var<'t, F> {
    outside.select(value.constant(f64::INFINITY), value)
}

impl<'t, F, Q> Kl<'t, F, Normal<'t, F>> for Q
where
    F: Scalar,
    Q: Continuous + Moments<'t, F> + Entropy<'t, F>,
{
    /// $\sum \tfrac12 (v + (m - \mu)^2)/\sigma^2 + \tfrac12\ln(2\pi\sigma^2)$ with mean $m$ and variance $v$ of $q$, less the entropy of
    /// $q$; $\infty$ where $q$ has no variance.
    ///
    /// The standard deviation and $m - \mu$ are divided by $\sigma$ before they are squared, because their squares may leave the
    /// range of the numbers where the quotients do not.
    fn kl(&self, p: &Normal<'t, F>) -> Var<'t, F> {
        let in_units = |length: Var<'t, F>| (length * (-p.log_scale()).exp()).square();
        let second = in_units(self.std()) + in_units(self.mean() - p.loc());
        let second = infinite_where(second.not_equal(second), second);
        let scaled = second * F::from_f64(0.5);
        less_entropy(self, scaled + p.log_scale() + F::from_f64(0.5 * TAU.ln()))
    }
}

/// Minus the mean of the log-density $\ln\lambda - \lambda x$.
fn exponential<'t, F: Scalar>(p: &Exponential<'t, F>, mean: Var<'t, F>) -> Var<'t, F> {
    p.rate() * mean - p.rate().ln()
}

/// Minus the mean of the log-density $\alpha\ln\beta + (\alpha - 1)\ln x - \beta x - \ln\Gamma(\alpha)$.
fn gamma<'t, F: Scalar>(p: &Gamma<'t, F>, mean: Var<'t, F>, mean_log: Var<'t, F>) -> Var<'t, F> {
    let (alpha, beta) = (p.concentration(), p.rate());
    beta * mean - alpha * beta.ln() - (alpha - F::ONE) * mean_log + alpha.ln_gamma()
}

impl<'t, F, Q> Kl<'t, F, Exponential<'t, F>> for Q
where
    F: Scalar,
    Q: PositiveSupport + MeanLog<'t, F> + Entropy<'t, F>,
{
    /// $\sum \lambda m - \ln\lambda$ with the mean $m$ of $q$, less the entropy of $q$.
    fn kl(&self, p: &Exponential<'t, F>) -> Var<'t, F> {
        less_entropy(self, exponential(p, self.mean()))
    }
}

impl<'t, F, Q> Kl<'t, F, Gamma<'t, F>> for Q
where
    F: Scalar,
    Q: PositiveSupport + MeanLog<'t, F> + Entropy<'t, F>,
{
    /// $\sum \beta m - \alpha\ln\beta - (\alpha - 1) E \ln x + \ln\Gamma(\alpha)$ with the mean $m$ of $q$, less the entropy of $q$.
    fn kl(&self, p: &Gamma<'t, F>) -> Var<'t, F> {
        less_entropy(self, gamma(p, self.mean(), self.mean_log()))
    }
}

/// The exponential distribution as a gamma distribution with concentration one.
fn as_gamma<'t, F: Scalar>(of: &Exponential<'t, F>) -> Gamma<'t, F> {
    Gamma::new_unchecked(of.rate().constant(1.0), of.rate())
}

impl<'t, F: Scalar> Kl<'t, F, Exponential<'t, F>> for Gamma<'t, F> {
    /// The divergence from the gamma distribution with concentration one.
    fn kl(&self, p: &Exponential<'t, F>) -> Var<'t, F> {
        self.kl(&as_gamma(p))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Gamma<'t, F>> for Exponential<'t, F> {
    /// The divergence of the gamma distribution with concentration one.
    fn kl(&self, p: &Gamma<'t, F>) -> Var<'t, F> {
        as_gamma(self).kl(p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Weibull<'t, F>> for Exponential<'t, F> {
    /// The divergence of Weibull's distribution with concentration one.
    fn kl(&self, p: &Weibull<'t, F>) -> Var<'t, F> {
        Weibull::new_unchecked(self.rate().recip(), self.rate().constant(1.0)).kl(p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Weibull<'t, F>> for Gamma<'t, F> {
    /// $\sum k\ln\lambda - \ln k - (k - 1) E\ln x + E x^k/\lambda^k$ with $E\ln x = \psi(\alpha) - \ln\beta$ and $E x^k =
    /// \beta^{-k}\Gamma(\alpha + k)/\Gamma(\alpha)$, less the entropy.
    fn kl(&self, p: &Weibull<'t, F>) -> Var<'t, F> {
        let (alpha, k) = (self.concentration(), p.concentration());
        let ln_unit = (self.rate() * p.scale()).ln();
        let power = ((alpha + k).ln_gamma() - alpha.ln_gamma() - k * ln_unit).exp();
        let along = (k - F::ONE) * (self.mean_log() - p.scale().ln());
        less_entropy(self, p.scale().ln() - k.ln() - along + power)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Exponential<'t, F>> for ContinuousBernoulli<'t, F> {
    /// $\sum \lambda m - \ln\lambda$ with the mean $m$, less the entropy.
    fn kl(&self, p: &Exponential<'t, F>) -> Var<'t, F> {
        less_entropy(self, exponential(p, self.mean()))
    }
}

/// Minus the mean of the log-density $\eta x - A(\eta)$.
fn grey<'t, F: Scalar>(p: &ContinuousBernoulli<'t, F>, mean: Var<'t, F>) -> Var<'t, F> {
    p.log_norm() - p.logits() * mean
}

impl<'t, F: Scalar> Kl<'t, F, ContinuousBernoulli<'t, F>> for Beta<'t, F> {
    /// $\sum A(\eta) - \eta m$ with the mean $m$, less the entropy.
    fn kl(&self, p: &ContinuousBernoulli<'t, F>) -> Var<'t, F> {
        less_entropy(self, grey(p, self.mean()))
    }
}

/// Minus the mean of the log-density of a uniform distribution, for a $q$ between `low` and `high`.
fn uniform<'t, F: Scalar>(p: &Uniform<'t, F>, low: Var<'t, F>, high: Var<'t, F>) -> Var<'t, F> {
    let outside = low.less(p.low()) + high.greater(p.high());
    infinite_where(outside, (p.high() - p.low()).ln())
}

impl<'t, F: Scalar> Kl<'t, F, Uniform<'t, F>> for Beta<'t, F> {
    /// $\sum \ln(b - a)$ less the entropy, where the interval holds the unit interval; otherwise $\infty$.
    fn kl(&self, p: &Uniform<'t, F>) -> Var<'t, F> {
        let [low, high] = [0.0, 1.0].map(|end| self.mean().constant(end));
        less_entropy(self, uniform(p, low, high))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Uniform<'t, F>> for ContinuousBernoulli<'t, F> {
    /// $\sum \ln(b - a)$ less the entropy, where the interval holds the unit interval; otherwise $\infty$.
    fn kl(&self, p: &Uniform<'t, F>) -> Var<'t, F> {
        let [low, high] = [0.0, 1.0].map(|end| self.logits().constant(end));
        less_entropy(self, uniform(p, low, high))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Uniform<'t, F>> for TruncatedNormal<'t, F> {
    /// $\sum \ln(b - a)$ less the entropy, where the interval holds that of $q$; otherwise $\infty$.
    fn kl(&self, p: &Uniform<'t, F>) -> Var<'t, F> {
        less_entropy(self, uniform(p, self.low(), self.high()))
    }
}

/// The mean of $\ln x$ between `low` and `high`, $\ln b - 1 + \frac{a}{b - a}\ln\frac ba$.
///
/// At $a = 0$ the last term is zero, and its derivative is infinite with respect to $a$ and zero with respect to $b$.
fn mean_ln_between<'t, F: Scalar>(low: Var<'t, F>, high: Var<'t, F>) -> Var<'t, F> {
    let width = high - low;
    let at_zero = low.mul_no_nan(low.constant(f64::INFINITY));
    let above = (low / width) * (width / low).ln_1p();
    high.ln() - F::ONE + low.equal(low.constant(0.0)).select(at_zero, above)
}

impl<'t, F: Scalar> Kl<'t, F, Exponential<'t, F>> for Uniform<'t, F> {
    /// $\sum \lambda m - \ln\lambda$ with the mean $m$, less the entropy; $\infty$ where the interval reaches below zero.
    fn kl(&self, p: &Exponential<'t, F>) -> Var<'t, F> {
        let outside = self.low().less(self.low().constant(0.0));
        less_entropy(self, infinite_where(outside, exponential(p, self.mean())))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Gamma<'t, F>> for Uniform<'t, F> {
    /// $\sum \beta m - \alpha\ln\beta - (\alpha - 1) E \ln x + \ln\Gamma(\alpha)$ with the mean $m$, less the entropy; $\infty$ where the
    /// interval reaches below zero.
    fn kl(&self, p: &Gamma<'t, F>) -> Var<'t, F> {
        let outside = self.low().less(self.low().constant(0.0));
        let cross = gamma(p, self.mean(), mean_ln_between(self.low(), self.high()));
        less_entropy(self, infinite_where(outside, cross))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Beta<'t, F>> for Uniform<'t, F> {
    /// $\sum \ln B(\alpha, \beta) - (\alpha - 1) E\ln x - (\beta - 1) E\ln(1 - x)$ less the entropy; $\infty$ where the interval leaves
    /// the unit interval.
    fn kl(&self, p: &Beta<'t, F>) -> Var<'t, F> {
        let ([alpha, beta], [low, high]) = (p.concentrations(), [self.low(), self.high()]);
        let outside = low.less(low.constant(0.0)) + high.greater(high.constant(1.0));
        let of_x = (alpha - F::ONE) * mean_ln_between(low, high);
        let of_rest = (beta - F::ONE) * mean_ln_between(-high + F::ONE, -low + F::ONE);
        less_entropy(self, infinite_where(outside, alpha.ln_beta(beta) - of_x - of_rest))
    }
}

impl<'t, F: Scalar> Kl<'t, F, ContinuousBernoulli<'t, F>> for Uniform<'t, F> {
    /// $\sum A(\eta) - \eta m$ with the mean $m$, less the entropy; $\infty$ where the interval leaves the unit interval.
    fn kl(&self, p: &ContinuousBernoulli<'t, F>) -> Var<'t, F> {
        let (low, high) = (self.low(), self.high());
        let outside = low.less(low.constant(0.0)) + high.greater(high.constant(1.0));
        less_entropy(self, infinite_where(outside, grey(p, self.mean())))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Pareto<'t, F>> for Uniform<'t, F> {
    /// $\sum (\alpha + 1) E\ln(x/m) + \ln(m/\alpha)$ less the entropy; $\infty$ where the interval reaches below $m$.
    fn kl(&self, p: &Pareto<'t, F>) -> Var<'t, F> {
        let (m, alpha) = (p.scale(), p.concentration());
        let above = mean_ln_between(self.low() / m, self.high() / m);
        let cross = (alpha + F::ONE) * above + (m / alpha).ln();
        less_entropy(self, infinite_where(self.low().less(m), cross))
    }
}

/// Minus the mean of the log-density $-t - e^{-t} - \ln\beta$ with $t = (x - \mu)/\beta$, where `ln_exp` is the logarithm of
/// $E e^{-t}$.
fn gumbel<'t, F: Scalar>(p: &Gumbel<'t, F>, mean: Var<'t, F>, ln_exp: Var<'t, F>) -> Var<'t, F> {
    (mean - p.loc()) / p.scale() + ln_exp.exp() + p.scale().ln()
}

impl<'t, F: Scalar> Kl<'t, F, Gumbel<'t, F>> for Normal<'t, F> {
    /// $\sum m + e^{-m + s^2/2} + \ln\beta$ with $m = (\mu_q - \mu)/\beta$ and $s = \sigma/\beta$, less the entropy.
    fn kl(&self, p: &Gumbel<'t, F>) -> Var<'t, F> {
        let t = (self.loc() - p.loc()) / p.scale();
        let spread = (self.scale() / p.scale()).square() * F::from_f64(0.5);
        less_entropy(self, gumbel(p, self.loc(), spread - t))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Gumbel<'t, F>> for Gamma<'t, F> {
    /// $\sum (m - \mu)/\beta + e^{\mu/\beta}(1 + 1/(\beta\lambda))^{-\alpha} + \ln\beta$ with mean $m$ and rate $\lambda$, less the entropy.
    fn kl(&self, p: &Gumbel<'t, F>) -> Var<'t, F> {
        let ln_exp = (self.rate() * p.scale()).recip().ln_1p() * -self.concentration();
        less_entropy(self, gumbel(p, self.mean(), ln_exp + p.loc() / p.scale()))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Gumbel<'t, F>> for Exponential<'t, F> {
    /// The divergence of the gamma distribution with concentration one.
    fn kl(&self, p: &Gumbel<'t, F>) -> Var<'t, F> {
        as_gamma(self).kl(p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Gumbel<'t, F>> for Uniform<'t, F> {
    /// $\sum (m - \mu)/\beta + e^{-(a - \mu)/\beta}(1 - e^{-w})/w + \ln\beta$ with the mean $m$ and $w = (b - a)/\beta$, less the entropy.
    fn kl(&self, p: &Gumbel<'t, F>) -> Var<'t, F> {
        let w = (self.high() - self.low()) / p.scale();
        let ln_exp = (-(-w).exp_m1() / w).ln() - (self.low() - p.loc()) / p.scale();
        less_entropy(self, gumbel(p, self.mean(), ln_exp))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Laplace<'t, F>> for Normal<'t, F> {
    /// $\sum \ln 2b + E|x - \mu|/b$ less the entropy, with $E|x - \mu| = \sigma(\sqrt{2/\pi} e^{-d^2/2} + d \mathrm{erf}(d/\sqrt2))$ and
    /// $d = (\mu_q - \mu)/\sigma$.
    fn kl(&self, p: &Laplace<'t, F>) -> Var<'t, F> {
        let d = (self.loc() - p.loc()) / self.scale();
        let density = (d.square() * F::from_f64(-0.5)).exp() * F::from_f64(FRAC_2_PI.sqrt());
        let away = self.scale() * (density + d * (d * F::from_f64(1.0 / SQRT_2)).erf());
        less_entropy(self, away / p.scale() + p.scale().ln() + F::from_f64(LN_2))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Poisson<'t, F>> for Bernoulli<'t, F> {
    /// $\sum \lambda - \sigma(\eta)\ln\lambda$ less the entropy: the factorials of zero and one are one.
    fn kl(&self, p: &Poisson<'t, F>) -> Var<'t, F> {
        less_entropy(self, p.rate() - self.probs().mul_no_nan(p.log_rate()))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Logistic<'t, F> {
    /// $\sum d\coth\tfrac d2 - 2$ with $d = (\mu_q - \mu_p)/s$ where the scales agree, otherwise NaN, because then there is no
    /// closed form.
    ///
    /// It is $2d$ times the mean of a [`ContinuousBernoulli`] with logits $d$, less one half, so that it keeps its digits for close
    /// locations.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let d = (self.loc() - p.loc()) / self.scale();
        let equal = ContinuousBernoulli::new_unchecked(d).mean_above_half() * d * F::from_f64(2.0);
        let agree = self.scale().equal(p.scale());
        let each = agree.select(equal, equal.constant(f64::NAN));
        over_event(each, each)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for TruncatedNormal<'t, F> {
    /// $\sum \ln\frac{\sigma_p Z_p}{\sigma_q Z_q} + \tfrac12 E_q(t_p^2 - t_q^2)$ with $t = (x - \mu)/\sigma$, where the interval of $q$ lies in
    /// that of $p$, otherwise $\infty$. It is exact to rounding of $E_q t_q^2$ and of $\ln Z$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let outside = self.low().less(p.low()) + self.high().greater(p.high());
        let [first, second] = self.moments_of_ends();
        let (ratio, d) = (self.scale() / p.scale(), (self.loc() - p.loc()) / p.scale());
        let half = F::from_f64(0.5);
        // t_p = r t_q + d, and E t_q = h, E t_q² = 1 + (aφ(a) − bφ(b))/Z.
        let square = (ratio - F::ONE) * (ratio + F::ONE) * (second + F::ONE) * half;
        let moved = square + d * (ratio * first + d * half);
        let norms = p.ln_mass() - self.ln_mass() - ln_ratio(self.scale(), p.scale());
        let each = infinite_where(outside, norms + moved);
        over_event(each, each)
    }
}
