//! The parts of a kind of data source.

use std::hash::{Hash, Hasher};
use std::path::Path;

use crate::data::{DataError, Split};

/// A kind of data source: a row of [`SOURCES`](super::SOURCES).
#[derive(Clone, Copy, Debug)]
pub struct SourceKind {
    /// The word that selects the kind, followed by `:PATH` if the kind reads a file.
    pub usage: &'static str,
    /// One line that describes the kind.
    pub about: &'static str,
    /// True if the values are grey values in [0, 1], which a Bernoulli likelihood sees binarized by default.
    pub grey: bool,
    /// True if the rows of a file are shuffled by the seed before they are divided into two parts.
    pub shuffled: bool,
    /// The logarithm of the density of a row of two numbers, if it is known.
    pub log_density: Option<fn([f64; 2]) -> f64>,
    pub(in crate::data) load: Load,
}

/// The function that makes the two parts of a kind of source.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "files"),
    expect(dead_code, reason = "only readers of files construct `Read`")
)]
pub(in crate::data) enum Load {
    /// Generates both parts from a seed.
    Generate(fn(u64) -> Result<Split, DataError>),
    /// Reads both parts from a file or folder; the seed shuffles the rows.
    Read(fn(&Path, u64, Missing) -> Result<Split, DataError>),
}

/// The treatment of cells without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Missing {
    /// They are errors.
    Refused,
    /// They become NaN.
    Kept,
}

impl SourceKind {
    /// The word that selects the kind.
    pub fn name(&self) -> &'static str {
        self.usage.split_once(':').map_or(self.usage, |(name, _)| name)
    }
}

/// Kinds are equal if the same word selects them.
impl PartialEq for SourceKind {
    fn eq(&self, other: &Self) -> bool {
        self.usage == other.usage
    }
}

impl Eq for SourceKind {}

impl Hash for SourceKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.usage.hash(state);
    }
}
