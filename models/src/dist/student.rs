//! Student's distribution.

use super::beta::logits;
use super::edges::{in_range, level};
use super::implicit::logit_beta_draw;
use super::parameters::distribution;
use super::quantiles::logit_beta_quantile;
use super::{Cdf, Entropy, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous Real
    /// Student's $t$ distribution with $\nu$ degrees of freedom, location $\mu$ and scale $\sigma$.
    ///
    /// With $t = (x - \mu)/\sigma$ the density is $(1 + t^2/\nu)^{-(\nu+1)/2}/(\sqrt\nu B(\nu/2, \tfrac12) \sigma)$; the
    /// mean is $\mu$ for $\nu > 1$, the variance $\sigma^2 \nu/(\nu - 2)$ for $\nu > 2$. A sample is $\mu + \sigma t$
    /// with $t = \pm\sqrt{\nu(1 - x)/x}$ and $x \sim \mathrm{Beta}(\nu/2, \tfrac12)$, which carries the derivative with
    /// respect to $\nu$ implicitly (Figurnov, Mohamed and Mnih 2018): because $t^2$ decreases in $x$, quantiles of $x$
    /// are quantiles of $t^2$. A sample beyond the largest number is replaced by that number, with its sign.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, StudentT};
    /// let tape = Tape::new();
    /// let [nu, mu, sigma] = [1.0_f64, 0.0, 1.0].map(|c| tape.leaf(&[c], [1]));
    /// // With one degree of freedom it is Cauchy's: 1/(π(1 + t²)).
    /// let log_prob = StudentT::new(nu, mu, sigma)?.log_prob(tape.constant(&[2.0], [1])).item();
    /// assert!((log_prob + (5.0 * std::f64::consts::PI).ln()).abs() < 1e-14);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    StudentT {
        /// The degrees of freedom, $\nu$.
        freedom: Positive,
        /// The location, $\mu$.
        loc: Finite,
        /// The scale, $\sigma$.
        scale: Positive,
    }
}

/// Beyond this $|t|/\sqrt\nu$, $1 + t^2/\nu$ is $t^2/\nu$ to the digits of a double.
const FAR: f64 = 1e8;

impl<'t, F: Scalar> StudentT<'t, F> {
    /// The parameters $\nu$, $\mu$ and $\sigma$.
    pub fn parameters(self) -> [Var<'t, F>; 3] {
        [self.freedom, self.loc, self.scale]
    }

    /// $\ln(\sqrt\nu B(\nu/2, \tfrac12) \sigma)$.
    fn log_norm(self) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let beta = (self.freedom * half).ln_beta(self.freedom.tape().number(half));
        self.freedom.ln() * half + beta + self.scale.ln()
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let away = x - self.loc;
        let t = away / self.scale;
        // Where t² would overflow, the logarithm is taken of each factor.
        let far = (t / self.freedom.sqrt()).abs().greater(t.constant(FAR));
        let of_factors = (away.abs().ln() - self.scale.ln()) * F::from_f64(2.0) - self.freedom.ln();
        let log = far.select(of_factors, (t.square() / self.freedom).ln_1p());
        (self.freedom + F::ONE) * F::from_f64(-0.5) * log - self.log_norm()
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let shapes = [self.freedom * half, self.freedom.tape().number(half)];
        let mut signs = Vec::with_capacity(shape.size());
        let y = logits(shapes, &shape, |at| {
            signs.push(if rng.bernoulli(0.5) { F::ONE } else { -F::ONE });
            logit_beta_draw(at, rng)
        });
        // √(ν(1 − x)/x) with y the logit of x.
        let t = self.freedom.sqrt() * (y * -half).exp() * y.tape().constant(&signs, shape);
        in_range(self.loc + self.scale * t)
    }
}

impl<'t, F: Scalar> StudentT<'t, F> {
    /// The variance where the scale is one.
    fn standard_variance(self) -> Var<'t, F> {
        let nu = self.freedom;
        let [nan, infinite] = [f64::NAN, f64::INFINITY].map(|c| nu.constant(c));
        let otherwise = nu.greater(nu.constant(1.0)).select(infinite, nan);
        nu.greater(nu.constant(2.0)).select(nu / (nu - F::from_f64(2.0)), otherwise)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for StudentT<'t, F> {
    /// $\mu$ for $\nu > 1$, otherwise NaN.
    fn mean(&self) -> Var<'t, F> {
        let exists = self.freedom.greater(self.freedom.constant(1.0));
        exists.select(self.loc, self.loc.constant(f64::NAN))
    }

    /// $\sigma^2 \nu/(\nu - 2)$ for $\nu > 2$, infinite for $1 < \nu \le 2$, otherwise NaN.
    fn variance(&self) -> Var<'t, F> {
        self.scale.square() * self.standard_variance()
    }

    fn std(&self) -> Var<'t, F> {
        self.scale * self.standard_variance().sqrt()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for StudentT<'t, F> {
    /// $I_y(\nu/2, \nu/2)$ with $y = \tfrac12(1 + t/s)$ and $s = \sqrt{t^2 + \nu}$ for $t < 0$, and one minus the same at
    /// $-t$ otherwise. This form is smooth at zero.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let t = (x - self.loc) / self.scale;
        let negative = t.less(t.constant(0.0));
        let left = negative.select(t, -t);
        let (root, half) = (self.freedom.sqrt(), F::from_f64(0.5));
        // 1 + t/s without cancellation for negative t: (ν/s)/(s − t).
        let s = left.hypot(root);
        let y = (root / s) * (root / (s - left)) * half;
        let nu = self.freedom * half;
        let below = nu.beta_inc(nu, y);
        negative.select(below, -below + F::ONE)
    }

    /// $\mu + \sigma\sqrt\nu \sinh(y/2)$ with $y$ the logit of the same quantile of $\mathrm{Beta}(\nu/2, \nu/2)$. It can be
    /// differentiated once.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let nu = self.freedom * half;
        let y = logit_beta_quantile(nu, nu, level(u));
        self.loc + self.scale * (self.freedom.sqrt() * (y * half).sinh())
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for StudentT<'t, F> {
    /// $\sum \tfrac{\nu + 1}{2}\bigl(\psi(\tfrac{\nu+1}{2}) - \psi(\tfrac\nu2)\bigr) + \ln(\sqrt\nu B(\nu/2,
    /// \tfrac12) \sigma)$.
    fn entropy(&self) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let gap = (self.freedom * half).digamma_gap(self.freedom.tape().number(half));
        let above = (self.freedom + F::ONE) * half;
        over_event(self.freedom, above * gap + self.log_norm())
    }
}
