//! Data sets: two that the library generates itself and three file formats, with their division into training and
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

mod bars;
mod batches;
mod binarize;
mod digits;
mod error;
#[cfg(feature = "files")]
mod files;
mod glyphs;
mod source;
mod source_kind;
mod split;
mod table;

pub use bars::{bars, bars_patterns};
pub use batches::Batches;
pub use binarize::Binarize;
pub use digits::{SIDE, digit, digits};
pub use error::{DataError, Position};
#[cfg(feature = "files")]
pub use files::{read_csv, read_idx, read_idx_labels, read_npy};
pub use source::{SOURCES, Source};
pub use source_kind::SourceKind;
pub use split::Split;
pub use table::Table;
