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
mod sequential_test;

pub use crate::target::Target;
pub use certificate::{ComponentTest, Proof, Verdict};
pub use gradient::{Candidate, FromFn, Gradient};
pub use latent::{Applied, Latent};
pub use means::{Method, max_difference};
pub use problem::{Cached, Effect, Expectation, KnownMistake, Problem, Solved, Truth};
pub use prove::{Options, prove};
