//! Distributions as capabilities: what can be sample_shape, what carries a derivative, what can be listed.
//!
//! A row of the parameters is one member of a batch, and the columns of a row are independent
//! coordinates of one event: `log_prob`, `entropy` and `kl` sum over the last axis. Draws come `count`
//! at a time, with one more axis in front.
//!
//! That a draw carries no derivative is a matter of type: [`Distribution::sample`] returns a constant,
//! [`Reparam::rsample`] a tracked variable, and an estimator that needs the second does not compile
//! with a distribution that lacks it.

mod bernoulli;
mod beta;
mod categorical;
mod dirichlet;
mod exponential;
mod gamma;
mod implicit;
mod log_normal;
mod multivariate_normal;
mod nodes;
mod normal;
mod poisson;
mod student;
mod von_mises;
mod weak;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use categorical::Categorical;
pub use dirichlet::Dirichlet;
pub use exponential::{Exponential, Laplace};
pub use gamma::Gamma;
pub use log_normal::LogNormal;
pub use multivariate_normal::MultivariateNormal;
pub use nodes::{Factorised, Kind, Node, width};
pub use normal::Normal;
pub use poisson::Poisson;
pub use student::StudentT;
pub use von_mises::VonMises;
pub use weak::{Split, WeakDerivative};

use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use smallvec::{SmallVec, smallvec};

/// A few things, one for each layer of an event whose parts are drawn one after another.
pub type Layers<T> = SmallVec<[T; 4]>;

/// What can be drawn and has a log-density.
pub trait Distribution<'t, F: Scalar>: Copy {
    /// `count` independent draws, as constants: shape `[count, …batch, event]`.
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F>;

    /// The log-density or log-probability of `x`, summed over the last axis. `x` may be tracked or not.
    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F>;

    /// [`Distribution::sample`] and [`Distribution::log_prob`] of what was sample_shape, in one go where they have work
    /// in common.
    fn sample_and_log_prob<R: RandomSource>(&self, count: usize, rng: &mut R) -> [Var<'t, F>; 2] {
        let x = self.sample(count, rng);
        [x, self.log_prob(x)]
    }

    /// The same distribution, constant to derivatives.
    fn detach(&self) -> Self;

    /// The parts of an event, nearest the data first, if they are drawn one after another; else one part.
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
    /// `count` independent draws through which derivatives flow: shape `[count, …batch, event]`.
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F>;
}

/// A distribution with finitely many values.
#[diagnostic::on_unimplemented(
    message = "the values of `{Self}` cannot be enumerated",
    label = "this distribution has no `support` to sum over",
    note = "exact sums over z need `Enumerable`, a distribution with finitely many values"
)]
#[doc(alias = "enumerate_support")]
pub trait Enumerable<'t, F: Scalar>: Distribution<'t, F> {
    /// Every value of an event, for every member of the batch: shape `[values, …batch, event]`.
    fn support(&self) -> Var<'t, F>;
}

/// What has a log-density for each coordinate.
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
    /// The log-odds of a one, $\eta$, for every member of the batch: shape `[…batch, event]`.
    fn logits(&self) -> Var<'t, F>;
}

/// What has a known entropy.
pub trait Entropy<'t, F: Scalar>: Distribution<'t, F> {
    /// $-E \ln q$, summed over the last axis.
    fn entropy(&self) -> Var<'t, F>;
}

/// What has a known divergence from itself to `Other`.
pub trait Kl<'t, F: Scalar, Other>: Distribution<'t, F> {
    /// $\mathrm{KL}(q \| p) = E_q[\ln q - \ln p]$, summed over the last axis.
    fn kl(&self, p: &Other) -> Var<'t, F>;
}

/// Every coordinate an event of its own: one more axis, of length one, behind the others.
pub(crate) fn unsqueeze<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.reshape(x.shape().iter().copied().chain(std::iter::once(1)).collect::<Shape>())
}

/// `count` in front of the axes of a parameter.
pub(crate) fn sample_shape<F: Scalar>(count: usize, parameter: Var<'_, F>) -> Shape {
    std::iter::once(count).chain(parameter.shape().iter().copied()).collect()
}
