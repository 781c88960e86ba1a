//! Ways to draw $z$, and the two log-probabilities that the columns weight.

use pathscore_autodiff::{Scalar, Var};
use pathscore_models::dist::{Distribution, Enumerable, Kl, Normal, Reparam};
use pathscore_models::latent::{LatentModel, log_likelihood};
use pathscore_models::{Bound, RandomSource};

use crate::quadrature::gauss_hermite;

/// Draws, and the two log-probabilities of each, of shape `[draws, batch]`.
#[derive(Clone, Copy, Debug)]
pub struct LogProbs<'t, F> {
    /// $z_k$, of shape `[draws, batch, latents]`.
    pub z: Var<'t, F>,
    /// $\ln p(x, z_k)$, which $a_k$ weights.
    pub log_joint: Var<'t, F>,
    /// $\ln q(z_k \mid x)$, which $b_k$ weights.
    pub log_q: Var<'t, F>,
}

/// A way to draw from the posterior of model `M`.
///
/// The bounds of an implementation name the capabilities that it needs of the posterior, so that an estimator along the
/// path of a sample does not compile with a model whose posterior cannot be reparameterised.
///
/// ```compile_fail
/// use pathscore_estimators::{draw::{Draw, Path}};
/// use pathscore_models::latent::DiscreteVae;
/// fn fits<D: Draw<f64, M>, M: pathscore_models::latent::LatentModel<f64>>() {}
/// fits::<Path, DiscreteVae>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the posterior of `{M}` cannot be drawn by `{Self}`",
    label = "`{M}` has no such draws",
    note = "a posterior without `Reparam` has no reparameterised path: try `Reinforce` or `Vimco` instead"
)]
pub trait Draw<F: Scalar, M: LatentModel<F>> {
    /// $z_1 \dots z_K$ from $q$, of shape `[draws, batch, latents]`.
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, rng: &mut R) -> Var<'t, F>;

    /// The log-probabilities of those draws that the columns weight.
    fn log_probs<'t>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        q: &M::Posterior<'t>,
        z: Var<'t, F>,
    ) -> LogProbs<'t, F> {
        LogProbs { z, log_joint: model.log_joint(params, x, z), log_q: q.log_prob(z) }
    }

    /// Draws from the posterior and records the log-probabilities of the draws.
    fn record<'t, R: RandomSource>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        let z = Self::draw(&q, count, rng);
        Self::log_probs(model, params, x, &q, z)
    }
}

/// Draws through which derivatives flow.
#[derive(Clone, Copy, Debug)]
pub enum Path {}

/// Draws through which derivatives flow, multiplied by the weights of the path if there are any. In
/// $\ln q(z_k \mid x)$ the parameters of $q$ are constants, so that it varies with $z_k$ alone.
#[derive(Clone, Copy, Debug)]
pub enum StoppedPath {}

/// Draws through which derivatives flow, with $\mathrm{KL}(q \Vert p)$ in closed form instead of
/// $\ln q(z) - \ln p(z)$ at the draws: the columns weight $\ln p(x \mid z_k)$ and the divergence.
#[derive(Clone, Copy, Debug)]
pub enum PathWithKl {}

/// Draws that are constants to derivatives.
#[derive(Clone, Copy, Debug)]
pub enum Score {}

/// Every value of $z$, each once.
#[derive(Clone, Copy, Debug)]
pub enum All {}

/// The nodes of a Gauss–Hermite rule, through which derivatives flow; for one normal latent.
#[derive(Clone, Copy, Debug)]
pub enum QuadratureNodes {}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for Path
where
    for<'t> M::Posterior<'t>: Reparam<'t, F>,
{
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, rng: &mut R) -> Var<'t, F> {
        q.rsample(count, rng)
    }

    /// Where the posterior finds the density of a sample on the way to it, a flow is not inverted.
    fn record<'t, R: RandomSource>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        let (z, known) = q.rsample_with_log_prob(count, rng);
        let log_joint = model.log_joint(params, x, z);
        LogProbs { z, log_joint, log_q: known.unwrap_or_else(|| q.log_prob(z)) }
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for StoppedPath
where
    for<'t> M::Posterior<'t>: Reparam<'t, F>,
{
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, rng: &mut R) -> Var<'t, F> {
        q.rsample(count, rng).gate()
    }

    fn log_probs<'t>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        q: &M::Posterior<'t>,
        z: Var<'t, F>,
    ) -> LogProbs<'t, F> {
        LogProbs { z, log_joint: model.log_joint(params, x, z), log_q: q.detach().log_prob(z) }
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for PathWithKl
where
    for<'t> M::Posterior<'t>: Reparam<'t, F> + Kl<'t, F, M::Prior<'t>>,
{
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, rng: &mut R) -> Var<'t, F> {
        q.rsample(count, rng)
    }

    fn log_probs<'t>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        q: &M::Posterior<'t>,
        z: Var<'t, F>,
    ) -> LogProbs<'t, F> {
        let log_joint = log_likelihood(model, params, x, z);
        LogProbs { z, log_joint, log_q: q.kl(&model.prior(params)).broadcast_to(log_joint.shape()) }
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for Score {
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, rng: &mut R) -> Var<'t, F> {
        q.sample(count, rng)
    }

    fn record<'t, R: RandomSource>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F> {
        let [z, log_q] = model.posterior(params, x).sample_and_log_prob(count, rng);
        LogProbs { z, log_joint: model.log_joint(params, x, z), log_q }
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for All
where
    for<'t> M::Posterior<'t>: Enumerable<'t, F>,
{
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, _: usize, _: &mut R) -> Var<'t, F> {
        q.enumerate_support()
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for QuadratureNodes
where
    M: for<'t> LatentModel<F, Posterior<'t> = Normal<'t, F>>,
{
    fn draw<'t, R: RandomSource>(q: &M::Posterior<'t>, count: usize, _: &mut R) -> Var<'t, F> {
        let q: &Normal<'t, F> = q;
        assert!(
            q.loc().shape().last() == Some(&1),
            "quadrature is for a single latent, not for a mean of shape {}",
            q.loc().shape()
        );
        let nodes: Vec<F> = gauss_hermite(count).iter().map(|node| F::from_f64(node.0)).collect();
        q.loc() + q.scale() * q.loc().tape().constant(&nodes, [count, 1, 1])
    }
}
