//! Training and test parts.

use std::path::Path;

use super::{Binarize, DataError, Table};
use crate::seed::{self, Stream};

/// A training part and a test part of one data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What the model is fitted to.
    pub train: Table,
    /// What it is judged on.
    pub test: Table,
    /// One line that says where the rows come from and how they were cut in two, seed included.
    pub description: String,
}

impl Split {
    /// Both parts [prepared](Binarize::prepare), with draws that they do not share.
    ///
    /// # Errors
    /// If a value is outside [0, 1]; `none` takes any value.
    pub fn prepare(self, binarize: Binarize, seed: u64) -> Result<Split, DataError> {
        let part = |i| seed::derive(seed, Stream::Parts, i);
        let mut description = self.description;
        match binarize {
            Binarize::Fixed => description += &format!("; binarized once from seed {seed}"),
            rule => description += &format!("; binarization {rule}"),
        }
        let train = binarize.prepare(self.train, part(0))?;
        let test = binarize.prepare(self.test, part(1))?;
        Ok(Split { train, test, description })
    }
}

/// A sixth of n to the nearest, at least 1: the share of MNIST's test part in its training part.
pub(super) fn sixth(n: usize) -> usize {
    ((n + 3) / 6).max(1)
}

/// Shuffles every row by the seed; the last sixth tests.
pub(super) fn shuffled(
    table: Table,
    path: &Path,
    seed: u64,
    what: &str,
) -> Result<Split, DataError> {
    let n = table.len();
    if n < 2 {
        return Err(DataError::TooFewRows { path: path.to_path_buf(), needed: 2, found: n });
    }
    let mut order: Vec<usize> = (0..n).collect();
    seed::shuffle(&mut seed::rng(seed, Stream::Shuffle, 0), &mut order);
    let (train, test) = order.split_at(n - sixth(n));
    let description = format!(
        "{what}: rows shuffled by seed {seed}, the first {} train, the last sixth ({}) tests",
        train.len(),
        test.len()
    );
    Ok(Split { train: table.select(train), test: table.select(test), description })
}
