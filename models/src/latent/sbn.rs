//! Sigmoid belief networks with one to three layers of Bernoulli latents.

use super::chain::{DrawnFrom, MAX_LAYERS};
use super::{Chain, Decoder, DecoderNetwork, Generative, LatentModel, Likelihood, widths};
use crate::RandomSource;
use crate::dist::Layers;
use crate::nn::Mlp;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;

/// $p(x \mid h_1) p(h_1 \mid h_2) \cdots p(h_L)$ with a posterior in the other direction,
/// $q(h_1 \mid x) q(h_2 \mid h_1) \cdots$ (Neal 1992; Mnih and Gregor 2014).
///
/// Every layer consists of Bernoulli variables, whose logits are a linear function or a network of the layer before.
/// The logits of the prior are learnt. $z$ is all layers side by side, $h_1$ first.
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::latent::{LatentModel, Likelihood, SigmoidBelief};
/// use pathscore_models::{Params, dist::Distribution, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (layers, hidden) = ([3, 2], []);
/// let tanh = Activation::Tanh;
/// let model = SigmoidBelief::new(&mut params, 4, &layers, &hidden, tanh, Likelihood::Bernoulli, rng);
/// let tape = Tape::new();
/// let bound = params.on(&tape);
/// let x = tape.constant(&[1.0, 0.0, 1.0, 1.0], [1, 4]);
/// let z = model.posterior(bound, x).sample(10, rng);
/// assert_eq!(model.log_joint(bound, x, z).shape()[..], [10, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct SigmoidBelief {
    widths: [usize; MAX_LAYERS],
    layers: usize,
    /// The network from the data to the first layer.
    encoder: Mlp,
    /// The networks from each layer to the next.
    up: [Option<Mlp>; MAX_LAYERS - 1],
    prior: ParamId,
    /// The networks from each layer to the layer before it.
    down: [Option<Mlp>; MAX_LAYERS - 1],
    /// The network from the first layer to the data.
    decoder: DecoderNetwork,
}

impl SigmoidBelief {
    /// A model of `columns` columns with stochastic layers of the widths `layers`, nearest the data first, and between
    /// any two of them deterministic hidden layers of the widths `hidden`.
    ///
    /// # Panics
    /// If there are no layers, or more than three.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        layers: &[usize],
        hidden: &[usize],
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut R,
    ) -> Self {
        let count = layers.len();
        assert!(
            (1..=MAX_LAYERS).contains(&count),
            "a belief network has one to three layers, not {count}"
        );
        let back: Vec<usize> = hidden.iter().rev().copied().collect();
        let mut net = |params: &mut Params<F>, name: &str, [from, to]: [usize; 2], up: bool| {
            let widths = widths(from, if up { hidden } else { &back }, to);
            Mlp::new(params, name, &widths, activation, rng)
        };
        let encoder = net(params, "encoder.1", [columns, layers[0]], true);
        let (mut up, mut down) = ([None; MAX_LAYERS - 1], [None; MAX_LAYERS - 1]);
        for (i, pair) in layers.windows(2).enumerate() {
            up[i] = Some(net(params, &format!("encoder.{}", i + 2), [pair[0], pair[1]], true));
        }
        for (i, pair) in layers.windows(2).enumerate().rev() {
            down[i] = Some(net(params, &format!("decoder.{}", i + 2), [pair[1], pair[0]], false));
        }
        let from = widths(layers[0], &back, columns);
        let decoder = DecoderNetwork::new(params, "decoder.1", &from, activation, likelihood, rng);
        let prior = params.add("prior", [layers[count - 1]], Init::Constant(0.0), rng);
        let mut widths = [0; MAX_LAYERS];
        widths[..count].copy_from_slice(layers);
        Self { widths, layers: count, encoder, up, prior, down, decoder }
    }

    /// The number of latents.
    fn total(&self) -> usize {
        self.widths.iter().sum()
    }

    /// $h_1$ of `z`.
    fn first<'t, F: Scalar>(&self, z: Var<'t, F>) -> Var<'t, F> {
        if self.layers == 1 { z } else { z.slice(-1, 0..self.widths[0]) }
    }
}

impl<F: Scalar> LatentModel<F> for SigmoidBelief {
    type Posterior<'t> = Chain<'t, F>;
    type Prior<'t> = Chain<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Chain<'t, F> {
        Chain {
            params,
            first: self.encoder.forward(params, x),
            from: DrawnFrom::Bottom,
            widths: self.widths,
            count: self.layers,
            nets: self.up,
        }
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Chain<'t, F> {
        Chain {
            params,
            first: params.get(self.prior),
            from: DrawnFrom::Top,
            widths: self.widths,
            count: self.layers,
            nets: self.down,
        }
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.log_prob(params, x, self.first(z))
    }

    fn log_joint<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let terms = self.log_joint_layers(params, x, z).into_iter();
        terms.reduce(|sum, term| sum + term).expect("there is a layer")
    }

    fn log_joint_layers<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        z: Var<'t, F>,
    ) -> Layers<Var<'t, F>> {
        use crate::dist::Distribution;
        let prior = self.prior(params);
        let layers = prior.layers(z);
        let mut terms = prior.log_prob_of(&layers);
        terms.insert(0, self.decoder.log_prob(params, x, layers[0]));
        terms
    }
}

impl<F: Scalar> Generative<F> for SigmoidBelief {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.decoder.sample(params, self.first(z), rng)
    }
}

impl<F: Scalar> Decoder<F> for SigmoidBelief {
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.mean(params, self.first(z))
    }

    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.posterior(params, x).mean_field()
    }

    fn latents(&self) -> usize {
        self.total()
    }
}
