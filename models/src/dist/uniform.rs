//! The uniform distribution on an interval.

use super::edges::{impossible, level};
use super::near::ln_ratio_by;
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous Interval
    /// The uniform distribution between `low` $a$ and `high` $b$, of density $1/(b - a)$.
    ///
    /// The mean is $(a + b)/2$, the variance $(b - a)^2/12$. The derivatives of $\ln p$ are $1/(b - a)$ for $a$ and
    /// $-1/(b - a)$ for $b$. Their means are not zero, because the support moves with the parameters: estimators through the
    /// score are biased for them. A sample is $a + (b - a)u$, so a path has the right derivative.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Uniform};
    /// let tape = Tape::new();
    /// let q = Uniform::new(tape.leaf(&[-1.0_f64], [1]), tape.leaf(&[3.0], [1]))?;
    /// let log_prob = q.log_prob(tape.constant(&[0.0, 3.5], [2, 1])).value();
    /// assert_eq!(log_prob.values(), [-4_f64.ln(), f64::NEG_INFINITY]);
    /// assert!(Uniform::new(tape.leaf(&[1.0_f64], [1]), tape.leaf(&[1.0], [1])).is_err());
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Uniform {
        /// The lower end, $a$.
        low: Finite,
        /// The upper end, $b$; the width $b - a$ must be finite, too.
        high: AboveLow,
    }
}

impl<'t, F: Scalar> Uniform<'t, F> {
    fn width(self) -> Var<'t, F> {
        self.high - self.low
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        self.low + self.width() * rng.uniform_var(self.low.tape(), shape)
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        impossible(
            x.less(self.low) + x.greater(self.high),
            x.detach() * F::ZERO - self.width().ln(),
        )
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Uniform<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        // The sum of the ends may overflow.
        self.low * F::from_f64(0.5) + self.high * F::from_f64(0.5)
    }

    fn variance(&self) -> Var<'t, F> {
        self.width().square() * F::from_f64(1.0 / 12.0)
    }

    /// $(b - a)/\sqrt{12}$.
    fn std(&self) -> Var<'t, F> {
        self.width() * F::from_f64(12_f64.sqrt().recip())
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Uniform<'t, F> {
    /// $(x - a)/(b - a)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let u = (x - self.low) / self.width();
        x.less(self.low).select(zero, x.greater(self.high).select(one, u))
    }

    /// $a + (b - a)u$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.low + self.width() * level(u)
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Uniform<'t, F> {
    /// $\sum \ln(b - a)$.
    fn entropy(&self) -> Var<'t, F> {
        over_event(self.low, self.width().ln())
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Uniform<'t, F> {
    /// $\sum \ln\frac{b_p - a_p}{b_q - a_q}$ where the interval of $q$ lies in that of $p$, otherwise $\infty$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let outside = self.low.less(p.low) + self.high.greater(p.high);
        // The difference of the widths, without the rounding of either.
        let wider = (p.high - self.high) - (p.low - self.low);
        let ratio = ln_ratio_by(p.width(), self.width(), wider);
        let each = outside.select(ratio.constant(f64::INFINITY), ratio);
        over_event(each, each)
    }
}
