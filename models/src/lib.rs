//! Probabilistic models for gradient estimators: parameters, networks, distributions, latent-variable
//! models and data.
//!
//! Parameters are ids into one flat vector ([`Params`]); a module, such as [`nn::Mlp`], is a few of
//! those ids; a distribution, such as [`dist::Normal`], is a few variables of a tape. A row of a tensor
//! is one member of a batch, a column one coordinate of an event.
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
//! let bits = Bernoulli::from_logits(net.forward(bound, x));
//! let log_prob = bits.log_prob(tape.constant(&[1.0, 0.0], [1, 2]));
//! assert_eq!(log_prob.backward().leading(params.len()).len(), 3 * 16 + 16 + 16 * 2 + 2);
//! ```

#![forbid(unsafe_code)]

mod capability;
pub mod data;
pub mod dist;
pub mod energy;
pub mod latent;
pub mod nn;
mod params;
mod random_source;
pub mod seed;
pub mod tractable;

pub use capability::{BlockGibbs, Em, Energy, ExactPosterior, Tractable};
pub use params::{Bound, Init, ParamId, Params, ParamsError};
pub use random_source::RandomSource;
