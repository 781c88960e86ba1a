//! Sticking the landing (Roeder, Wu and Duvenaud 2017).

use super::sgvb::equal_shares;
use crate::draw::StoppedPath;
use crate::estimator::{Columns, Cotangents, LogWeights};
use pathscore_autodiff::Scalar;

/// The path part of the ELBO's gradient alone: $q$ is a constant once it has been drawn from.
///
/// $$\frac1K \sum_k \nabla \ln p(x, z_k) - \frac{\partial \ln q(z_k \mid x)}{\partial z_k} \nabla z_k$$
///
/// The omitted term, $\frac1K \sum_k \nabla \ln q(z_k \mid x)$ at a constant $z_k$, has mean zero.
/// Columns: $a = 1/K$, $b = -1/K$, path 1, with $q$ stopped. It is unbiased for the ELBO's gradient, at the
/// cost of [`Sgvb`](super::Sgvb). Where $q$ is the posterior every draw of the gradient is zero: prefer it
/// when $q$ can come near the posterior; far from it, its variance may be larger than that of `Sgvb`.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, path::StickingTheLanding};
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let mut params = Params::<f64>::new();
/// // The exact posterior at x = 1: mean 24/55, variance 2/11.
/// let at = [24.0 / 55.0, 0.5 * (2.0_f64 / 11.0).ln(), 1.5, 0.2];
/// let model = LinearGaussian::new(&mut params, at, 0.5, rng);
/// let mut work = Work::new();
/// StickingTheLanding.estimate(Query::new(&model, &params, &[1.0], 1), rng, &mut work);
/// assert!(work.gradient(2).iter().all(|g| g.abs() < 1e-12));
/// ```
#[doc(alias = "STL")]
#[doc(alias = "sticking the landing")]
#[doc(alias = "path derivative gradient")]
#[derive(Clone, Copy, Debug, Default)]
pub struct StickingTheLanding;

impl Columns for StickingTheLanding {
    type Draw = StoppedPath;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        equal_shares(w, cotangents);
    }
}
