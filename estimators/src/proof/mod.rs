//! Proofs: an estimator's mean against the exact gradient.
//!
//! Whatever draws a gradient is a [`Gradient`], whether it is an [`Estimator`](crate::Estimator) of this
//! crate ([`Applied`] for one problem) or twenty lines of anybody's; whatever has a known gradient is a
//! [`Problem`]: a bound of a latent-variable model ([`Latent`]), any expectation that can be listed
//! ([`Expectation`]), or a closed form ([`Solved`]). [`prove`] compares the two.

mod certificate;
mod diagnosis;
mod gradient;
mod known_mistakes;
mod latent;
mod means;
mod problem;
mod prove;
mod verdict;

pub use crate::target::Target;
pub use certificate::{Component, Proof, Verdict};
pub use gradient::{Candidate, Drawn, Gradient};
pub use latent::{Applied, Latent};
pub use means::{Method, apart};
pub use problem::{Effect, Expectation, KnownMistake, Once, Problem, Solved, Truth};
pub use prove::{Options, prove};
