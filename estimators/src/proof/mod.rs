//! Proofs: an estimator's mean against the exact gradient.
//!
//! Whatever draws a gradient is a [`Gradient`], whether it is an [`Estimator`](crate::Estimator) of this
//! crate ([`Asked`] for one problem) or twenty lines of anybody's; whatever has a known gradient is a
//! [`Problem`]: a bound of a latent-variable model ([`Latent`]), any expectation that can be listed
//! ([`Expectation`]), or a closed form ([`Solved`]). [`prove`] compares the two.

mod certificate;
mod court;
mod diagnosis;
mod gradient;
mod latent;
mod means;
mod problem;
mod prove;
mod suspects;

pub use certificate::{Component, Proof, Verdict};
pub use gradient::{Candidate, Drawn, Gradient};
pub use latent::{Asked, Latent, Target};
pub use means::{Method, apart};
pub use problem::{Expectation, Once, Problem, Shape, Solved, Suspect, Truth};
pub use prove::{Options, prove};
