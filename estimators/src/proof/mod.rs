//! Proofs that compare the mean of a gradient estimator with the exact gradient.
//!
//! Everything that draws a gradient is a [`Gradient`]: an [`Estimator`](crate::Estimator) of this crate
//! ([`Applied`] to one problem), or twenty lines of your own. Everything that has a known gradient is a [`Problem`]:
//! a bound of a latent-variable model ([`Latent`]), the likelihood of an energy-based model ([`EnergyBased`]), an expectation whose outcomes can be enumerated
//! ([`Expectation`]), or a closed form ([`Solved`]). [`prove()`] compares the two and returns a [`Proof`].
//!
//! ```
//! use pathscore_estimators::proof::{Applied, Latent, Options, Verdict, prove};
//! use pathscore_estimators::score::{Baseline, Reinforce};
//! use pathscore_models::{Params, latent::SmallBelief, seed};
//! use std::sync::Arc;
//! let mut params = Params::new();
//! let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
//! let problem = Arc::new(Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]));
//! let reinforce = Applied::new(&problem, Reinforce { baseline: Baseline::Constant(-2.0) });
//! let proof = prove(&*problem, &reinforce, &Options::default());
//! assert_eq!(proof.verdict, Verdict::Unbiased);
//! ```

mod applied;
mod diagnosis;
mod energy_based;
mod expectation;
mod gradient;
mod known_mistakes;
mod latent;
mod log_mean;
mod means;
mod multisets;
mod numerics;
mod options;
mod problem;
mod prove;
mod report;
mod rules;
mod samplers;
mod sequential_test;
mod streams;
mod verdict;

pub use crate::target::Target;
pub use applied::{Applied, Arguments};
pub use energy_based::EnergyBased;
pub use expectation::Expectation;
pub use gradient::{Candidate, FromFn, Gradient};
pub use known_mistakes::{Effect, KnownMistake};
pub use latent::Latent;
pub use means::{Method, max_difference};
pub use options::Options;
pub use problem::{Cached, Problem, Solved, Truth, TruthError, TruthMethod};
pub use prove::prove;
pub use report::{ComponentTest, Proof, RelativeTo, Resolution, Verdict};
pub use samplers::{SamplerCase, SamplerCertificate, SamplerClaim, sampler_cases};

pub(crate) use samplers::{Known, known_machine};
