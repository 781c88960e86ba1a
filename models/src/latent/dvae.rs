//! The variational autoencoder with Bernoulli latents.

use super::{Decoder, DecoderNetwork, Generative, LatentModel, Likelihood, widths};
use crate::RandomSource;
use crate::dist::Bernoulli;
use crate::nn::Mlp;
use crate::params::{Bound, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;

/// Bernoulli latents with a uniform prior: $p(z) = 2^{-D}$, $q(z \mid x) = \mathrm{Bernoulli}(\eta(x))$.
///
/// Samples of Bernoulli variables are not differentiable, so the posterior has no `rsample`, and estimators that need
/// one do not compile with this model.
#[derive(Clone, Debug)]
pub struct DiscreteVae {
    encoder: Mlp,
    decoder: DecoderNetwork,
    latents: usize,
}

impl DiscreteVae {
    /// A model of `columns` columns with these hidden widths in the encoder, and reversed in the decoder.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        hidden: &[usize],
        latents: usize,
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut R,
    ) -> Self {
        let back: Vec<usize> = hidden.iter().rev().copied().collect();
        let to = widths(columns, hidden, latents);
        let from = widths(latents, &back, columns);
        Self {
            encoder: Mlp::new(params, "encoder", &to, activation, rng),
            decoder: DecoderNetwork::new(params, "decoder", &from, activation, likelihood, rng),
            latents,
        }
    }
}

impl<F: Scalar> LatentModel<F> for DiscreteVae {
    type Posterior<'t> = Bernoulli<'t, F>;
    type Prior<'t> = Bernoulli<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Bernoulli<'t, F> {
        Bernoulli::from_logits_unchecked(self.encoder.forward(params, x))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Bernoulli<'t, F> {
        Bernoulli::from_logits_unchecked(
            params.tape().constant_with([self.latents], |z| z.fill(F::ZERO)),
        )
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.log_prob(params, x, z)
    }
}

impl<F: Scalar> Generative<F> for DiscreteVae {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.decoder.sample(params, z, rng)
    }
}

impl<F: Scalar> Decoder<F> for DiscreteVae {
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.mean(params, z)
    }

    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.posterior(params, x).probs()
    }

    fn latents(&self) -> usize {
        self.latents
    }
}
