//! A belief network small enough to enumerate: with two latents every expectation is a sum of four terms.

use super::{Generative, LatentModel};
use crate::RandomSource;
use crate::dist::Bernoulli;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Scalar, Shape, Var};
use rand::Rng;

/// Bernoulli latents $z$ with prior logits, and Bernoulli data $x \mid z$ with logits $c + Wz$; $q$ has the same logits
/// $\varphi$ for all $x$.
///
/// The parameters are $\varphi$, the prior's logits, $W$ (of shape `[latents, columns]`) and $c$.
#[derive(Clone, Copy, Debug)]
pub struct SmallBelief {
    posterior: ParamId,
    prior: ParamId,
    weight: ParamId,
    bias: ParamId,
}

impl SmallBelief {
    /// The model with these values; `weight` holds a row for each latent.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        posterior: &[f64],
        prior: &[f64],
        weight: &[f64],
        bias: &[f64],
        rng: &mut R,
    ) -> Self {
        let (latents, columns) = (posterior.len(), bias.len());
        let mut add = |name, shape: Shape, values: &[f64]| {
            let id = params.add(name, shape, Init::Constant(0.0), rng);
            assert!(params.get(id).len() == values.len(), "{name}: {} values", values.len());
            params.get_mut(id).iter_mut().zip(values).for_each(|(p, &v)| *p = F::from_f64(v));
            id
        };
        Self {
            posterior: add("phi", [latents].into(), posterior),
            prior: add("prior", [latents].into(), prior),
            weight: add("W", [latents, columns].into(), weight),
            bias: add("c", [columns].into(), bias),
        }
    }

    /// The example with two latents and three columns whose likelihood, bounds and gradients at $x = (1, 0, 1)$ are
    /// known digit by digit.
    pub fn known<F: Scalar, R: Rng>(params: &mut Params<F>, rng: &mut R) -> Self {
        let weight = [1.2, 0.5, -1.1, -0.7, 0.9, 0.4];
        Self::new(params, &[0.8, -0.5], &[0.3, -0.4], &weight, &[-0.2, 0.1, 0.3], rng)
    }

    /// $c + Wz$.
    fn logits<'t, F: Scalar>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        z.matmul(params.get(self.weight)) + params.get(self.bias)
    }
}

impl<F: Scalar> LatentModel<F> for SmallBelief {
    type Posterior<'t> = Bernoulli<'t, F>;
    type Prior<'t> = Bernoulli<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Bernoulli<'t, F> {
        let logits = params.get(self.posterior);
        Bernoulli::from_logits(logits.broadcast_to([x.shape()[0], logits.size()]))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Bernoulli<'t, F> {
        Bernoulli::from_logits(params.get(self.prior))
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        x.bernoulli_log_prob(self.logits(params, z))
    }
}

impl<F: Scalar> Generative<F> for SmallBelief {
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
