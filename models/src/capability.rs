//! Capabilities of models: each trait is one promise, which estimators and the program ask for.
//!
//! | trait | promise | models that keep it |
//! |---|---|---|
//! | [`LatentModel`](crate::latent::LatentModel) | $\ln p(x, z)$ and an approximate posterior $q(z \mid x)$ | autoencoders, belief networks, probabilistic PCA, factor analysis, the toys |
//! | [`Tractable`] | the exact $\ln p(x)$ | probabilistic PCA, factor analysis, Gaussian mixtures, the linear-Gaussian model, small belief networks |
//! | [`ExactPosterior`] | the exact $p(z \mid x)$ | probabilistic PCA, factor analysis, Gaussian mixtures, the linear-Gaussian model |
//! | [`Em`] | one step of expectation maximisation | probabilistic PCA, factor analysis, Gaussian mixtures |
//! | [`Energy`] | $E(x)$ with $p(x) \propto e^{-E(x)}$ | restricted Boltzmann machines |
//! | [`BlockGibbs`] | a Markov transition that leaves $p(x)$ invariant | restricted Boltzmann machines |
//!
//! Parameters live in a [`Params`](crate::Params); a model only holds their ids, so every method takes the
//! parameters, either on a tape ([`Bound`]) or as the vector itself.

use crate::RandomSource;
use crate::dist::Distribution;
use crate::params::{Bound, Params};
use pathscore_autodiff::{Scalar, Var};

/// A model whose log-likelihood can be computed exactly.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot compute its log-likelihood ln p(x) exactly",
    label = "this model has no exact `log_prob`",
    note = "exact likelihoods need `Tractable`; a model that only has p(x, z) and q(z|x) is a `LatentModel`, \
            and one that only has E(x) is an `Energy`"
)]
pub trait Tractable<F: Scalar>: Sync {
    /// $\ln p(x)$ for every row of `x`: from `[batch, columns]` to `[batch]`. The gradient flows to the parameters
    /// and to `x`.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;
}

/// A model whose posterior over the latent variables, $p(z \mid x) = p(x, z) / p(x)$, is a known distribution.
#[diagnostic::on_unimplemented(
    message = "the posterior p(z|x) of `{Self}` is not known in closed form",
    label = "this model has no exact posterior",
    note = "an approximate posterior q(z|x) comes from `LatentModel::posterior`"
)]
pub trait ExactPosterior<F: Scalar>: Tractable<F> {
    /// The form of $p(z \mid x)$.
    type ExactPosterior<'t>: Distribution<'t, F>;

    /// $p(z \mid x)$ for every row of `x`, of shape `[batch, latents]`.
    fn exact_posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Self::ExactPosterior<'t>;
}

/// A model that can be fitted by expectation maximisation (Dempster, Laird and Rubin 1977).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be fitted by expectation maximisation",
    label = "this model has no `em_step`",
    note = "fit it by gradients instead, or implement `Em`"
)]
pub trait Em<F: Scalar>: Tractable<F> {
    /// Does one E step and one M step on the `rows` rows of `x`, which lie one after another, and returns the mean of
    /// $\ln p(x)$ over the rows *before* the step. This mean never falls from step to step, up to rounding.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows of the model's columns, or if there are no rows.
    fn em_step(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64;
}

/// A model that is known up to a constant: $p(x) = e^{-E(x)} / Z$.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an energy-based model",
    label = "this model has no energy E(x)",
    note = "contrastive divergence and its relatives need `Energy`; a model with an exact ln p(x) is `Tractable`"
)]
pub trait Energy<F: Scalar>: Sync {
    /// $E(x)$ for every row of `x`: from `[rows, columns]` to `[rows]`. If the model has hidden units, they are summed
    /// out, and this is the free energy.
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;
}

/// An energy-based model with a block Gibbs sampler: given one half of its units, the units of the other half are
/// independent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no block Gibbs sampler",
    label = "this model cannot draw h ~ p(h|x) and then x ~ p(x|h)",
    note = "contrastive divergence with Gibbs sweeps needs `BlockGibbs`"
)]
pub trait BlockGibbs<F: Scalar>: Energy<F> {
    /// Draws $h \sim p(h \mid x)$ and then a new $x \sim p(x \mid h)$ for every row: from `[rows, columns]` to the same
    /// shape.
    ///
    /// The transition leaves $p(x)$ invariant. The new `x` is a constant: no derivative flows through a sweep.
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F>;
}
