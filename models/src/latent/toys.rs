//! Two toy problems whose gradients and estimator variances have closed forms, written as models.
//!
//! $E_q f(z)$ is the ELBO of a model whose likelihood is $e^{f(z)}$ and whose prior is a constant copy of $q$: then
//! $\ln p(x, z) - \ln q(z) = f(z)$, and every estimator of the ELBO's gradient estimates $\nabla E_q f$. The data $x$
//! are not used.

use super::LatentModel;
use crate::dist::{Bernoulli, Distribution, Normal};
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Scalar, Var};
use rand::Rng;

/// $E (b - t)^2$ for a Bernoulli variable $b$ with logit $\theta$ (Tucker and others 2017).
///
/// The derivative is $p(1 - p)(1 - 2t)$ with $p = \sigma(\theta)$.
///
/// ```
/// use pathscore_models::{Params, latent::BernoulliToy, seed};
/// let mut params = Params::<f64>::new();
/// BernoulliToy::new(&mut params, 1.0, 0.45, &mut seed::rng(0, seed::Stream::Init, 0));
/// assert_eq!(params.values(), [1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BernoulliToy {
    logit: ParamId,
    target: f64,
}

/// $E (z - k)^2$ for $z \sim \mathcal N(\mu, \sigma^2)$ (Mohamed and others 2020, Figure 2).
///
/// The derivatives are $2(\mu - k)$ and, with respect to $\ln\sigma$, $2\sigma^2$.
///
/// ```
/// use pathscore_models::{Params, latent::GaussianQuadratic, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// GaussianQuadratic::new(&mut params, [1.0, 0.0], -3.0, rng);
/// assert_eq!(params.values(), [1.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GaussianQuadratic {
    loc: ParamId,
    log_scale: ParamId,
    target: f64,
}

impl BernoulliToy {
    /// The problem with $\theta$ equal to `logit` and $t$ equal to `target`.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        logit: f64,
        target: f64,
        rng: &mut R,
    ) -> Self {
        Self { logit: params.add("theta", [1], Init::Constant(logit), rng), target }
    }
}

impl GaussianQuadratic {
    /// The problem at these $(\mu, \ln\sigma)$, with $k$ equal to `target`.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        [loc, log_scale]: [f64; 2],
        target: f64,
        rng: &mut R,
    ) -> Self {
        let mut add = |name, value| params.add(name, [1], Init::Constant(value), rng);
        Self { loc: add("mu", loc), log_scale: add("log_sigma", log_scale), target }
    }
}

/// $\sum (z - t)^2$ over the latents.
fn square<F: Scalar>(z: Var<'_, F>, target: f64) -> Var<'_, F> {
    (z - F::from_f64(target)).square().sum_axis(-1)
}

impl<F: Scalar> LatentModel<F> for BernoulliToy {
    type Posterior<'t> = Bernoulli<'t, F>;
    type Prior<'t> = Bernoulli<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Bernoulli<'t, F> {
        Bernoulli::from_logits_unchecked(params.get(self.logit).broadcast_to([x.shape()[0], 1]))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Bernoulli<'t, F> {
        Bernoulli::from_logits_unchecked(params.get(self.logit)).detach()
    }

    fn log_likelihood<'t>(&self, _: Bound<'t, F>, _: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        square(z, self.target)
    }
}

impl<F: Scalar> LatentModel<F> for GaussianQuadratic {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let shape = [x.shape()[0], 1];
        let [loc, log_scale] = [self.loc, self.log_scale].map(|id| params.get(id));
        Normal::from_log_scale_unchecked(loc.broadcast_to(shape), log_scale.broadcast_to(shape))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::from_log_scale_unchecked(params.get(self.loc), params.get(self.log_scale)).detach()
    }

    fn log_likelihood<'t>(&self, _: Bound<'t, F>, _: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        square(z, self.target)
    }
}
