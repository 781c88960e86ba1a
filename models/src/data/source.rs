//! Where data come from and how they are cut in two.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Binarize, DataError, Table, bars, csv, digits, mnist, npy};
use crate::seed::{self, Stream};

/// The sources by name, each with one line that says what it is.
pub const SOURCES: &[(&str, &str)] = &[
    ("digits", "28 x 28 handwritten digits that the library draws itself, 20000 + 2000, labelled"),
    ("bars", "4 x 4 bars and stripes, 10000 + 2000, whose entropy can be enumerated"),
    ("idx:PATH", "a folder with the four files of MNIST, or one IDX file of bytes; gzip or not"),
    ("csv:PATH", "rows of numbers, with or without header line and a column `label`"),
    ("npy:PATH", "a NumPy array of 2 or 3 sizes, type <f4, <f8 or |u1"),
];

/// Where data come from.
///
/// ```
/// # use pathscore_models::data::Source;
/// let source: Source = "csv:rows.csv".parse().unwrap();
/// assert_eq!(source, Source::Csv("rows.csv".into()));
/// assert_eq!(source.to_string(), "csv:rows.csv");
/// assert!("mnist".parse::<Source>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Drawn digits, see [`digit`](super::digit): 20,000 to train, the next 2,000 to test.
    Digits,
    /// Bars and stripes, see [`bars`](super::bars()): 4 x 4, 10,000 to train, the next 2,000 to test.
    Bars,
    /// A folder with the four files of MNIST, or one file, whose last sixth tests; see
    /// [`read_idx`](super::read_idx).
    Idx(PathBuf),
    /// A table of text, shuffled by the seed, the last sixth to test; see
    /// [`read_csv`](super::read_csv).
    Csv(PathBuf),
    /// A NumPy array, shuffled by the seed, the last sixth to test; see
    /// [`read_npy`](super::read_npy).
    Npy(PathBuf),
}

impl FromStr for Source {
    type Err = DataError;

    fn from_str(word: &str) -> Result<Source, DataError> {
        match (word, word.split_once(':')) {
            ("digits", _) => Ok(Source::Digits),
            ("bars", _) => Ok(Source::Bars),
            (_, Some(("idx", path))) if !path.is_empty() => Ok(Source::Idx(path.into())),
            (_, Some(("csv", path))) if !path.is_empty() => Ok(Source::Csv(path.into())),
            (_, Some(("npy", path))) if !path.is_empty() => Ok(Source::Npy(path.into())),
            _ => Err(DataError::UnknownSource { word: word.into() }),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Digits => f.write_str("digits"),
            Source::Bars => f.write_str("bars"),
            Source::Idx(path) => write!(f, "idx:{}", path.display()),
            Source::Csv(path) => write!(f, "csv:{}", path.display()),
            Source::Npy(path) => write!(f, "npy:{}", path.display()),
        }
    }
}

impl Source {
    /// Draws or reads the data and cuts them in two.
    ///
    /// # Errors
    /// If a file cannot be read, is not what its format asks for, or has too few rows.
    pub fn load(&self, seed: u64) -> Result<Split, DataError> {
        match self {
            Source::Digits => Ok(Split {
                train: digits(seed, 0..20_000),
                test: digits(seed, 20_000..22_000),
                description: format!(
                    "digits: drawn from seed {seed}, numbers 0 to 19999 train, 20000 to 21999 test"
                ),
            }),
            Source::Bars => {
                let (train, test) = bars(4, 12_000, seed).split_at(10_000);
                let description = format!(
                    "bars: 4 x 4, drawn from seed {seed}, draws 0 to 9999 train, 10000 to 11999 \
                     test; both parts hold the same few patterns"
                );
                Ok(Split { train, test, description })
            }
            Source::Idx(path) => mnist::load(path),
            Source::Csv(path) => csv::load(path, seed),
            Source::Npy(path) => npy::load(path, seed),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_they_are_written() {
        for word in ["digits", "bars", "idx:/a/b", "csv:c:d.csv", "npy:x.npy"] {
            assert_eq!(word.parse::<Source>().unwrap().to_string(), word);
        }
        for word in ["", "digit", "idx", "idx:", "tar:x", "digits:x"] {
            let text = word.parse::<Source>().unwrap_err().to_string();
            let start = format!("unknown data source `{word}`: the choices are digits, bars,");
            assert!(text.starts_with(&start), "{text}");
            assert!(SOURCES.iter().all(|(name, _)| text.contains(name)));
        }
    }

    #[test]
    fn drawn_sources_repeat_and_describe_themselves() {
        let (a, b) = (Source::Bars.load(1).unwrap(), Source::Bars.load(1).unwrap());
        assert_eq!(a, b);
        assert!(a.description.contains("seed 1"));
        assert_ne!(a.train, Source::Bars.load(2).unwrap().train);
        assert_eq!((a.train.len(), a.test.len()), (10_000, 2_000));
    }

    #[test]
    fn no_training_digit_is_a_test_digit() {
        let Split { train, test, .. } = Source::Digits.load(1).unwrap();
        assert_eq!((train.len(), test.len()), (20_000, 2_000));
        let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let seen: std::collections::HashSet<_> = (0..2_000).map(|i| bits(test.row(i))).collect();
        assert!((0..20_000).all(|i| !seen.contains(&bits(train.row(i)))));
    }

    #[test]
    fn both_parts_are_prepared_with_draws_of_their_own() {
        let grey = Table::new(vec![0.5; 400], 20).unwrap();
        let split = Split { train: grey.clone(), test: grey, description: "grey".into() };
        let fixed = split.clone().prepare(Binarize::Fixed, 4).unwrap();
        assert_ne!(fixed.train, fixed.test);
        assert_eq!(fixed.description, "grey; binarized once from seed 4");
        assert_eq!(split.clone().prepare(Binarize::None, 4).unwrap().train, split.train);
    }
}
