//! How $z$ is drawn, and which two log-probabilities the columns weight.

use pathscore_autodiff::{Scalar, Var};
use pathscore_models::dist::{Distribution, Enumerable, Kl, Normal, Reparam};
use pathscore_models::latent::LatentModel;
use pathscore_models::{Bound, Chance};

use crate::exact::gauss_hermite;

/// The two log-probabilities of every draw, each of shape `[draws, batch]`.
#[derive(Clone, Copy, Debug)]
pub struct LogProbs<'t, F> {
    /// $\ln p(x, z_k)$, which $a_k$ weights.
    pub joint: Var<'t, F>,
    /// $\ln q(z_k \mid x)$, which $b_k$ weights.
    pub score: Var<'t, F>,
}

/// A way to draw from the posterior of model `M`.
///
/// That the posterior can be drawn that way is a bound of the implementation: an estimator along the
/// path of a sample does not compile with a model whose posterior has none.
///
/// ```compile_fail
/// use pathscore_estimators::{draw::{Draw, Path}};
/// use pathscore_models::latent::DiscreteVae;
/// fn fits<D: Draw<f64, M>, M: pathscore_models::latent::LatentModel<f64>>() {}
/// fits::<Path, DiscreteVae>();
/// ```
pub trait Draw<F: Scalar, M: LatentModel<F>> {
    /// Draws and records.
    fn record<'t, R: Chance>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F>;
}

/// Draws through which derivatives flow.
#[derive(Clone, Copy, Debug)]
pub enum Path {}

/// Draws through which derivatives flow, with $\mathrm{KL}(q \| p)$ in closed form instead of
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
pub enum Nodes {}

fn columns<'t, F: Scalar, M: LatentModel<F>>(
    model: &M,
    params: Bound<'t, F>,
    x: Var<'t, F>,
    q: &M::Posterior<'t>,
    z: Var<'t, F>,
) -> LogProbs<'t, F> {
    LogProbs { joint: model.log_joint(params, x, z), score: q.log_prob(z) }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for Path
where
    for<'t> M::Posterior<'t>: Reparam<'t, F>,
{
    fn record<'t, R: Chance>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        let z = q.rsample(count, rng);
        columns(model, params, x, &q, z)
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for PathWithKl
where
    for<'t> M::Posterior<'t>: Reparam<'t, F> + Kl<'t, F, M::Prior<'t>>,
{
    fn record<'t, R: Chance>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        let z = q.rsample(count, rng);
        let joint = model.log_likelihood(params, x, z);
        LogProbs { joint, score: q.kl(&model.prior(params)).broadcast_to(joint.shape()) }
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for Score {
    fn record<'t, R: Chance>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        let z = q.sample(count, rng);
        columns(model, params, x, &q, z)
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for All
where
    for<'t> M::Posterior<'t>: Enumerable<'t, F>,
{
    fn record<'t, R: Chance>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        _: usize,
        _: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        columns(model, params, x, &q, q.support())
    }
}

impl<F: Scalar, M: LatentModel<F>> Draw<F, M> for Nodes
where
    M: for<'t> LatentModel<F, Posterior<'t> = Normal<'t, F>>,
{
    fn record<'t, R: Chance>(
        model: &M,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        count: usize,
        _: &mut R,
    ) -> LogProbs<'t, F> {
        let q = model.posterior(params, x);
        assert!(q.loc().shape().last() == Some(&1), "quadrature is for a single latent");
        let nodes: Vec<F> = gauss_hermite(count).iter().map(|node| F::from_f64(node.0)).collect();
        let z = q.loc() + q.scale() * params.tape().constant(&nodes, [count, 1, 1]);
        columns(model, params, x, &q, z)
    }
}
