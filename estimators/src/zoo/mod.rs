//! The bug zoo: wrong gradient estimators that were really published, shipped or asked about, each beside its fix.
//!
//! They test the tests: a checker that lets a wrong estimator pass is useless. [`zoo`] lists every wrong estimator on a
//! problem with a known gradient, together with the same estimator without the mistake; [`Specimen::examine`] reports
//! whether the mistake is detected, and by which evidence. The numbers group them: 1 to 20 and 27 to 30 are
//! about bounds and baselines, 21 and 22 about annealing, 23 to 26 about criteria of models without a normaliser, those from 31 on about
//! chains and criteria of bits. Specimens of one number make the same kind of mistake; their names differ.
//!
//! A new wrong gradient is a type in one of the files of this module and a row of the `specimens` below it, which
//! names the problem, the fix and the words that the evidence must contain.
//!
//! ```
//! use pathscore_estimators::{proof::Options, zoo::zoo};
//! let zoo = zoo();
//! let first = zoo[0].examine(&Options::default());
//! assert!(first.caught);
//! assert!(first.evidence.contains("(K − 1)/K: the baseline contains the draw it corrects"));
//! ```

pub mod baselines;
pub mod bits;
pub mod bounds;
mod catalogue;
pub mod chains;
pub mod criteria;
pub mod densities;
pub mod normal;
mod problems;
pub mod real_energies;
mod specimen;

pub use catalogue::zoo;
pub use specimen::{Examination, Property, Specimen};
