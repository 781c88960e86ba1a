//! Data sets: three that the library generates itself and three file formats, with their division into training and
//! test parts, binarisation and batches.
//!
//! Everything random is a pure function of a seed. Files are never trusted and never repaired: a file that is not as
//! its format demands gives a [`DataError`] that names the file, the position, the expectation and the finding.
//!
//! ```
//! use pathscore_models::data::{Batches, DataError, Source};
//!
//! let split = "bars".parse::<Source>()?.load(7)?;
//! let mut batches = Batches::new(split.train.len(), 100, 7)?;
//! let first = split.train.row(batches.at(0)[0]);
//! assert_eq!(first.len(), 16);
//! # Ok::<(), DataError>(())
//! ```

mod batches;
mod binarize;
mod error;
#[cfg(feature = "files")]
mod files;
mod source;
mod sources;
mod split;
mod table;

pub use batches::Batches;
pub use binarize::Binarize;
pub use error::{DataError, Position};
#[cfg(feature = "files")]
pub use files::{read_idx, read_idx_labels};
pub use source::Source;
pub use sources::{
    SIDE, SOURCES, SourceKind, bars, bars_patterns, digit, digits, friedman, mixture,
    mixture_log_density, rings, rings_log_density,
};
#[cfg(feature = "files")]
pub use sources::{read_csv, read_npy, to_npy};
pub use split::Split;
pub use table::Table;
