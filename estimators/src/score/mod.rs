//! Estimators through the score of the density.

mod baseline;
mod reinforce;
mod tvo;
mod vimco;
mod wake;

pub use baseline::Baseline;
pub use reinforce::Reinforce;
pub use tvo::Tvo;
pub use vimco::{Mean, Vimco};
pub use wake::Wake;
