//! Families of approximate posteriors: from the output of an encoder to $q(z \mid x)$.

use super::vae::normal_of;
use crate::dist::{
    Bijection, Flow, FlowKind, FlowNetwork, MultivariateNormal, Normal, Reparam, Transformed,
};
use crate::params::{Bound, Params};
use pathscore_autodiff::{Activation, Scalar, Shape, Var};
use rand::Rng;

/// A family of approximate posteriors, whose members are described by the output of an encoder.
pub trait PosteriorFamily<F: Scalar>: Sync {
    /// The form of $q(z \mid x)$.
    type Posterior<'t>: Reparam<'t, F>;

    /// $q(z \mid x)$ for the encoder's output `h` of shape `[batch, outputs]`.
    fn posterior<'t>(
        &self,
        params: Bound<'t, F>,
        h: Var<'t, F>,
        latents: usize,
    ) -> Self::Posterior<'t>;

    /// A point estimate of $z$, of shape `[batch, latents]`.
    fn point<'t>(&self, q: &Self::Posterior<'t>) -> Var<'t, F>;
}

/// Independent coordinates: $\mathcal N(\mu, \mathrm{diag} \sigma^2)$ with $\mu$ and then $\ln\sigma^2$ from the encoder. The point
/// estimate is $\mu$.
#[derive(Clone, Copy, Debug)]
pub struct DiagonalNormal;

impl<F: Scalar> PosteriorFamily<F> for DiagonalNormal {
    type Posterior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, _: Bound<'t, F>, h: Var<'t, F>, latents: usize) -> Normal<'t, F> {
        normal_of(h, latents)
    }

    fn point<'t>(&self, q: &Self::Posterior<'t>) -> Var<'t, F> {
        q.loc()
    }
}

/// A full covariance matrix: $\mathcal N(\mu, LL^\top)$ with $\mu$, then $\ln L_{ii}^2$, clamped to $\pm 20$, and then the numbers of $L$
/// below its diagonal, row by row, from the encoder. The point estimate is $\mu$.
///
/// The evidence lower bound with this family is $\ln p(x)$ wherever the posterior is normal, as in a model with a linear decoder and
/// normal noise; independent coordinates leave a gap unless the columns of the loadings are orthogonal.
#[derive(Clone, Copy, Debug)]
pub struct FullNormal;

impl FullNormal {
    /// The numbers of the encoder's output.
    pub(super) fn outputs(latents: usize) -> usize {
        2 * latents + latents * latents.saturating_sub(1) / 2
    }
}

impl<F: Scalar> PosteriorFamily<F> for FullNormal {
    type Posterior<'t> = MultivariateNormal<'t, F>;

    fn posterior<'t>(
        &self,
        _: Bound<'t, F>,
        h: Var<'t, F>,
        latents: usize,
    ) -> MultivariateNormal<'t, F> {
        let (n, normal) = (latents, normal_of(h, latents));
        let off = h.slice(-1, 2 * n..Self::outputs(n));
        let count = n * n.saturating_sub(1) / 2;
        // The numbers below the diagonal, then those on it, then a zero for the numbers above it.
        let numbers = Var::concat(&[off, normal.scale()], -1).pad(-1, 0, 1);
        let index = h.tape().constant_with([n * n], |index| {
            for (at, index) in index.iter_mut().enumerate() {
                let (i, j) = (at / n, at % n);
                let place = match j.cmp(&i) {
                    std::cmp::Ordering::Less => i * (i - 1) / 2 + j,
                    std::cmp::Ordering::Equal => count + i,
                    std::cmp::Ordering::Greater => count + n,
                };
                *index = F::from_f64(place as f64);
            }
        });
        let picked = numbers.index_select(-1, index).expect("the places lie in the row");
        let shape = h.shape();
        let lead = shape[..shape.len() - 1].iter().copied();
        let scale_tril = picked.reshape(lead.chain([n, n]).collect::<Shape>());
        MultivariateNormal::from_scale_tril_unchecked(normal.loc(), scale_tril)
    }

    fn point<'t>(&self, q: &Self::Posterior<'t>) -> Var<'t, F> {
        q.loc()
    }
}

/// The form of a [`NormalFlow`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowOptions {
    /// The kind of its layers.
    pub kind: FlowKind,
    /// The number of layers.
    pub layers: usize,
    /// The hidden widths of the network of each layer.
    pub hidden: Vec<usize>,
}

/// A flow (Rezende and Mohamed 2015): $z = f(u, c)$ with $u \sim \mathcal N(\mu, \mathrm{diag} \sigma^2)$ and layers $f$ of a [`Flow`].
/// The encoder gives $\mu$, $\ln\sigma^2$ and the context $c$ of the layers. A flow is the identity at first. The point
/// estimate is $f(\mu, c)$.
#[derive(Clone, Copy, Debug)]
pub struct NormalFlow {
    net: FlowNetwork,
}

impl NormalFlow {
    /// Adds the parameters of the layers, called `flow.0.0.weight`, ….
    pub(super) fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        latents: usize,
        FlowOptions { kind, layers, hidden }: &FlowOptions,
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let (sizes, form) = ([latents, latents], (*kind, *layers));
        Self { net: FlowNetwork::new(params, "flow", sizes, form, hidden, activation, rng) }
    }
}

impl<F: Scalar> PosteriorFamily<F> for NormalFlow {
    type Posterior<'t> = Transformed<Normal<'t, F>, Flow<'t, F>>;

    fn posterior<'t>(
        &self,
        params: Bound<'t, F>,
        h: Var<'t, F>,
        latents: usize,
    ) -> Self::Posterior<'t> {
        let context = h.slice(-1, 2 * latents..3 * latents);
        Transformed::new(normal_of(h, latents), self.net.on(params, Some(context)))
    }

    fn point<'t>(&self, q: &Self::Posterior<'t>) -> Var<'t, F> {
        q.bijection().forward(q.base().loc())
    }
}
