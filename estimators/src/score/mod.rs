//! Estimators through the score of the density.

mod baseline;
mod reinforce;

pub use baseline::Baseline;
pub use reinforce::Reinforce;
