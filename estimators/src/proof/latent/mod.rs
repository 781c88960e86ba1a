//! Bounds of latent-variable models as problems.

mod mistakes;
mod outcomes;
mod problem;

pub use outcomes::Latent;
