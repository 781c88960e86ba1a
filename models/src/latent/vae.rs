//! The variational autoencoder.

use super::{Decoder, DecoderNetwork, Generative, LatentModel, Likelihood, widths};
use crate::RandomSource;
use crate::dist::Normal;
use crate::nn::Mlp;
use crate::params::{Bound, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;

/// The log-variance of the posterior is clamped to this magnitude: $e^{\pm 20}$ spans the range in which `f32` is
/// useful.
const LOG_VARIANCE_LIMIT: f64 = 20.0;

/// The normal distribution whose $\mu$ and $\ln\sigma^2$ are the first columns of `h`; $\ln\sigma^2$ is clamped.
pub(super) fn normal_of<F: Scalar>(h: Var<'_, F>, latents: usize) -> Normal<'_, F> {
    let (tape, limit) = (h.tape(), F::from_f64(LOG_VARIANCE_LIMIT));
    let log_variance = h.slice(-1, latents..2 * latents);
    let held = log_variance.max(tape.number(-limit)).min(tape.number(limit));
    Normal::from_log_scale_unchecked(h.slice(-1, 0..latents), held * F::from_f64(0.5))
}

/// Normal latents with an encoder network for their posterior and a decoder network for the data (Kingma and Welling
/// 2014; Rezende, Mohamed and Wierstra 2014).
///
/// $p(z) = \mathcal N(0, I)$, $q(z \mid x) = \mathcal N(\mu(x), \mathrm{diag} \sigma^2(x))$; the encoder's
/// last layer gives $\mu$ and then $\ln\sigma^2$. The log-variance is clamped to $\pm 20$, beyond which its
/// derivative is zero, so that no training step can make it overflow.
#[derive(Clone, Debug)]
pub struct Vae {
    encoder: Mlp,
    decoder: DecoderNetwork,
    latents: usize,
}

impl Vae {
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
        let to = widths(columns, hidden, 2 * latents);
        let from = widths(latents, &back, columns);
        Self {
            encoder: Mlp::new(params, "encoder", &to, activation, rng),
            decoder: DecoderNetwork::new(params, "decoder", &from, activation, likelihood, rng),
            latents,
        }
    }
}

impl<F: Scalar> LatentModel<F> for Vae {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        normal_of(self.encoder.forward(params, x), self.latents)
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::standard(params.tape(), self.latents)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.log_prob(params, x, z)
    }
}

impl<F: Scalar> Generative<F> for Vae {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.decoder.sample(params, z, rng)
    }
}

impl<F: Scalar> Decoder<F> for Vae {
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.mean(params, z)
    }

    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.posterior(params, x).loc()
    }

    fn latents(&self) -> usize {
        self.latents
    }
}
