//! The variational autoencoder.

use super::{
    Decoder, DecoderNetwork, DiagonalNormal, FlowOptions, FullNormal, Generative, LatentModel,
    Likelihood, NormalFlow, PosteriorFamily, widths,
};
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
/// $p(z) = \mathcal N(0, I)$, and $q(z \mid x)$ belongs to a [family](PosteriorFamily) `Q`, whose parameters are the encoder's output:
///
/// | `Q` | made by | $q(z \mid x)$ |
/// |---|---|---|
/// | [`DiagonalNormal`] | [`Vae::new`] | $\mathcal N(\mu(x), \mathrm{diag} \sigma^2(x))$ |
/// | [`FullNormal`] | [`Vae::full_covariance`] | $\mathcal N(\mu(x), L(x) L(x)^\top)$ |
/// | [`NormalFlow`] | [`Vae::with_flow`] | a flow of $\mathcal N(\mu(x), \mathrm{diag} \sigma^2(x))$, with a context $c(x)$ |
///
/// The encoder's last layer gives $\mu$ and then $\ln\sigma^2$. The log-variance is clamped to $\pm 20$, beyond which its
/// derivative is zero, so that no training step can make it overflow.
#[derive(Clone, Debug)]
pub struct Vae<Q = DiagonalNormal> {
    encoder: Mlp,
    family: Q,
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
        let (sizes, family) =
            ([columns, latents, 2 * latents], |_: &mut _, _: &mut _| DiagonalNormal);
        Self::build(params, sizes, hidden, (activation, likelihood), family, rng)
    }
}

impl Vae<FullNormal> {
    /// A model of `[columns, latents]` columns and latents whose posterior has a full covariance matrix, diagonal at first; the hidden
    /// widths are those of the encoder, and reversed those of the decoder.
    ///
    /// ```
    /// use pathscore_autodiff::{Activation, Tape};
    /// use pathscore_models::dist::Moments;
    /// use pathscore_models::latent::{LatentModel, Likelihood, Vae};
    /// use pathscore_models::{Params, seed};
    /// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    /// let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    /// let model = Vae::full_covariance(&mut params, [4, 3], &[5], tanh, bits, rng);
    /// let tape = Tape::new();
    /// let x = tape.constant(&[1.0, 0.0, 0.0, 1.0], [1, 4]);
    /// let q = model.posterior(params.on(&tape), x);
    /// assert_eq!(q.covariance().shape()[..], [1, 3, 3]);
    /// assert_eq!(q.mean().shape()[..], [1, 3]);
    /// ```
    pub fn full_covariance<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        [columns, latents]: [usize; 2],
        hidden: &[usize],
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut R,
    ) -> Self {
        let sizes = [columns, latents, FullNormal::outputs(latents)];
        let (networks, family) = ((activation, likelihood), |_: &mut _, _: &mut _| FullNormal);
        let model = Self::build(params, sizes, hidden, networks, family, rng);
        model.encoder.clear_outputs(params, 2 * latents);
        model
    }
}

impl Vae<NormalFlow> {
    /// A model of `[columns, latents]` columns and latents whose posterior is a flow; the hidden widths are those of the encoder, and
    /// reversed those of the decoder. The context has as many columns as there are latents.
    ///
    /// ```
    /// use pathscore_autodiff::{Activation, Tape};
    /// use pathscore_models::dist::{Distribution, FlowKind, Reparam};
    /// use pathscore_models::latent::{FlowOptions, LatentModel, Likelihood, Vae};
    /// use pathscore_models::{Params, seed};
    /// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    /// let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    /// let flow = FlowOptions { kind: FlowKind::Coupling, layers: 2, hidden: vec![6] };
    /// let model = Vae::with_flow(&mut params, [4, 3], &[5], (tanh, bits), &flow, rng);
    /// let tape = Tape::new();
    /// let x = tape.constant(&[1.0, 0.0, 0.0, 1.0], [1, 4]);
    /// let q = model.posterior(params.on(&tape), x);
    /// let [z, log_q] = q.rsample_and_log_prob(10, rng);
    /// assert!((log_q - q.log_prob(z)).value().values().iter().all(|gap| gap.abs() < 1e-12));
    /// ```
    ///
    /// # Panics
    /// If the flow is a coupling and there is a single latent.
    pub fn with_flow<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        [columns, latents]: [usize; 2],
        hidden: &[usize],
        (activation, likelihood): (Activation, Likelihood),
        flow: &FlowOptions,
        rng: &mut R,
    ) -> Self {
        let sizes = [columns, latents, 3 * latents];
        let make = |params: &mut Params<F>, rng: &mut R| {
            NormalFlow::new(params, latents, flow, activation, rng)
        };
        Self::build(params, sizes, hidden, (activation, likelihood), make, rng)
    }
}

impl<Q> Vae<Q> {
    /// The encoder, then the parameters that the family adds, then the decoder.
    fn build<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        [columns, latents, outputs]: [usize; 3],
        hidden: &[usize],
        (activation, likelihood): (Activation, Likelihood),
        family: impl FnOnce(&mut Params<F>, &mut R) -> Q,
        rng: &mut R,
    ) -> Self {
        let back: Vec<usize> = hidden.iter().rev().copied().collect();
        let to = widths(columns, hidden, outputs);
        let from = widths(latents, &back, columns);
        Self {
            encoder: Mlp::new(params, "encoder", &to, activation, rng),
            family: family(params, rng),
            decoder: DecoderNetwork::new(params, "decoder", &from, activation, likelihood, rng),
            latents,
        }
    }
}

impl<F: Scalar, Q: PosteriorFamily<F>> LatentModel<F> for Vae<Q> {
    type Posterior<'t> = Q::Posterior<'t>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Q::Posterior<'t> {
        self.family.posterior(params, self.encoder.forward(params, x), self.latents)
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::standard(params.tape(), self.latents)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.log_prob(params, x, z)
    }
}

impl<F: Scalar, Q: PosteriorFamily<F>> Generative<F> for Vae<Q> {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.decoder.sample(params, z, rng)
    }
}

impl<F: Scalar, Q: PosteriorFamily<F>> Decoder<F> for Vae<Q> {
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.mean(params, z)
    }

    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.family.point(&self.posterior(params, x))
    }

    fn latents(&self) -> usize {
        self.latents
    }
}
