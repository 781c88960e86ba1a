//! A small model whose likelihood has no closed form: a normal latent and Bernoulli data.

use super::{Generative, LatentModel};
use crate::RandomSource;
use crate::dist::Normal;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Scalar, Shape, Var};
use rand::Rng;

/// $z \sim \mathcal N(\mu_0, \sigma_0^2)$, Bernoulli variables $x \mid z$ with logits $wz + c$, and $q = \mathcal
/// N(m, v)$ for all $x$.
///
/// $p(x) = \int \mathcal N(z; \mu_0, \sigma_0^2) \prod_j \sigma(\pm(w_j z + c_j)) \mathrm dz$ has no closed form, but
/// it is a smooth integral over one dimension, which quadrature computes to rounding. The parameters are $m$,
/// $\ln\sqrt v$, $\mu_0$, $\ln\sigma_0$, $w$ and $c$.
///
/// ```
/// use pathscore_models::{Params, latent::LogisticNormal, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// LogisticNormal::new(&mut params, [0.2, -0.3], [0.5, 0.1], &[1.2, -0.8], &[0.3, -0.1], rng);
/// assert_eq!(params.len(), 8);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogisticNormal {
    posterior: [ParamId; 2],
    prior: [ParamId; 2],
    weight: ParamId,
    bias: ParamId,
}

impl LogisticNormal {
    /// The model with `posterior` $(m, \ln\sqrt v)$, `prior` $(\mu_0, \ln\sigma_0)$, and these weights and biases.
    ///
    /// # Panics
    /// If there are not as many biases as weights.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        posterior: [f64; 2],
        prior: [f64; 2],
        weight: &[f64],
        bias: &[f64],
        rng: &mut R,
    ) -> Self {
        assert!(weight.len() == bias.len(), "{} weights, {} biases", weight.len(), bias.len());
        let mut add = |name: &str, shape: Shape, values: &[f64]| {
            let id = params.add(name, shape, Init::Constant(0.0), rng);
            params.get_mut(id).iter_mut().zip(values).for_each(|(p, &v)| *p = F::from_f64(v));
            id
        };
        let mut pair = |names: [&str; 2], values: [f64; 2]| {
            std::array::from_fn(|i| add(names[i], [1].into(), &values[i..=i]))
        };
        Self {
            posterior: pair(["m", "log_sqrt_v"], posterior),
            prior: pair(["mu", "log_sigma"], prior),
            weight: add("w", [1, weight.len()].into(), weight),
            bias: add("c", [bias.len()].into(), bias),
        }
    }

    /// The example with two Bernoulli variables on which estimators are tested; no probability in it is small.
    pub fn known<F: Scalar, R: Rng>(params: &mut Params<F>, rng: &mut R) -> Self {
        Self::new(params, [0.4, -0.1], [0.3, 0.0], &[1.2, -0.8], &[0.3, -0.2], rng)
    }

    /// $wz + c$.
    fn logits<'t, F: Scalar>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        z.matmul(params.get(self.weight)) + params.get(self.bias)
    }
}

impl<F: Scalar> LatentModel<F> for LogisticNormal {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let [loc, log_scale] = self.posterior.map(|id| params.get(id));
        let shape = [x.shape()[0], 1];
        Normal::from_log_scale_unchecked(loc.broadcast_to(shape), log_scale.broadcast_to(shape))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        let [loc, log_scale] = self.prior.map(|id| params.get(id));
        Normal::from_log_scale_unchecked(loc, log_scale)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        x.bernoulli_log_prob(self.logits(params, z))
    }
}

impl<F: Scalar> Generative<F> for LogisticNormal {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let logits = self.logits(params.detach(), z);
        rng.bernoulli_var(logits.sigmoid(), logits.shape())
    }
}
