//! Distributions as capabilities: one trait says that a distribution can be sampled, another that derivatives flow
//! through its samples, another that its values can be enumerated.
//!
//! Parameters broadcast against each other when a distribution is made. A row of them is one member of a batch, and the
//! columns of a row are independent coordinates of one event: `log_prob`, `entropy` and `kl` sum over the last axis.
//! If the parameters have no axis, the event is a single number, and there is nothing to sum. Samples come `count`
//! at a time, with one more axis in front.
//!
//! A constructor looks at the numbers of its parameters and returns a [`ParameterError`] if one of them is NaN or out of
//! range. Its twin `…_unchecked` looks at no number; models use it in the steps of a training.
//!
//! Outside the [`Support`] a log-density is $-\infty$, and its derivatives there are zero.
//!
//! The types tell whether a sample carries a derivative: [`Distribution::sample`] returns a constant and
//! [`Reparam::rsample`] a tracked variable. An estimator that needs the second does not compile with a distribution
//! that lacks it.

pathscore_autodiff::modules! {
    bernoulli: Bernoulli;
    beta: Beta;
    bijection: Affine, Bijection, CholeskyFactor, Compose, Elementwise, Flow, FlowKind, FlowNetwork, Monotone, Ordered, StickBreaking;
    binomial: Binomial;
    categorical: Categorical, OneHotCategorical;
    cauchy: Cauchy, HalfCauchy;
    continuous_bernoulli: ContinuousBernoulli;
    dirichlet: Dirichlet;
    exponential: Exponential, Laplace;
    factorised: Factorised, Kind, Node, width;
    gamma: Gamma;
    geometric: Geometric;
    goodness_of_fit: GoodnessOfFit, cdf_fit, log_prob_fit, uniform_fit;
    gumbel: Gumbel;
    half_normal: HalfNormal;
    independent: Independent;
    inverse_gamma: InverseGamma;
    log_normal: LogNormal;
    logistic: Logistic;
    logit_normal: LogitNormal;
    low_rank_normal: LowRankNormal;
    mixed_divergences: Continuous, MeanLog, PositiveSupport;
    mixture: Mixture;
    multinomial: Multinomial;
    multivariate_normal: MultivariateNormal;
    negative_binomial: NegativeBinomial;
    normal: Normal;
    parameters: Constraint, ParameterError;
    pareto: Pareto;
    poisson: Poisson;
    relaxed: RelaxedBernoulli, RelaxedOneHot;
    shapes: Shapes;
    student: StudentT;
    support: Support;
    transformed: Transformed;
    truncated_normal: TruncatedNormal;
    uniform: Uniform;
    von_mises: VonMises;
    weak_derivative: CoupledPair, WeakDerivative;
    weibull: Weibull;
}

#[cfg(test)]
#[allow(clippy::excessive_precision, reason = "the digits of the source")]
mod digits;
mod edges;
mod implicit;
mod near;
mod near_end;
mod normal_divergences;
mod quantiles;
mod stirling;

pub(crate) use bernoulli::support_of_bits;

use crate::{RandomSource, seed};
use pathscore_autodiff::{Scalar, Shape, Var};
use smallvec::{SmallVec, smallvec};

/// One item for each layer of an event whose parts are drawn one after another.
pub type Layers<T> = SmallVec<[T; 4]>;

/// A distribution that can be sampled and has a log-density.
pub trait Distribution<'t, F: Scalar>: Copy {
    /// `count` independent samples, as constants: shape `[count, …batch, event]`.
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F>;

    /// The log-density or log-probability of `x`, summed over the last axis. `x` may be tracked or not.
    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F>;

    /// [`Distribution::sample`] and the [`Distribution::log_prob`] of that sample, computed together where they share
    /// work.
    fn sample_and_log_prob<R: RandomSource>(&self, count: usize, rng: &mut R) -> [Var<'t, F>; 2] {
        let x = self.sample(count, rng);
        [x, self.log_prob(x)]
    }

    /// The same distribution, constant to derivatives.
    fn detach(&self) -> Self;

    /// The set of values of an event, or of each of its coordinates.
    fn support(&self) -> Support;

    /// The shapes of the batch and of an event.
    ///
    /// Without an implementation of its own the shapes are read off a sample and its log-density, which are recorded on
    /// the tape.
    fn shapes(&self) -> Shapes {
        let mut rng = seed::rng(0, seed::Stream::Sample, 0);
        let [x, log_prob] = self.detach().sample_and_log_prob(1, &mut rng);
        Shapes::split(&x.shape()[1..], log_prob.shape().len() - 1)
    }

    /// The parts of an event, nearest the data first, if they are drawn one after another; otherwise the event is the
    /// only part.
    fn layers(&self, x: Var<'t, F>) -> Layers<Var<'t, F>> {
        smallvec![x]
    }

    /// The log-probability of each layer given those that were drawn before it; their sum is
    /// [`Distribution::log_prob`].
    fn log_prob_layers(&self, x: Var<'t, F>) -> Layers<Var<'t, F>> {
        smallvec![self.log_prob(x)]
    }
}

/// A distribution whose samples are a differentiable function of its parameters and of noise that has none: the
/// reparameterisation $z = g(\varepsilon; \theta)$.
#[diagnostic::on_unimplemented(
    message = "a sample of `{Self}` is not a differentiable function of its parameters",
    label = "this distribution has no `rsample`",
    note = "pathwise estimators need `Reparam`; for discrete distributions use a score-function estimator, \
            such as REINFORCE, NVIL or VIMCO"
)]
#[doc(alias = "reparameterization")]
#[doc(alias = "reparameterise")]
#[doc(alias = "has_rsample")]
pub trait Reparam<'t, F: Scalar>: Distribution<'t, F> {
    /// `count` independent samples through which derivatives flow: shape `[count, …batch, event]`.
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F>;

    /// [`Reparam::rsample`], and the [`Distribution::log_prob`] of these samples, with the derivatives of both arguments, if it is
    /// found on the way to the samples with less work than from them alone; otherwise nothing.
    fn rsample_with_log_prob<R: RandomSource>(
        &self,
        count: usize,
        rng: &mut R,
    ) -> (Var<'t, F>, Option<Var<'t, F>>) {
        (self.rsample(count, rng), None)
    }
}

/// A distribution with finitely many values.
#[diagnostic::on_unimplemented(
    message = "the values of `{Self}` cannot be enumerated",
    label = "this distribution has no values to sum over",
    note = "exact sums over z need `Enumerable`, a distribution with finitely many values"
)]
pub trait Enumerable<'t, F: Scalar>: Distribution<'t, F> {
    /// Every value of an event, for every member of the batch: shape `[values, …batch, event]`.
    fn enumerate_support(&self) -> Var<'t, F>;
}

/// A distribution that has a log-density for each coordinate.
pub trait Coordinates<'t, F: Scalar>: Distribution<'t, F> {
    /// The log-density of each coordinate of `x` given those drawn before it, in the shape of `x`; their sum
    /// over the last axis is [`Distribution::log_prob`].
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F>;
}

/// A distribution over independent Bernoulli variables, described by their logits and nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a distribution over independent Bernoulli variables",
    label = "this distribution has no Bernoulli `logits`",
    note = "estimators for binary latents, such as ARM, DisARM, REBAR and RELAX, need `Bits`"
)]
pub trait Bits<'t, F: Scalar>: Distribution<'t, F> {
    /// The log-odds $\eta$ of the value one for every member of the batch: shape `[…batch, event]`.
    fn logits(&self) -> Var<'t, F>;
}

/// A distribution with a known entropy.
pub trait Entropy<'t, F: Scalar>: Distribution<'t, F> {
    /// $-E \ln q$, summed over the last axis.
    fn entropy(&self) -> Var<'t, F>;
}

/// A distribution with a known Kullback–Leibler divergence of itself from `Other`.
///
/// Every distribution of this module has a divergence from its own kind, except for those without a closed form: [`StudentT`],
/// [`RelaxedBernoulli`], [`RelaxedOneHot`], [`Mixture`], and [`Logistic`] with different scales, [`NegativeBinomial`] with
/// different numbers of failures, [`Binomial`] with fewer trials in $q$ (NaN). Across kinds there are:
///
/// | of | from |
/// |---|---|
/// | every [`Continuous`] distribution | [`Normal`] |
/// | every [`PositiveSupport`] distribution, [`Exponential`], [`Gamma`], [`Uniform`] | [`Exponential`], [`Gamma`] |
/// | [`Normal`] | [`Laplace`], [`Gumbel`], [`MultivariateNormal`], [`LowRankNormal`] |
/// | [`MultivariateNormal`], [`LowRankNormal`] | each other, [`Normal`] |
/// | [`Exponential`], [`Gamma`] | [`Gumbel`], [`Weibull`] |
/// | [`Uniform`] | [`Beta`], [`ContinuousBernoulli`], [`Gumbel`], [`Pareto`] |
/// | [`Beta`] | [`ContinuousBernoulli`], [`Uniform`] |
/// | [`ContinuousBernoulli`] | [`Exponential`], [`Uniform`] |
/// | [`TruncatedNormal`] | [`Uniform`] |
/// | [`Bernoulli`] | [`Poisson`] |
///
/// [`Independent`], and [`Transformed`] with equal bijections, have the divergences of their bases. A pair whose divergence is infinite for all parameters has
/// no implementation. A divergence within a kind keeps its digits where both distributions nearly coincide, unless its docs
/// say otherwise; one across kinds is exact to rounding of the entropy and of the mean of $\ln p$.
pub trait Kl<'t, F: Scalar, Other>: Distribution<'t, F> {
    /// $\mathrm{KL}(q \Vert p) = E_q[\ln q - \ln p]$, summed over the last axis.
    fn kl(&self, p: &Other) -> Var<'t, F>;
}

/// A distribution with a known mean and variance of each coordinate.
pub trait Moments<'t, F: Scalar>: Distribution<'t, F> {
    /// $E x$, of the shape of an event for every member of the batch; NaN where it does not exist.
    fn mean(&self) -> Var<'t, F>;

    /// $E x^2 - (E x)^2$, in the shape of [`Moments::mean`]; infinite or NaN where it does not exist.
    fn variance(&self) -> Var<'t, F>;

    /// The standard deviation, the square root of the variance.
    #[doc(alias = "stddev")]
    fn std(&self) -> Var<'t, F> {
        self.variance().sqrt()
    }
}

/// A distribution of independent coordinates with a known distribution function.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Cdf, Exponential};
/// let tape = Tape::new();
/// let waiting = Exponential::new(tape.leaf(&[2.0_f64], [1]))?;
/// let median = waiting.quantile(tape.constant(&[0.5], [1]));
/// assert!((median.item() - 0.5 * 2_f64.ln()).abs() < 1e-15);
/// assert!((waiting.cdf(median).item() - 0.5).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
pub trait Cdf<'t, F: Scalar>: Coordinates<'t, F> {
    /// $P(X \le x)$ of each coordinate, in the shape of `x`: zero below the support and one above it. The derivative
    /// with respect to `x` is the density, and zero for a discrete distribution.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F>;

    /// The smallest $x$ with $P(X \le x) \ge u$, of each coordinate, in the shape of `u`. The derivative with respect to
    /// `u` is one over the density at the quantile. For `u` outside the unit interval the quantile is NaN.
    #[doc(alias = "icdf")]
    #[doc(alias = "ppf")]
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F>;
}

/// `x`, in the common shape with a parameter if neither shape is the end of the other: kernels repeat along leading axes
/// only.
#[track_caller]
pub(crate) fn for_kernel<'t, F: Scalar>(x: Var<'t, F>, parameter: Var<'t, F>) -> Var<'t, F> {
    let (of_x, of_parameter) = (x.shape(), parameter.shape());
    if of_x.ends_with(&of_parameter) || of_parameter.ends_with(&of_x) {
        return x;
    }
    let whole = Shape::broadcast(&of_x, &of_parameter);
    x.broadcast_to(whole.unwrap_or_else(|| {
        panic!("log_prob: an event of shape {of_x} does not fit parameters of shape {of_parameter}")
    }))
}

/// Sums numbers of the coordinates over an event: over the last axis, unless `parameter` has no axis.
#[track_caller]
pub(crate) fn over_event<'t, F: Scalar>(parameter: Var<'t, F>, each: Var<'t, F>) -> Var<'t, F> {
    if parameter.shape().is_empty() { each } else { each.sum_axis(-1) }
}

/// Makes every coordinate an event of its own, by an axis of length one behind the others.
pub(crate) fn unsqueeze<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.reshape(x.shape().iter().copied().chain(std::iter::once(1)).collect::<Shape>())
}

/// The shape of `count` samples: `count`, then the axes of a parameter.
pub(crate) fn sample_shape<F: Scalar>(count: usize, parameter: Var<'_, F>) -> Shape {
    std::iter::once(count).chain(parameter.shape().iter().copied()).collect()
}
