//! Variational autoencoders with several layers of normal latents.

use super::chain::DrawnFrom;
use super::vae::normal_of;
use super::{Decoder, DecoderNetwork, Generative, LatentModel, Likelihood, NormalChain, widths};
use crate::RandomSource;
use crate::dist::{Distribution, Layers, Normal};
use crate::nn::Mlp;
use crate::params::{Bound, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;
use smallvec::SmallVec;

/// The order in which the posterior of a [`HierarchicalVae`] draws its layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inference {
    /// From the data upwards: $q(z_1 \mid x) \prod_l q(z_{l+1} \mid z_l)$, with a network for each factor.
    #[default]
    BottomUp,
    /// From the top downwards, as the model draws (a ladder; Sønderby, Raiko, Maaløe, Sønderby and Winther 2016): $q(z_L \mid x) \prod_l
    /// q(z_l \mid z_{l+1}, x)$. Networks from the data upwards, each of the output of the one before, give the evidence $\hat\mu_l$ and
    /// $\ln\hat\sigma_l^2$ of each layer; $q(z_l \mid z_{l+1}, x)$ is the normalised product of $\mathcal N(\hat\mu_l,
    /// \hat\sigma_l^2)$ and $p(z_l \mid z_{l+1})$, and $q(z_L \mid x)$ is $\mathcal N(\hat\mu_L, \hat\sigma_L^2)$.
    Ladder,
}

/// A variational autoencoder with any number of layers of normal latents: $p(x \mid z_1) p(z_1 \mid z_2) \cdots p(z_L)$ with
/// $p(z_L) = \mathcal N(0, I)$ (Rezende, Mohamed and Wierstra 2014; Sønderby et al. 2016).
///
/// Every other factor $p(z_l \mid z_{l+1}) = \mathcal N(\mu(z_{l+1}), \mathrm{diag} \sigma^2(z_{l+1}))$ has a network of its own, whose last layer gives
/// $\mu$ and $\ln\sigma^2$, clamped to $\pm 20$, and is zero at first: the layers of a new model are independent standard normals, so that
/// no noise of upper layers hides the data from the decoder. The [`Inference`] says how the posterior is made. $z$ is all layers side by
/// side, $z_1$ first. With one layer the model is the [`Vae`](super::Vae) of the same sizes, parameter by parameter.
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::latent::{HierarchicalVae, Inference, LatentModel, Likelihood};
/// use pathscore_models::{Params, dist::Reparam, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let networks = (Activation::Tanh, Likelihood::Bernoulli);
/// let (layers, hidden, ladder) = ([4, 3, 2], [5], Inference::Ladder);
/// let model = HierarchicalVae::new(&mut params, 6, &layers, &hidden, networks, ladder, rng);
/// let tape = Tape::new();
/// let bound = params.on(&tape);
/// let x = tape.constant(&[1.0, 0.0, 1.0, 1.0, 0.0, 0.0], [1, 6]);
/// let z = model.posterior(bound, x).rsample(10, rng);
/// assert_eq!(z.shape()[..], [10, 1, 9]);
/// assert_eq!(model.log_joint(bound, x, z).shape()[..], [10, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct HierarchicalVae {
    layers: Vec<usize>,
    inference: Inference,
    /// The network from the data to the first layer.
    encoder: Mlp,
    /// The network from the first layer to the second. Those of the other pairs follow.
    up: Option<Mlp>,
    /// The network from the second layer to the first. Those of the other pairs follow.
    down: Option<Mlp>,
    /// The network from the first layer to the data.
    decoder: DecoderNetwork,
}

impl HierarchicalVae {
    /// A model of `columns` columns with layers of latents of the widths `layers`, nearest the data first. Every network has hidden
    /// layers of the widths `hidden`, those downwards in reverse.
    ///
    /// # Panics
    /// If there are no layers.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        layers: &[usize],
        hidden: &[usize],
        (activation, likelihood): (Activation, Likelihood),
        inference: Inference,
        rng: &mut R,
    ) -> Self {
        assert!(!layers.is_empty(), "a hierarchical model has a layer of latents at least");
        let back: Vec<usize> = hidden.iter().rev().copied().collect();
        let mut net = |params: &mut Params<F>, name: &str, [from, to]: [usize; 2], up: bool| {
            let widths = widths(from, if up { hidden } else { &back }, 2 * to);
            Mlp::new(params, name, &widths, activation, rng)
        };
        let encoder = net(params, "encoder.1", [columns, layers[0]], true);
        let (mut up, mut down) = (None, None);
        for (i, pair) in layers.windows(2).enumerate() {
            let from = if inference == Inference::Ladder { 2 * pair[0] } else { pair[0] };
            let net = net(params, &format!("encoder.{}", i + 2), [from, pair[1]], true);
            up.get_or_insert(net);
        }
        for (i, pair) in layers.windows(2).enumerate() {
            let net = net(params, &format!("decoder.{}", i + 2), [pair[1], pair[0]], false);
            net.clear_outputs(params, 0);
            down.get_or_insert(net);
        }
        let from = widths(layers[0], &back, columns);
        let decoder = DecoderNetwork::new(params, "decoder.1", &from, activation, likelihood, rng);
        Self { layers: layers.to_vec(), inference, encoder, up, down, decoder }
    }

    /// The widths of the layers of latents, nearest the data first.
    pub fn layers(&self) -> &[usize] {
        &self.layers
    }

    /// $z_1$ of `z`.
    fn first<'t, F: Scalar>(&self, z: Var<'t, F>) -> Var<'t, F> {
        if self.layers.len() == 1 { z } else { z.slice(-1, 0..self.layers[0]) }
    }

    /// The width of the layer that is farthest from the data.
    fn top(&self) -> usize {
        *self.layers.last().expect("there is a layer")
    }

    /// $\hat\mu$ and $\ln\hat\sigma^2$ of each layer for the data.
    fn evidence<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> SmallVec<[Var<'t, F>; 8]> {
        let mut evidence = SmallVec::new();
        evidence.push(self.encoder.forward(params, x));
        if let Some(up) = self.up {
            for i in 1..self.layers.len() {
                evidence.push(up.after(i - 1).forward(params, evidence[i - 1]));
            }
        }
        evidence
    }

    /// All layers, nearest the data first, given $z_L$ of shape `[…, top]`: each below is the mean given the one above.
    pub fn means_below<'t, F: Scalar>(&self, params: Bound<'t, F>, top: Var<'t, F>) -> Var<'t, F> {
        let prior = self.prior(params);
        let still = Normal::from_log_scale_unchecked(top, top.detach() * F::ZERO);
        NormalChain { first: still, ..prior }.means()
    }
}

impl<F: Scalar> LatentModel<F> for HierarchicalVae {
    type Posterior<'t> = NormalChain<'t, F>;
    type Prior<'t> = NormalChain<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> NormalChain<'t, F> {
        let count = self.layers.len();
        match self.inference {
            Inference::BottomUp => NormalChain {
                params,
                first: normal_of(self.encoder.forward(params, x), self.layers[0]),
                from: DrawnFrom::Bottom,
                count,
                nets: self.up,
                evidence: None,
            },
            Inference::Ladder => {
                let evidence = self.evidence(params, x);
                let first = normal_of(evidence[count - 1], self.top());
                let evidence = (count > 1).then(|| Var::concat(&evidence, -1));
                NormalChain {
                    params,
                    first,
                    from: DrawnFrom::Top,
                    count,
                    nets: self.down,
                    evidence,
                }
            }
        }
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> NormalChain<'t, F> {
        NormalChain {
            params,
            first: Normal::standard(params.tape(), self.top()),
            from: DrawnFrom::Top,
            count: self.layers.len(),
            nets: self.down,
            evidence: None,
        }
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.log_prob(params, x, self.first(z))
    }

    fn log_joint_layers<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        z: Var<'t, F>,
    ) -> Layers<Var<'t, F>> {
        let mut terms = self.prior(params).log_prob_layers(z);
        terms.insert(0, self.log_likelihood(params, x, z));
        terms
    }
}

impl<F: Scalar> Generative<F> for HierarchicalVae {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.decoder.sample(params, self.first(z), rng)
    }
}

impl<F: Scalar> Decoder<F> for HierarchicalVae {
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.mean(params, self.first(z))
    }

    /// The mean of each layer given the mean of the layer that is drawn before it.
    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.posterior(params, x).means()
    }

    fn latents(&self) -> usize {
        self.layers.iter().sum()
    }
}
