//! The continuous Bernoulli distribution.

use super::edges::{below, impossible, level, off_unit_interval, smallest};
use super::near::remainder;
use super::parameters::distribution;
use super::{Cdf, Entropy, Kl, Moments, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

distribution! { continuous UnitInterval
    /// The distribution on the unit interval with density $e^{\eta x - A(\eta)}$, where $A(\eta) = \ln\frac{e^\eta -
    /// 1}{\eta}$: the Bernoulli distribution for grey values (Loaiza-Ganem and Cunningham 2019).
    ///
    /// The mean is $A'(\eta)$, the variance $A^{\prime\prime}(\eta)$; the derivative of $\ln p$ is $x - A'(\eta)$. At $\eta = 0$ the
    /// distribution is uniform, and $A$ and its derivatives are summed as power series about it. A sample is the quantile of
    /// a uniform number.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{ContinuousBernoulli, Distribution, Moments};
    /// let tape = Tape::new();
    /// let q = ContinuousBernoulli::new(tape.leaf(&[0.0_f64, 1.0], [2, 1]))?;
    /// let log_prob = q.log_prob(tape.constant(&[0.25], [1])).value();
    /// assert!(log_prob.values()[0].abs() < 1e-16);
    /// assert!((log_prob.values()[1] - (0.25 - (1_f64.exp() - 1.0).ln())).abs() < 1e-15);
    /// assert_eq!(q.mean().value().values()[0], 0.5);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    ContinuousBernoulli {
        /// The logits, $\eta$.
        logits: Finite,
    }
}

/// $B_{2k}/(2k (2k)!)$ with the Bernoulli numbers $B_{2k}$ for $k = 1, 2, \dots$: the coefficients of $\eta^{2k}$ in
/// $A(\eta) - \eta/2$. The series converges for $|\eta| < 2\pi$, and up to $\eta = 1$ the next term is below $10^{-19}$.
const COEFFICIENTS: [f64; 11] = [
    1.0 / 24.0,
    -1.0 / 2880.0,
    1.0 / 181_440.0,
    -1.0 / 9_676_800.0,
    1.0 / 479_001_600.0,
    -691.0 / 15_692_092_416_000.0,
    1.0 / 1_046_139_494_400.0,
    -3617.0 / 170_729_965_486_080_000.0,
    43867.0 / 91_963_695_909_076_992_000.0,
    -174_611.0 / 16_057_153_253_965_824_000_000.0,
    77_683.0 / 310_224_200_866_619_719_680_000.0,
];

/// $\sum_k f(2k) c_k \eta^{2k-2}$ over the coefficients $c_k$, with `square` $\eta^2$.
fn series<'t, F: Scalar>(square: Var<'t, F>, f: impl Fn(f64) -> f64) -> Var<'t, F> {
    let terms = COEFFICIENTS.iter().enumerate().rev();
    terms.fold(square * F::ZERO, |sum, (k, c)| {
        sum * square + F::from_f64(f(2.0 * (k + 1) as f64) * c)
    })
}

impl<'t, F: Scalar> ContinuousBernoulli<'t, F> {
    /// Not zero where the series are taken.
    fn small(self) -> Var<'t, F> {
        self.logits.abs().less_equal(self.logits.constant(1.0))
    }

    /// $A'(\eta) - \tfrac12 = \tfrac12\coth\tfrac\eta2 - \tfrac1\eta$, an odd function.
    pub(super) fn mean_above_half(self) -> Var<'t, F> {
        let (eta, half) = (self.logits, F::from_f64(0.5));
        let far = (eta * half).tanh().recip() * half - eta.recip();
        self.small().select(eta * series(eta.square(), |n| n), far)
    }

    /// $A(\eta) = \tfrac\eta2 + \ln\frac{\sinh(\eta/2)}{\eta/2}$.
    pub(super) fn log_norm(self) -> Var<'t, F> {
        let (eta, size) = (self.logits, self.logits.abs());
        let half = F::from_f64(0.5);
        let far = size * half + (-size).log1m_exp() - size.ln();
        eta * half + self.small().select(eta.square() * series(eta.square(), |_| 1.0), far)
    }

    /// $A(\eta) - \max(\eta, 0) = \ln\frac{1 - e^{-|\eta|}}{|\eta|}$.
    fn log_bend(self) -> Var<'t, F> {
        let size = self.logits.abs();
        let far = (-size).log1m_exp() - size.ln();
        self.small().select(self.log_norm() - self.logits.relu(), far)
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        impossible(off_unit_interval(x), self.logits * x - self.log_norm())
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        self.quantile(rng.uniform_var(self.logits.tape(), shape))
    }
}

impl<'t, F: Scalar> Moments<'t, F> for ContinuousBernoulli<'t, F> {
    /// $A'(\eta) = \frac{1}{1 - e^{-\eta}} - \frac1\eta$.
    fn mean(&self) -> Var<'t, F> {
        let eta = self.logits;
        let far = -(-eta).exp_m1().recip() - eta.recip();
        let near = eta * series(eta.square(), |n| n) + F::from_f64(0.5);
        self.small().select(near, far)
    }

    /// $A^{\prime\prime}(\eta) = \frac{1}{\eta^2} - \frac{1}{4\sinh^2(\eta/2)}$.
    fn variance(&self) -> Var<'t, F> {
        let eta = self.logits;
        let sinh = (eta * F::from_f64(0.5)).sinh() * F::from_f64(2.0);
        let far = eta.square().recip() - sinh.square().recip();
        let near = series(eta.square(), |n| n * (n - 1.0));
        self.small().select(near, far)
    }
}

/// The number with its derivative, its value moved into the unit interval where rounding has carried it out.
fn within_unit<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    let value = x.detach();
    x + (value.max(x.constant(0.0)).min(x.constant(1.0)) - value)
}

impl<'t, F: Scalar> Cdf<'t, F> for ContinuousBernoulli<'t, F> {
    /// $\frac{e^{\eta x} - 1}{e^\eta - 1}$, divided by $e^\eta$ above and below the line for positive $\eta$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let eta = self.logits;
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let inside = x.less(zero).select(zero, x.greater(one).select(one, x));
        let positive = eta.greater(zero);
        let size = -eta.abs();
        let (part, all) = ((positive.select(size, eta) * inside).exp_m1(), size.exp_m1());
        let scaled = positive.select((eta * (inside - F::ONE)).exp(), one) * part / all;
        // To first order in η: x + ηx(x − 1)/2.
        let linear = inside + eta * inside * (inside - F::ONE) * F::from_f64(0.5);
        self.tiny().select(linear, scaled)
    }

    /// $\ln(1 + u(e^\eta - 1))/\eta$, where $e^\eta$ is large $\mathrm{softplus}(\eta + \ln u)/\eta$, and where the argument of the
    /// logarithm is small, the same with the argument $1 - u + ue^\eta$, neither term of which is negative.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let (eta, u) = (self.logits, level(u));
        let large = eta.greater(eta.constant(50.0));
        let part = u * eta.exp_m1();
        let sum = -u + F::ONE + u * eta.exp();
        // At level one for very negative logits; other levels differ from one by a step at least.
        let least = sum.less(sum.tape().number(smallest()));
        let near_one = least.select(eta, sum.ln());
        let ln = below(part, -0.5).select(near_one, part.ln_1p());
        let from_zero = u.equal(u.constant(0.0)).select(u, (eta + u.ln()).softplus());
        let far = large.select(from_zero, ln) / eta;
        let linear = u + eta * u * (-u + F::ONE) * F::from_f64(0.5);
        within_unit(self.tiny().select(linear, far))
    }
}

impl<'t, F: Scalar> ContinuousBernoulli<'t, F> {
    /// Not zero where the square of the logits is below rounding.
    fn tiny(self) -> Var<'t, F> {
        self.logits.abs().less(self.logits.constant(F::EPSILON.to_f64().sqrt()))
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for ContinuousBernoulli<'t, F> {
    /// $\sum A(\eta) - \eta A'(\eta)$: minus the divergence from the uniform distribution.
    fn entropy(&self) -> Var<'t, F> {
        -self.kl(&Self::new_unchecked(self.logits.constant(0.0)))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for ContinuousBernoulli<'t, F> {
    /// $\sum (\eta_q - \eta_p)A'(\eta_q) - A(\eta_q) + A(\eta_p)$, without cancellation where the logits are close: where they
    /// differ by less than $(1 + |\eta_q|)/8$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let d = p.logits - self.logits;
        let close = d.abs().less((self.logits.abs() + F::ONE) * F::from_f64(0.125));
        let curvature = |logits| Self::new_unchecked(logits).variance();
        let near = remainder(self.logits, d, curvature) * d.square();
        // A(η) = max(η, 0) + log_bend(η). The first contributes only where the two logits lie on different sides of zero.
        let (eta, positive) = (self.logits, self.logits.greater(self.logits.constant(0.0)));
        let slope = Self::new_unchecked(-eta.abs()).mean();
        let kink = positive.select((-p.logits).relu(), p.logits.relu());
        let far = p.log_bend() - self.log_bend() - d * positive.select(-slope, slope) + kink;
        let each = close.select(near, far);
        over_event(each, each)
    }
}
