//! Latent-variable models: $p(x, z) = p(x \mid z) p(z)$ with an approximate posterior $q(z \mid x)$.

pathscore_autodiff::modules! {
    chain: Chain;
    decoder: Likelihood;
    dvae: DiscreteVae;
    family: DiagonalNormal, FlowOptions, FullNormal, NormalFlow, PosteriorFamily;
    hierarchical: HierarchicalVae, Inference;
    linear_factors: LinearFactors;
    linear_gaussian: LinearGaussian;
    logistic_normal: LogisticNormal;
    mixed: First, Mixed, MixedVae;
    normal_chain: NormalChain;
    sbn: SigmoidBelief;
    small: SmallBelief;
    toys: BernoulliToy, GaussianQuadratic;
    vae: Vae;
}

use crate::RandomSource;
use crate::dist::{Distribution, Layers};
use crate::params::Bound;
use decoder::DecoderNetwork;
use pathscore_autodiff::{Scalar, Shape, Var};
use smallvec::smallvec;

/// A model with latent variables: the joint density $p(x, z) = p(x \mid z) p(z)$ and an approximate posterior
/// $q(z \mid x)$.
///
/// `x` has shape `[batch, columns]`, `z` shape `[draws, batch, latents]`, and log-probabilities of samples
/// shape `[draws, batch]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model with latent variables",
    label = "this model has no p(x, z) and no q(z|x)",
    note = "estimators of the ELBO and of importance-weighted bounds need `LatentModel`"
)]
pub trait LatentModel<F: Scalar>: Sync {
    /// The form of $q(z \mid x)$.
    type Posterior<'t>: Distribution<'t, F>;
    /// The form of $p(z)$.
    type Prior<'t>: Distribution<'t, F>;

    /// $q(z \mid x)$, of shape `[batch, latents]`.
    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Self::Posterior<'t>;

    /// $p(z)$, of shape `[latents]`.
    fn prior<'t>(&self, params: Bound<'t, F>) -> Self::Prior<'t>;

    /// $\ln p(x \mid z)$ of whole rows, of shape `[draws, batch]`: the sum over the columns, which [`Distribution::log_prob`] takes.
    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F>;

    /// $\ln p(x, z)$, of shape `[draws, batch]`.
    fn log_joint<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        log_likelihood(self, params, x, z) + self.prior(params).log_prob(z)
    }

    /// $\ln p(x \mid h_1)$, $\ln p(h_1 \mid h_2)$, …, $\ln p(h_L)$ for the layers $h$ of $z$, nearest the data
    /// first; their sum is [`LatentModel::log_joint`].
    fn log_joint_layers<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        z: Var<'t, F>,
    ) -> Layers<Var<'t, F>> {
        smallvec![log_likelihood(self, params, x, z), self.prior(params).log_prob(z)]
    }
}

/// [`LatentModel::log_likelihood`], whose shape is looked at: one that has kept the axis of the columns, or lost that of the rows, would be
/// broadcast, and another objective would be maximised.
///
/// # Panics
/// If the shape is not that of `z` without its last axis.
#[track_caller]
pub fn log_likelihood<'t, F: Scalar, M: LatentModel<F> + ?Sized>(
    model: &M,
    params: Bound<'t, F>,
    x: Var<'t, F>,
    z: Var<'t, F>,
) -> Var<'t, F> {
    let found = model.log_likelihood(params, x, z);
    let wanted = z.shape();
    let wanted = &wanted[..wanted.len() - 1];
    assert!(
        found.shape()[..] == *wanted,
        "log_likelihood of the model returns the shape {:?}, and must return {wanted:?}, a number for each draw and row: log_prob of a \
         distribution sums over the columns",
        &found.shape()[..]
    );
    found
}

/// A model from which data can be sampled.
pub trait Generative<F: Scalar>: LatentModel<F> {
    /// Samples $x \sim p(x \mid z)$ for every `z`, of shape `[…, latents]`; the samples are constants.
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F>;
}

/// A model with a mean of $x$ given $z$ and a point estimate of $z$ given $x$, for reconstructions and pictures.
pub trait Decoder<F: Scalar>: LatentModel<F> {
    /// $E[x \mid z]$ for `z` of shape `[rows, latents]`.
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F>;

    /// A point estimate of `z` for every row of `x`, of shape `[batch, latents]`: the mean of a normal posterior, the
    /// probabilities of a Bernoulli one.
    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F>;

    /// The number of latents.
    fn latents(&self) -> usize;

    /// $E[x \mid z]$ for the point estimate $z$ that [`Decoder::encode`] computes from `x`, of the shape of `x`.
    fn reconstruct<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.mean(params, self.encode(params, x))
    }
}

/// The widths `first`, then `inner`, then `last`.
fn widths(first: usize, inner: &[usize], last: usize) -> Shape {
    std::iter::once(first).chain(inner.iter().copied()).chain(std::iter::once(last)).collect()
}

#[cfg(test)]
mod tests;
