//! Mixtures of distributions of one family.

use super::edges::level;
use super::shapes::{append_axes, with_event};
use super::{
    Categorical, Cdf, Coordinates, Distribution, Moments, ParameterError, Shapes, Support,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

/// $p(x) = \sum_k \pi_k p_k(x)$ with the `weights` $\pi = \mathrm{softmax}(\eta)$ of $K$ components of one family, whose
/// parameters have the components in the last axis of the batch: shape `[…, K, n]` for events of shape `[n]`. Logits of
/// shape `[…, K]` broadcast to this batch.
///
/// $\ln p(x) = \ln\sum_k e^{\ln\pi_k + \ln p_k(x)}$; with the responsibilities $r_k = \pi_k p_k(x)/p(x)$ its derivatives are
/// $r_k - \pi_k$ for $\eta_k$ and $r_k \nabla\ln p_k(x)$ for the parameters of component $k$. A component whose logit is $-\infty$
/// never occurs. The choice of a component has no derivative, so neither has a sample: there is no
/// [`Reparam`](super::Reparam). Entropies and divergences of mixtures have no closed form.
///
/// The coordinates of an event are not independent: [`Coordinates::log_prob_each`] gives each one's density given the
/// earlier ones, while [`Cdf`] treats each for itself, by the marginal distribution.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Categorical, Cdf, Distribution, Mixture, Moments, Normal};
/// let tape = Tape::new();
/// let loc = tape.leaf(&[-1.0_f64, 1.0], [2, 1]);
/// let components = Normal::from_scale(loc, tape.leaf(&[0.5], [1]))?;
/// let q = Mixture::new(Categorical::from_probs(tape.leaf(&[0.5, 0.5], [2]))?, components);
/// assert_eq!((q.mean().item(), q.variance().item()), (0.0, 1.25));
/// assert!((q.cdf(tape.constant(&[0.0], [1])).item() - 0.5).abs() < 1e-15);
/// // Both components have the same density at zero.
/// let log_prob = q.log_prob(tape.constant(&[0.0], [1])).item();
/// assert!((log_prob - (-2.0 + 2_f64.ln() - 0.5 * std::f64::consts::TAU.ln())).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "MixtureSameFamily")]
pub struct Mixture<'t, F, D> {
    /// The distribution of the components, with the shape of their batch.
    weights: Categorical<'t, F>,
    components: D,
    /// The number of axes of an event.
    event_dim: usize,
}

impl<'t, F: Scalar, D: Distribution<'t, F>> Mixture<'t, F, D> {
    /// The mixture of `components` with these `weights`.
    ///
    /// # Panics
    /// If the components have no batch, or the weights do not broadcast to it.
    #[track_caller]
    pub fn new(weights: Categorical<'t, F>, components: D) -> Self {
        let shapes = components.shapes();
        let (batch, logits) = (&shapes.batch, weights.logits());
        let whole = Shape::broadcast(batch, &logits.shape());
        assert!(
            !batch.is_empty() && whole.as_ref() == Some(batch),
            "Mixture: logits of shape {} do not broadcast to components in a batch of shape {batch}",
            logits.shape()
        );
        let logits = match *logits.shape() == **batch {
            true => logits,
            false => logits.broadcast_to(batch),
        };
        let weights = Categorical::from_logits_unchecked(logits);
        Self { weights, components, event_dim: shapes.event.len() }
    }

    /// The mixture of `components` whose unnormalised log-weights are `logits`.
    ///
    /// # Errors
    /// If a logit is NaN or $\infty$, or if all logits of a row are $-\infty$.
    ///
    /// # Panics
    /// If the components have no batch, or the logits do not broadcast to it.
    #[track_caller]
    pub fn from_logits(logits: Var<'t, F>, components: D) -> Result<Self, ParameterError> {
        Ok(Self::new(Categorical::from_logits(logits)?, components))
    }

    /// The distribution of the components.
    pub fn weights(self) -> Categorical<'t, F> {
        self.weights
    }

    /// The components, in the last axis of a batch.
    pub fn components(self) -> D {
        self.components
    }

    /// `x` repeated for every component.
    fn for_components(self, x: Var<'t, F>) -> Var<'t, F> {
        let shape = x.shape();
        let batch = shape.len().saturating_sub(self.event_dim);
        let (before, event) = shape.split_at(batch);
        let x = x.reshape(before.iter().chain(&[1]).chain(event).copied().collect::<Shape>());
        // Kernels of densities want the axes of a batch in full.
        with_event(x, &self.components.shapes().whole())
    }

    /// Sums numbers of the components times their weights.
    fn mean_over(self, each: Var<'t, F>) -> Var<'t, F> {
        let probs = append_axes(self.weights.probs(), self.event_dim);
        let axis = -1 - self.event_dim as isize;
        // A component that never occurs adds nothing, even if its number is infinite. The sum of the weights is one up to
        // rounding, and dividing by it makes the mean of equal numbers exact: a distribution function ends at one.
        probs.mul_no_nan(each).sum_axis(axis) / probs.detach().sum_axis(axis)
    }

    /// The logarithms of the responsibilities $r_k = \pi_k p_k(x)/p(x)$ of the components for `x`, in the last axis.
    pub fn log_posterior(self, x: Var<'t, F>) -> Var<'t, F> {
        self.joint(x).log_softmax(-1)
    }

    /// $\ln\pi_k + \ln p_k(x)$.
    fn joint(self, x: Var<'t, F>) -> Var<'t, F> {
        self.weights.log_probs() + self.components.log_prob(self.for_components(x))
    }
}

impl<'t, F: Scalar, D: Distribution<'t, F>> Distribution<'t, F> for Mixture<'t, F, D> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let chosen = self.weights.sample(count, rng);
        let all = self.components.sample(count, rng);
        let chosen = append_axes(chosen, self.event_dim);
        chosen.mul_no_nan(all).sum_axis(-1 - self.event_dim as isize).detach()
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.joint(x).log_sum_exp(-1)
    }

    fn detach(&self) -> Self {
        Self { weights: self.weights.detach(), components: self.components.detach(), ..*self }
    }

    fn support(&self) -> Support {
        self.components.support()
    }

    fn shapes(&self) -> Shapes {
        let of_components = self.components.shapes();
        let batch = of_components.batch.len() - 1;
        Shapes { batch: Shape::from(&of_components.batch[..batch]), event: of_components.event }
    }
}

impl<'t, F: Scalar, D: Moments<'t, F>> Moments<'t, F> for Mixture<'t, F, D> {
    /// $m = \sum_k \pi_k m_k$.
    fn mean(&self) -> Var<'t, F> {
        self.mean_over(self.components.mean())
    }

    /// $\sum_k \pi_k (v_k + (m_k - m)^2)$.
    fn variance(&self) -> Var<'t, F> {
        let between = self.components.mean() - self.for_components(self.mean());
        self.mean_over(self.components.variance() + between.square())
    }
}

impl<'t, F: Scalar, D: Coordinates<'t, F>> Coordinates<'t, F> for Mixture<'t, F, D> {
    /// $\ln p(x_i \mid x_{<i}) = \ln p(x_1, \dots, x_i) - \ln p(x_1, \dots, x_{i-1})$, where each of the two is the logarithm of
    /// a sum over components; zero after an impossible coordinate.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let axis = -1 - self.event_dim as isize;
        let each = self.components.log_prob_each(self.for_components(x));
        let so_far = if self.event_dim == 0 { each } else { each.cumsum(-1) };
        let whole =
            (append_axes(self.weights.log_probs(), self.event_dim) + so_far).log_sum_exp(axis);
        if self.event_dim == 0 {
            return whole;
        }
        let n = whole.shape().last().copied().unwrap_or(0);
        let before = whole.pad(-1, 1, 0).slice(-1, 0..n);
        let nowhere = before.equal(before.constant(f64::NEG_INFINITY));
        nowhere.select(whole.constant(0.0), whole - before)
    }
}

impl<'t, F: Scalar, D: Cdf<'t, F>> Cdf<'t, F> for Mixture<'t, F, D> {
    /// $\sum_k \pi_k P_k(x)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.mean_over(self.components.cdf(self.for_components(x)))
    }

    /// The quantile, by bisection between the smallest and the largest quantile of a component, over all numbers of double
    /// precision between them, which takes sixty-four steps at most. It can be differentiated once; its derivative with
    /// respect to a parameter is minus that of the distribution function over the density.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let (fixed, u) = (self.detach(), level(u));
        let never = fixed.weights.probs().equal(u.constant(0.0));
        let never = append_axes(never, self.event_dim);
        let axis = -1 - self.event_dim as isize;
        let all = fixed.components.quantile(fixed.for_components(u.detach()));
        let end = |none: f64| never.select(all.constant(none), all);
        let ends = [end(f64::INFINITY).min_axis(axis), end(f64::NEG_INFINITY).max_axis(axis)];
        let x = fixed.bisect(u.detach(), ends);
        if self.support().is_discrete() {
            return x;
        }
        // A step of Newton's iteration that adds nothing to the value has the derivative of the root.
        let each = fixed.components.log_prob_each(fixed.for_components(x));
        let density = fixed.mean_over(each.exp());
        let residual = u - self.cdf(x);
        let step = (residual - residual.detach()) / density;
        density.greater(x.constant(0.0)).select(x + step, x)
    }
}

impl<'t, F: Scalar, D: Cdf<'t, F>> Mixture<'t, F, D> {
    /// The smallest number between two `ends` at which the distribution function is `u` or more.
    fn bisect(self, u: Var<'t, F>, ends: [Var<'t, F>; 2]) -> Var<'t, F> {
        let discrete = self.support().is_discrete();
        let shape = ends[1].shape();
        let numbers = |x: Var<'t, F>| -> Vec<f64> {
            x.broadcast_to(&shape).with(|x| x.iter().map(|x| x.to_f64()).collect())
        };
        let (levels, [mut low, mut high]) = (numbers(u), ends.map(numbers));
        for low in &mut low {
            *low = if discrete { *low - 1.0 } else { from_rank(rank(*low) - 1) };
        }
        let variable = |x: &[f64]| {
            let x: Vec<F> = x.iter().map(|&x| F::from_f64(x)).collect();
            u.tape().constant(&x, &shape)
        };
        // Neighbours have nothing between them, and NaN stays NaN.
        for _ in 0..64 {
            let pairs = low.iter().zip(&high);
            let middle: Vec<f64> = pairs.map(|(&low, &high)| middle(low, high, discrete)).collect();
            if middle == high {
                break;
            }
            let reached = numbers(self.cdf(variable(&middle)));
            for (i, &middle) in middle.iter().enumerate() {
                let end = if reached[i] >= levels[i] { &mut high[i] } else { &mut low[i] };
                *end = middle;
            }
        }
        variable(&high)
    }
}

/// The place of a number among all numbers of double precision in their order.
fn rank(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The number with this place, the inverse of [`rank`].
fn from_rank(rank: i64) -> f64 {
    f64::from_bits((rank ^ (((rank >> 63) as u64) >> 1) as i64) as u64)
}

/// A number that halves what lies between `low` and `high`, above `low`; it is `high` if nothing does.
fn middle(low: f64, high: f64, discrete: bool) -> f64 {
    let (a, b) = (rank(low), rank(high));
    // The mean of two numbers without overflow, rounded up.
    let middle = from_rank((a | b) - ((a ^ b) >> 1));
    let middle = if discrete { middle.floor().max(low + 1.0) } else { middle };
    // Where the ends are NaN or out of order nothing lies between them.
    if a < b && middle < high { middle } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_follow_the_order_of_numbers() {
        let (least, inf) = (f64::from_bits(1), f64::INFINITY);
        let line = [-inf, f64::MIN, -2.5, -1.0, -least, -0.0, 0.0, least, 1.0, 2.5, f64::MAX, inf];
        assert!(line.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
        for x in line {
            assert_eq!(from_rank(rank(x)).to_bits(), x.to_bits());
        }
        // Neighbours have neighbouring ranks.
        for x in [-2.5, -1.0, 0.0, 1.0, 1e300_f64] {
            assert_eq!(rank(x.next_up()) - rank(x), 1, "{x}");
        }
        assert_eq!((rank(0.0), rank(-0.0), rank(1.0)), (0, -1, 1.0_f64.to_bits() as i64));
    }

    #[test]
    fn the_middle_halves_what_lies_between() {
        for (low, high) in [(1.0, 2.0), (-3.0, 1e9), (f64::MIN, f64::MAX), (0.0, 1e-300)] {
            let middle = middle(low, high, false);
            let (a, b) = (i128::from(rank(low)), i128::from(rank(high)));
            assert_eq!(i128::from(rank(middle)), (a + b + 1).div_euclid(2), "{low} and {high}");
        }
        for (low, high, expected) in [
            (1.0, 1.0_f64.next_up(), 1.0_f64.next_up()),
            (1.0, 1.0, 1.0),
            (2.0, 1.0, 1.0),
            (f64::NEG_INFINITY, 3.0, middle(f64::NEG_INFINITY, 3.0, false)),
        ] {
            assert_eq!(middle(low, high, false), expected, "{low} and {high}");
        }
        assert!(middle(f64::NAN, f64::NAN, false).is_nan());
        for (low, high, expected) in
            [(-1.0, 0.0, 0.0), (0.0, 2.0, 1.0), (2.0, 3.0, 3.0), (4.0, 7.0, 5.0), (6.0, 9.0, 7.0)]
        {
            assert_eq!(middle(low, high, true), expected, "counts {low} and {high}");
        }
        // Half of the doubles between 1 and 16 lie below 4.
        assert_eq!((middle(1.0, 16.0, false), middle(1.0, 16.0, true)), (4.0, 4.0));
    }
}
