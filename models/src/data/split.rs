//! Training and test parts.

use super::{Binarize, DataError, Table};
use crate::seed::{self, Stream};

/// A training part and a test part of one data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The rows that the model is fitted to.
    pub train: Table,
    /// The rows that the model is evaluated on.
    pub test: Table,
    /// One line about the origin of the rows and their division into two parts, with the seed.
    pub description: String,
}

/// The words about a file with a single row.
const ONLY_ROW: &str = "the only row is training and test part";

impl Split {
    /// Both parts with columns of mean zero and standard deviation one in the training part, as scikit-learn's `StandardScaler` makes
    /// them. Constant columns become zeros, and missing cells stay missing.
    ///
    /// ```
    /// use pathscore_models::data::{Split, Table};
    /// let [train, test] = [vec![1.0, 500.0, 3.0, 700.0], vec![2.0, 800.0]];
    /// let (train, test) = (Table::new(train, 2)?, Table::new(test, 2)?);
    /// let split = Split { train, test, description: "two columns".into() }.standardize();
    /// assert_eq!(split.train.values(), [-1.0, -1.0, 1.0, 1.0]);
    /// assert_eq!(split.test.values(), [0.0, 2.0]);
    /// # Ok::<(), pathscore_models::data::DataError>(())
    /// ```
    #[must_use]
    pub fn standardize(self) -> Split {
        let scales = (self.train.mean(), self.train.standard_deviation());
        self.scaled(scales)
    }

    /// Both parts with the columns [standardised](Split::standardize) by the means and standard deviations of another table, such as the
    /// training part that a model was fitted to.
    ///
    /// ```
    /// use pathscore_models::data::{Split, Table};
    /// let fitted = Table::new(vec![1.0, 3.0], 1)?;
    /// let other = Split {
    ///     train: Table::new(vec![4.0], 1)?,
    ///     test: Table::new(vec![0.0], 1)?,
    ///     description: "one column".into(),
    /// };
    /// let scaled = other.standardize_like(&fitted);
    /// assert_eq!((scaled.train.values(), scaled.test.values()), (&[2.0][..], &[-2.0][..]));
    /// # Ok::<(), pathscore_models::data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// If the table has not as many columns.
    #[must_use]
    #[track_caller]
    pub fn standardize_like(self, table: &Table) -> Split {
        let [own, others] = [self.train.columns(), table.columns()];
        assert_eq!(own, others, "split: {own} columns cannot be scaled like {others}");
        self.scaled((table.mean(), table.standard_deviation()))
    }

    fn scaled(self, (means, deviations): (Vec<f64>, Vec<f64>)) -> Split {
        let [train, test] =
            [&self.train, &self.test].map(|part| part.standardized(&means, &deviations));
        Split { train, test, description: self.description + "; columns standardised" }
    }

    /// The rows of both parts of a file in its order, before they were shuffled by this seed.
    pub(super) fn in_order_of_file(&self, seed: u64) -> Result<Table, DataError> {
        let n = self.train.len() + self.test.len();
        if n == 2 && self.description.contains(ONLY_ROW) {
            return Ok(self.train.clone());
        }
        let mut places = vec![0; n];
        shuffled_order(n, seed).iter().enumerate().for_each(|(at, &row)| places[row] = at);
        Ok(self.train.followed_by(&self.test)?.select(&places))
    }

    /// Both parts [prepared](Binarize::prepare), with independent random numbers.
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

/// A sixth of `n`, rounded and at least one. It is the size of MNIST's test part relative to its training part.
#[cfg(feature = "files")]
pub(super) fn sixth(n: usize) -> usize {
    ((n + 3) / 6).max(1)
}

/// The order of so many rows after they were shuffled by the seed.
fn shuffled_order(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    seed::shuffle(&mut seed::rng(seed, Stream::Shuffle, 0), &mut order);
    order
}

/// Shuffles the rows by the seed and makes the last sixth the test part. A single row is both parts.
#[cfg(feature = "files")]
pub(super) fn shuffled(
    table: Table,
    path: &std::path::Path,
    seed: u64,
    what: &str,
) -> Result<Split, DataError> {
    let n = table.len();
    if n == 0 {
        return Err(DataError::TooFewRows { path: path.to_path_buf(), needed: 1, found: n });
    }
    if n == 1 {
        let description = format!("{what}: {ONLY_ROW}");
        return Ok(Split { train: table.clone(), test: table, description });
    }
    let order = shuffled_order(n, seed);
    let (train, test) = order.split_at(n - sixth(n));
    let description = format!(
        "{what}: rows shuffled by seed {seed}, the first {} train, the last sixth ({}) tests",
        train.len(),
        test.len()
    );
    Ok(Split { train: table.select(train), test: table.select(test), description })
}

#[cfg(all(test, feature = "files"))]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_sixth_is_rounded_and_at_least_one() {
        let expected = [(0, 1), (1, 1), (8, 1), (9, 2), (14, 2), (15, 3), (60_000, 10_000)];
        assert!(expected.into_iter().all(|(n, part)| sixth(n) == part));
    }

    #[test]
    fn the_last_sixth_of_shuffled_rows_tests() {
        let table = |n: usize| Table::new((0..n).map(|i| i as f32).collect(), 1).unwrap();
        let split = shuffled(table(20), Path::new("x"), 3, "rows").unwrap();
        assert_eq!((split.train.len(), split.test.len()), (17, 3));
        let expected =
            "rows: rows shuffled by seed 3, the first 17 train, the last sixth (3) tests";
        assert_eq!(split.description, expected);
        let mut all = [split.train.values(), split.test.values()].concat();
        assert_ne!(all, table(20).values());
        all.sort_by(f32::total_cmp);
        assert_eq!(all, table(20).values());
        assert_eq!(split.in_order_of_file(3).unwrap(), table(20));
        let split = shuffled(table(2), Path::new("x"), 3, "rows").unwrap();
        assert_eq!((split.train.len(), split.test.len()), (1, 1));
        let split = shuffled(table(1), Path::new("x"), 3, "rows").unwrap();
        assert_eq!((&split.train, &split.test), (&table(1), &table(1)));
        assert_eq!(split.in_order_of_file(3).unwrap(), table(1));
        let text = shuffled(table(0), Path::new("x"), 3, "rows").unwrap_err().to_string();
        assert_eq!(text, "x: expected at least 1 rows, found 0");
    }
}
