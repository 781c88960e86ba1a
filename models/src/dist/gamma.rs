//! The gamma distribution.

use super::edges::{from_zero, impossible, largest, level, off_half_line, smallest};
use super::implicit::{implicit, ln_gamma_draw, ln_gamma_slope};
use super::near::{ln_ratio, stirling_bregman};
use super::parameters::distribution;
use super::quantiles::ln_gamma_quantile;
use super::stirling::{any_large, digamma_rest, divergence_or, ln_gamma_rest};
use super::{Cdf, Entropy, Kl, Moments, over_event, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous NonNegative
    /// $\mathrm{Gamma}(\alpha, \beta)$ with concentration $\alpha$ and rate $\beta$, of density
    /// $\beta^\alpha x^{\alpha-1} e^{-\beta x}/\Gamma(\alpha)$ for $x \ge 0$.
    ///
    /// The mean is $\alpha/\beta$, the variance $\alpha/\beta^2$. The derivatives of $\ln p$ are $\ln \beta x -
    /// \psi(\alpha)$ for $\alpha$ and $\alpha/\beta - x$ for $\beta$. A sample is $z = z_0/\beta$ with
    /// $\partial z_0/\partial\alpha = -\frac{\partial P(\alpha, z_0)}{\partial\alpha}/p(z_0)$ (Figurnov, Mohamed and Mnih
    /// 2018), computed for $\ln z_0$. A sample $z_0$ below the smallest normal number is
    /// replaced by that number, and a sample above the largest number by the largest.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Gamma, Kl};
    /// let tape = Tape::new();
    /// let at = |a: f64, b| Gamma::new(tape.leaf(&[a], [1]), tape.leaf(&[b], [1]));
    /// // At α = 1 it is the exponential distribution.
    /// let log_prob = at(1.0, 2.0)?.log_prob(tape.constant(&[0.7], [1])).item();
    /// assert!((log_prob - (2_f64.ln() - 1.4)).abs() < 1e-15);
    /// // The divergence of two exponential distributions is ln(β_q/β_p) + β_p/β_q − 1.
    /// let kl = at(1.0, 2.0)?.kl(&at(1.0, 3.0)?).item();
    /// assert!((kl - ((2.0_f64 / 3.0).ln() + 0.5)).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Gamma {
        /// The concentration, $\alpha$.
        concentration: Positive,
        /// The rate, $\beta$.
        rate: Positive,
    }
}

impl<'t, F: Scalar> Gamma<'t, F> {
    /// $\ln z$ of `count` samples, through which derivatives flow. It is finite where $z$ itself would underflow, as
    /// most samples do for $\alpha$ below a hundredth.
    pub fn rsample_ln<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let shape = sample_shape(count, self.concentration);
        ln_standard(self.concentration, shape, rng) - self.rate.ln()
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let z = ln_standard(self.concentration, shape, rng).exp();
        let x = z.max(z.tape().number(smallest())) / self.rate;
        x.min(x.tape().number(largest()))
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let Self { concentration: alpha, rate: beta } = self;
        let powers = alpha * beta.ln() + (alpha - F::ONE).xlogy(x);
        let plain = powers - beta * x - alpha.ln_gamma();
        let log = if any_large(alpha) { near_mean(alpha, beta * x, x, plain) } else { plain };
        impossible(off_half_line(x), log)
    }
}

/// The `plain` log-density at $x$ of a gamma variable, or of its inverse; without cancellation where the concentration is large and the
/// variable, divided by its scale, is near it: with its value $y$ it is $-\alpha E(\ln\frac y\alpha) - h(\alpha) - \ln x$, with $E$ and $h$ of `stirling.rs`.
pub(super) fn near_mean<'t, F: Scalar>(
    alpha: Var<'t, F>,
    y: Var<'t, F>,
    x: Var<'t, F>,
    plain: Var<'t, F>,
) -> Var<'t, F> {
    divergence_or(alpha, y, y - alpha, -ln_gamma_rest(alpha) - x.ln(), plain)
}

/// $\ln z_0$ of samples from $\mathrm{Gamma}(\alpha, 1)$.
pub(super) fn ln_standard<'t, F: Scalar, R: RandomSource>(
    concentration: Var<'t, F>,
    shape: Shape,
    rng: &mut R,
) -> Var<'t, F> {
    let draw = |[alpha]: [f64; 1]| ln_gamma_draw(alpha, rng);
    let slope = |[alpha]: [f64; 1], ln_z| [ln_gamma_slope(alpha, ln_z)];
    implicit([concentration], &shape, draw, slope)
}

impl<'t, F: Scalar> Moments<'t, F> for Gamma<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.concentration / self.rate
    }

    fn variance(&self) -> Var<'t, F> {
        self.concentration / self.rate / self.rate
    }

    fn std(&self) -> Var<'t, F> {
        self.concentration.sqrt() / self.rate
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Gamma<'t, F> {
    /// $P(\alpha, \beta x)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.concentration.gamma_p(self.rate * from_zero(x))
    }

    /// The inverse of the distribution function, by Newton's iteration. It can be differentiated once.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        ln_gamma_quantile(self.concentration, level(u)).exp() / self.rate
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Gamma<'t, F> {
    /// $\sum \alpha - \ln\beta + \ln\Gamma(\alpha) + (1 - \alpha)\psi(\alpha)$.
    fn entropy(&self) -> Var<'t, F> {
        let Self { concentration: alpha, rate: beta } = *self;
        let shape = if any_large(alpha) {
            // With ln Γ(α) = α ln α − α + h(α) and ψ(α) = ln α + h'(α).
            alpha.ln() + ln_gamma_rest(alpha) - (alpha - F::ONE) * digamma_rest(alpha)
        } else {
            alpha + alpha.ln_gamma() - (alpha - F::ONE) * alpha.digamma()
        };
        over_event(alpha, shape - beta.ln())
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Gamma<'t, F> {
    /// $\sum \alpha_p(e^y - 1 - y) + B$ with $y = \ln\frac{\beta_p\alpha_q}{\beta_q\alpha_p}$ and the divergence $B = h(\alpha_p) -
    /// h(\alpha_q) - h'(\alpha_q)(\alpha_p - \alpha_q)$ of what Stirling's formula leaves, $h(x) = \ln\Gamma(x) - x\ln x + x$. Neither
    /// term is negative. The derivatives with respect to the parameters of $q$ are $(\alpha_q - \alpha_p)\psi'(\alpha_q) + r - 1$
    /// and $(\alpha_p - \alpha_q r)/\beta_q$ with $r = \beta_p/\beta_q$.
    ///
    /// Where the concentrations differ by less than an eighth, the relative error is a few units of rounding; elsewhere
    /// $B$ is exact to rounding of its largest term.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let (alpha, other) = (self.concentration, p.concentration);
        let y = ln_ratio(p.rate, self.rate) - ln_ratio(other, alpha);
        let each = other * y.exp_m1_less_x() + stirling_bregman(alpha, other, other - alpha);
        over_event(each, each)
    }
}
