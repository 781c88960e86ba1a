//! The beta distribution.

use super::edges::{impossible, level, off_ends, off_unit_interval};
use super::implicit::{implicit, logit_beta_draw, logit_beta_slopes};
use super::near::concentrations;
use super::parameters::distribution;
use super::quantiles::logit_beta_quantile;
use super::stirling::{any_large, divergence_or, entropy_parts, ln_gamma_rest};
use super::{Cdf, Entropy, Kl, Moments, over_event, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous UnitInterval
    /// $\mathrm{Beta}(a, b)$, of density $x^{a-1} (1-x)^{b-1}/B(a, b)$ on the unit interval.
    ///
    /// The mean is $a/(a + b)$, the variance $ab/((a + b)^2 (a + b + 1))$. The derivatives of $\ln p$ are $\ln x -
    /// \psi(a) + \psi(a + b)$ with respect to $a$ and $\ln(1 - x) - \psi(b) + \psi(a + b)$ with respect to $b$. The
    /// derivative of a sample with respect to $a$ is $-\frac{\partial I_x(a, b)}{\partial a}/p(x)$, and likewise for $b$
    /// (Figurnov, Mohamed and Mnih 2018); it is computed for the logit of $x$. Samples are at least the smallest normal
    /// number and at most the largest number below one.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Beta, Distribution, Entropy};
    /// let tape = Tape::new();
    /// let at = |a: f64, b| Beta::new(tape.leaf(&[a], [1]), tape.leaf(&[b], [1]));
    /// // The uniform distribution, and 2x.
    /// assert!(at(1.0, 1.0)?.entropy().item().abs() < 1e-15);
    /// let log_prob = at(2.0, 1.0)?.log_prob(tape.constant(&[0.25], [1])).item();
    /// assert!((log_prob - 0.5_f64.ln()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Beta {
        /// The concentration $a$ at one.
        a: Positive,
        /// The concentration $b$ at zero.
        b: Positive,
    }
}

impl<'t, F: Scalar> Beta<'t, F> {
    /// The concentrations $a$ and $b$.
    pub fn concentrations(self) -> [Var<'t, F>; 2] {
        [self.a, self.b]
    }

    /// The logits $\ln\frac{x}{1-x}$ of `count` samples, through which derivatives flow. They are finite where $x$
    /// itself would round to zero or one.
    pub fn rsample_logit<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw_logit(&sample_shape(count, self.a), rng)
    }

    fn draw_logit<R: RandomSource>(self, shape: &Shape, rng: &mut R) -> Var<'t, F> {
        logits([self.a, self.b], shape, |at| logit_beta_draw(at, rng))
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        off_ends(self.draw_logit(&shape, rng).sigmoid())
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let powers = (self.a - F::ONE).xlogy(x) + (self.b - F::ONE).xlog1py(-x);
        let plain = powers - self.a.ln_beta(self.b);
        let large = any_large(self.a) && any_large(self.b);
        let log = if large { self.near_mean(x, plain) } else { plain };
        impossible(off_unit_interval(x), log)
    }

    /// The `plain` log-density, without cancellation where both concentrations are large and $x$ is near the mean. With $s = a + b$ it is
    /// $-aE(\ln\frac{xs}a) - bE(\ln\frac{(1-x)s}b) + h(s) - h(a) - h(b) - \ln x(1 - x)$ with $E$ and $h$ of `stirling.rs`, because $xs - a$ and
    /// $(1 - x)s - b$ sum to zero.
    fn near_mean(self, x: Var<'t, F>, plain: Var<'t, F>) -> Var<'t, F> {
        let (a, b, rest) = (self.a, self.b, -x + F::ONE);
        let gap = x * b - rest * a;
        let sum = a + b;
        let norm = ln_gamma_rest(sum) - ln_gamma_rest(a) - ln_gamma_rest(b);
        let outer = norm - x.ln() - (-x).ln_1p();
        // Where one of the two is not near its mean, the second choice is NaN, and so is the first.
        let nan = x.constant(f64::NAN);
        let of_b = divergence_or(b, rest * sum, -gap, outer, nan);
        let near = divergence_or(a, x * sum, gap, of_b, nan);
        near.equal(near).select(near, plain)
    }
}

/// Logits that `draw` returns, with the derivatives of the beta distribution.
pub(super) fn logits<'t, F: Scalar>(
    concentrations: [Var<'t, F>; 2],
    shape: &Shape,
    draw: impl FnMut([f64; 2]) -> f64,
) -> Var<'t, F> {
    implicit(concentrations, shape, draw, logit_beta_slopes)
}

impl<'t, F: Scalar> Moments<'t, F> for Beta<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.a / (self.a + self.b)
    }

    fn variance(&self) -> Var<'t, F> {
        let sum = self.a + self.b;
        (self.a / sum) * (self.b / sum) / (sum + F::ONE)
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Beta<'t, F> {
    /// $I_x(a, b)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let inside = x.less(zero).select(zero, x.greater(one).select(one, x));
        self.a.beta_inc(self.b, inside)
    }

    /// The inverse of the distribution function, by Newton's iteration. It can be differentiated once.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        logit_beta_quantile(self.a, self.b, level(u)).sigmoid()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Beta<'t, F> {
    /// $\sum \ln B(a, b) - (a - 1)\psi(a) - (b - 1)\psi(b) + (a + b - 2)\psi(a + b)$.
    fn entropy(&self) -> Var<'t, F> {
        let (a, b) = (self.a, self.b);
        if any_large(a) || any_large(b) {
            let sum = a + b;
            let each = entropy_parts(a, sum) + entropy_parts(b, sum) - ln_gamma_rest(sum);
            return over_event(a, each);
        }
        let one = |n: Var<'t, F>| (n - F::ONE) * n.digamma();
        let sum = a + b;
        let two = F::from_f64(2.0);
        over_event(a, a.ln_beta(b) - one(a) - one(b) + (sum - two) * sum.digamma())
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Beta<'t, F> {
    /// $\sum \ln B(a_p, b_p) - \ln B(a_q, b_q) + (a_q - a_p)\psi(a_q) + (b_q - b_p)\psi(b_q) - (s_q - s_p)\psi(s_q)$
    /// with $s = a + b$; the derivative with respect to $a_q$ is $(a_q - a_p)\psi'(a_q) - (s_q - s_p)\psi'(s_q)$.
    ///
    /// Where the concentrations differ by less than an eighth, the relative error is a few units of rounding times the sum $s$
    /// over the smallest concentration; elsewhere it is that of the largest term.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let sums = [self.a + self.b, p.a + p.b, (p.a - self.a) + (p.b - self.b)];
        let [of_a, of_sum] = concentrations(self.a, p.a, sums);
        let [of_b, _] = concentrations(self.b, p.b, sums);
        let each = of_a + of_b - of_sum;
        over_event(each, each)
    }
}
