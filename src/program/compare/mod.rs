//! `compare`: gradient estimators beside each other and beside the exact gradient.
//!
//! The estimators and problems come from a [bench](super::bench); [`study`] draws gradients of a problem,
//! [`trained`] those of a run, [`rows`] and [`figures`] show what was measured, and [`sweeps`] compares measured
//! variances with closed forms.

mod args;
mod case;
mod command;
mod figures;
mod options;
mod ratio;
mod results;
mod rows;
mod signal;
mod study;
mod sweeps;
mod trained;

pub(crate) use args::CompareArgs;
pub(crate) use command::compare;
pub use options::Options;
pub use results::{Error, Results};
pub use rows::Row;
