//! Score-function estimators, which differentiate $\ln q$ at draws that are constants.

mod baseline;
mod muprop;
mod nvil;
mod optimal;
mod reinforce;
mod tvo;
mod vimco;
mod wake;

pub use baseline::Baseline;
pub use muprop::MuProp;
pub use nvil::{Mode, Nvil};
pub use optimal::OptimalConstant;
pub use reinforce::Reinforce;
pub use tvo::Tvo;
pub use vimco::{Mean, Vimco};
pub use wake::{Wake, WakeSleep};
