//! A model with both normal and Bernoulli latents.

use super::vae::normal_of;
use super::{DecoderNetwork, Generative, LatentModel, Likelihood, widths};
use crate::RandomSource;
use crate::dist::{
    Bernoulli, Distribution, Factorised, Kind, Layers, Node, Normal, Support, width,
};
use crate::nn::Mlp;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Shape, Var};
use rand::Rng;
use smallvec::smallvec;

/// The node of [`Mixed`] that is drawn first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The normal node: $z \sim \mathcal N(\mu, \sigma^2)$, then $h$ with logits $\eta + zA$.
    Normal,
    /// The Bernoulli node: $h$ with logits $\eta$, then $z \sim \mathcal N(\mu + hA, \sigma^2)$.
    Bits,
}

/// A normal node $z$ and a Bernoulli node $h$; the node that is drawn second depends on the first through a matrix
/// $A$. An event is $z$ and $h$ side by side.
#[derive(Clone, Copy, Debug)]
pub struct Mixed<'t, F> {
    /// The normal node, without the contribution of $h$.
    pub normal: Normal<'t, F>,
    /// The Bernoulli node, without the contribution of $z$.
    pub bits: Bernoulli<'t, F>,
    /// $A$, with a row for each unit of the first node and a column for each unit of the second.
    pub across: Var<'t, F>,
    /// The node that is drawn first.
    pub first: First,
}

impl<'t, F: Scalar> Mixed<'t, F> {
    /// The distribution of $h$, given $z$ if it was drawn first.
    fn bits(&self, z: Var<'t, F>) -> Bernoulli<'t, F> {
        match self.first {
            First::Normal => {
                Bernoulli::from_logits_unchecked(self.bits.logits() + z.matmul(self.across))
            }
            First::Bits => self.bits,
        }
    }

    /// The distribution of $z$, given $h$ if it was drawn first.
    fn normal(&self, h: Var<'t, F>) -> Normal<'t, F> {
        match self.first {
            First::Normal => self.normal,
            First::Bits => {
                let loc = self.normal.loc() + h.matmul(self.across);
                Normal::from_log_scale_unchecked(loc, self.normal.log_scale())
            }
        }
    }
}

/// One sample from each distribution of a batch.
fn sample_each<'t, F: Scalar, D: Distribution<'t, F>, R: RandomSource>(
    q: D,
    rng: &mut R,
) -> Var<'t, F> {
    let draw = q.sample(1, rng);
    draw.reshape(draw.shape()[1..].iter().copied().collect::<Shape>())
}

impl<'t, F: Scalar> Distribution<'t, F> for Mixed<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let still = self.detach();
        let [z, h] = match self.first {
            First::Normal => {
                let z = still.normal.sample(count, rng);
                [z, sample_each(still.bits(z), rng)]
            }
            First::Bits => {
                let h = still.bits.sample(count, rng);
                [sample_each(still.normal(h), rng), h]
            }
        };
        Var::concat(&[z, h], -1)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let (normals, all) = (width(self.normal.loc()), width(x));
        let (z, h) = (x.slice(-1, 0..normals), x.slice(-1, normals..all));
        self.normal(h).log_prob(z) + self.bits(z).log_prob(h)
    }

    fn detach(&self) -> Self {
        let Self { normal, bits, across, first } = *self;
        let (normal, bits) = (normal.detach(), bits.detach());
        Self { normal, bits, across: across.detach(), first }
    }

    fn support(&self) -> Support {
        Support::Mixed
    }
}

impl<'t, F: Scalar> Factorised<'t, F> for Mixed<'t, F> {
    fn kinds(&self) -> Layers<Kind> {
        let mut kinds = smallvec![self.normal.kinds()[0], self.bits.kinds()[0]];
        if self.first == First::Bits {
            kinds.reverse();
        }
        kinds
    }

    fn node(&self, before: &[Var<'t, F>]) -> Node<'t, F> {
        match (self.first, before) {
            (First::Normal, []) => Node::Normal(self.normal),
            (First::Bits, []) => Node::Bits(self.bits),
            (First::Normal, &[z, ..]) => Node::Bits(self.bits(z)),
            (First::Bits, &[h, ..]) => Node::Normal(self.normal(h)),
        }
    }

    fn join(&self, nodes: &[Var<'t, F>]) -> Var<'t, F> {
        match self.first {
            First::Normal => Var::concat(nodes, -1),
            First::Bits => Var::concat(&[nodes[1], nodes[0]], -1),
        }
    }
}

/// A variational autoencoder with normal latents $z$ and Bernoulli latents $h$.
///
/// $p(h) = \mathrm{Bernoulli}(\pi)$, $p(z \mid h) = \mathcal N(hB, I)$: $h$ selects a component of a mixture of normal
/// distributions. The posterior has the other order, $q(z \mid x) = \mathcal N(\mu(x), \mathrm{diag} \sigma^2(x))$ and
/// $q(h \mid z, x) = \mathrm{Bernoulli}(\eta(x) + zA)$, with one network for $\mu$, $\ln\sigma^2$ and $\eta$.
///
/// Samples of $z$ are differentiable and samples of $h$ are not, so each node needs its own gradient estimator.
///
/// ```
/// use pathscore_autodiff::Activation;
/// use pathscore_models::latent::{Likelihood, MixedVae};
/// use pathscore_models::{Params, seed};
/// let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// MixedVae::new(&mut params, 5, &[], [1, 2], tanh, bits, rng);
/// // Networks 5 → 4 and 3 → 5, π, A and B.
/// assert_eq!(params.len(), (5 + 1) * 4 + (3 + 1) * 5 + 2 + 2 + 2);
/// ```
#[derive(Clone, Debug)]
pub struct MixedVae {
    encoder: Mlp,
    /// The id of $A$ in the posterior.
    posterior_weight: ParamId,
    prior: ParamId,
    /// The id of $B$ in the prior.
    prior_weight: ParamId,
    decoder: DecoderNetwork,
    normals: usize,
    bits: usize,
}

impl MixedVae {
    /// A model of `columns` columns with these hidden widths in the encoder, and reversed in the decoder, with
    /// `normals` normal and `bits` Bernoulli latents.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        hidden: &[usize],
        [normals, bits]: [usize; 2],
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut R,
    ) -> Self {
        let reversed: Vec<usize> = hidden.iter().rev().copied().collect();
        let to = widths(columns, hidden, 2 * normals + bits);
        let from = widths(normals + bits, &reversed, columns);
        Self {
            encoder: Mlp::new(params, "encoder", &to, activation, rng),
            posterior_weight: params.add("encoder.across", [normals, bits], Init::Glorot, rng),
            prior: params.add("prior.logits", [bits], Init::Constant(0.0), rng),
            prior_weight: params.add("prior.across", [bits, normals], Init::Glorot, rng),
            decoder: DecoderNetwork::new(params, "decoder", &from, activation, likelihood, rng),
            normals,
            bits,
        }
    }
}

impl<F: Scalar> LatentModel<F> for MixedVae {
    type Posterior<'t> = Mixed<'t, F>;
    type Prior<'t> = Mixed<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Mixed<'t, F> {
        let y = self.encoder.forward(params, x);
        let logits = y.slice(-1, 2 * self.normals..2 * self.normals + self.bits);
        let (normal, bits) = (normal_of(y, self.normals), Bernoulli::from_logits_unchecked(logits));
        Mixed { normal, bits, across: params.get(self.posterior_weight), first: First::Normal }
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Mixed<'t, F> {
        let normal = Normal::standard(params.tape(), self.normals);
        let bits = Bernoulli::from_logits_unchecked(params.get(self.prior));
        Mixed { normal, bits, across: params.get(self.prior_weight), first: First::Bits }
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.decoder.log_prob(params, x, z)
    }
}

impl<F: Scalar> Generative<F> for MixedVae {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.decoder.sample(params, z, rng)
    }
}
