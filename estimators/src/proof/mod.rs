//! Proofs: an estimator's mean against the exact gradient.
//!
//! Whatever draws a gradient is a [`Gradient`], whether it is an [`Estimator`](crate::Estimator) of this
//! crate or twenty lines of anybody's; whatever has a known gradient is a [`Problem`].

mod gradient;
mod latent;
mod problem;

pub use gradient::{Candidate, Drawn, Gradient};
pub use latent::{Asked, Latent, Target};
pub use problem::{Expectation, Problem, Truth};
