//! Bounds of latent-variable models as problems.

mod draws;
mod mistakes;
mod outcomes;
mod problem;
mod values;

pub use outcomes::Latent;
pub(super) use problem::component_names;
