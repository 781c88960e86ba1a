//! Monte Carlo gradient estimators, as columns of numbers.
//!
//! The gradient of an expectation can be taken along the *path* of a sample, through its reparameterisation, or
//! through the *score* $\nabla \ln q$ of its density. For draws $z_1 \dots z_K$ from $q$, with
//! $f_k = \ln p(x, z_k) - \ln q(z_k \mid x)$, nearly every estimator in the field has the form
//!
//! $$\hat g = \sum_k a_k \nabla \ln p(x, z_k) + b_k \nabla \ln q(z_k \mid x),$$
//!
//! where the derivative goes through the path of $z_k$ or stops at it. [`Columns`] give the way to draw $z$
//! ([`draw`]) and the columns $a$ and $b$ ([`Cotangents`]); [`Estimator::estimate`] does the rest. All gradients are
//! of quantities to be *maximised*.
//!
//! Models with a known likelihood have [`tractable`], and energy-based models [`energy`]. [`fit::Trainer`] trains with
//! any estimator, and [`proof`] compares its mean with exact gradients.
//!
//! ```
//! use pathscore_estimators::{Estimator, Query, Work, path::Sgvb};
//! use pathscore_models::{Params, latent::LinearGaussian, seed};
//! let mut rng = seed::rng(0, seed::Stream::Init, 0);
//! let mut params = Params::<f64>::new();
//! let model = LinearGaussian::new(&mut params, [0.3, -0.46, 1.5, 0.2], 0.5, &mut rng);
//! let mut work = Work::new();
//! Sgvb.estimate(Query::new(&model, &params, &[1.0], 1000), &mut rng, &mut work);
//! // ∂ELBO/∂m is 0.75; the standard deviation of one draw is 3.5, of their mean 0.11.
//! assert!((work.gradient(params.len())[0] - 0.75).abs() < 0.6);
//! ```

#![forbid(unsafe_code)]

// The code of the README is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod both;
mod deadline;
mod diagnostics;
pub mod differences;
pub mod draw;
pub mod energy;
mod enumerator;
mod estimator;
mod evaluate;
pub mod exact;
pub mod fit;
pub mod likelihood;
mod moments;
pub mod montecarlo;
pub mod optim;
mod parallel;
pub mod path;
pub mod proof;
pub mod quadrature;
pub mod samplers;
pub mod score;
mod target;
mod tilted;
pub mod tractable;
pub mod variance;
mod weights;
mod work;
pub mod zoo;

pub use diagnostics::{ACTIVE, Diagnosis, diagnose, diagnose_whole};
pub use enumerator::{Coverage, Enumerator};
pub use estimator::{Claim, Columns, Estimator, Query};
pub use evaluate::{Evaluation, GROUP, evaluate};
pub use target::Target;
pub use weights::{Cotangents, LogWeights, Others};
pub use work::{Scratch, ShardState, State, Work};
