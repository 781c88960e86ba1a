//! Probabilistic models for gradient estimators: parameters, networks, distributions, models and data.
//!
//! Parameters are ids into one flat vector ([`Params`]). A module, such as [`nn::Mlp`], holds a few of those ids, and a
//! distribution, such as [`dist::Normal`], holds a few variables of a tape. A row of a tensor is one member of a batch,
//! and a column is one coordinate of an event.
//!
//! A model keeps some of a few promises, each of which is a trait:
//!
//! | promise | trait | models |
//! |---|---|---|
//! | $\ln p(x, z)$ and $q(z \mid x)$ | [`latent::LatentModel`] | [`latent::Vae`], [`latent::SigmoidBelief`], … |
//! | exact $\ln p(x)$ | [`Tractable`], [`ExactPosterior`], [`Em`] | [`tractable::Ppca`], [`tractable::FactorAnalysis`], [`tractable::GaussianMixture`], [`latent::LinearGaussian`], … |
//! | $\ln p(Y)$ of all rows together | none | [`gp::GpRegression`], [`gp::Gplvm`] |
//! | $p(w \mid X, y)$ and $\ln p(y)$ | none | [`regression::NormalInverseGamma`], [`regression::LogisticRegression`], … |
//! | $E(x)$ with $p(x) \propto e^{-E(x)}$ | [`Energy`], [`BlockGibbs`], [`BitFlips`], [`ExactPartition`], [`BaseModel`], [`MeanField`] | [`energy::Rbm`], [`energy::GaussianRbm`], [`energy::DeepBoltzmann`], [`energy::EnergyNet`], … |
//!
//! ```
//! use pathscore_autodiff::{Activation, Tape};
//! use pathscore_models::{Params, dist::{Bernoulli, Distribution}, nn::Mlp, seed};
//! let mut params = Params::<f32>::new();
//! let mut rng = seed::rng(0, seed::Stream::Init, 0);
//! let net = Mlp::new(&mut params, "net", &[3, 16, 2], Activation::Tanh, &mut rng);
//! let tape = Tape::new();
//! let bound = params.on(&tape);
//! let x = tape.constant(&[0.1, 0.2, 0.3], [1, 3]);
//! let bits = Bernoulli::from_logits_unchecked(net.forward(bound, x));
//! let log_prob = bits.log_prob(tape.constant(&[1.0, 0.0], [1, 2]));
//! assert_eq!(log_prob.backward().leading(params.len()).len(), 3 * 16 + 16 + 16 * 2 + 2);
//! ```

#![forbid(unsafe_code)]

// The code of the README is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod capability;
pub mod data;
pub mod dist;
pub mod energy;
pub mod gp;
pub mod latent;
pub mod nn;
mod params;
mod random_source;
pub mod regression;
pub mod seed;
pub mod tractable;

pub use capability::{
    BaseModel, Bipartite, BitFlips, BlockGibbs, Em, Energy, ExactPartition, ExactPosterior,
    MOST_TERMS, MeanField, Tractable,
};
pub use params::{Bound, Init, ParamId, Params, ParamsError};
pub use random_source::RandomSource;
