//! A belief network small enough to enumerate: with two latents every expectation is a sum of four terms.

use super::{Generative, LatentModel};
use crate::RandomSource;
use crate::capability::Tractable;
use crate::dist::{Bernoulli, Enumerable};
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
        Bernoulli::from_logits_unchecked(logits.broadcast_to([x.shape()[0], logits.size()]))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Bernoulli<'t, F> {
        Bernoulli::from_logits_unchecked(params.get(self.prior))
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

impl<F: Scalar> Tractable<F> for SmallBelief {
    /// $\ln \sum_z p(x, z)$ over all $2^L$ values of the $L$ latents.
    ///
    /// # Panics
    /// If there are more than 20 latents.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let support = self.prior(params).enumerate_support();
        let (values, latents) = (support.shape()[0], support.shape()[1]);
        let every = support.reshape([values, 1, latents]);
        let z = every.broadcast_to([values, x.shape()[0], latents]);
        self.log_joint(params, x, z).log_sum_exp(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Stream, rng};
    use pathscore_autodiff::Tape;

    #[test]
    fn the_exact_likelihood_has_its_known_digits_and_sums_to_one() {
        let mut params = Params::<f64>::new();
        let model = SmallBelief::known(&mut params, &mut rng(0, Stream::Init, 0));
        let tape = Tape::new();
        let bound = params.on(&tape);
        let every: Vec<f64> = (0..24).map(|i| f64::from(((i / 3) >> (i % 3)) & 1)).collect();
        let log_prob = model.log_prob(bound, tape.constant(&every, [8, 3]));
        // x = (1, 0, 1) is row 5; ten digits are known.
        assert!((log_prob.value().values()[5] + 2.557_711_808_9).abs() < 1e-10);
        assert!((log_prob.exp().sum().item() - 1.0).abs() < 1e-14);
    }
}
