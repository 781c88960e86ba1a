//! Data sources by name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::sources::{Load, Missing};
use super::{DataError, SOURCES, SourceKind, Split, Table};

/// A data source: its kind and, if it reads a file, the path. It is written `name` or `name:PATH`.
///
/// ```
/// # use pathscore_models::data::Source;
/// # use std::path::Path;
/// let source: Source = "csv:rows.csv".parse().unwrap();
/// assert_eq!((source.kind().name(), source.path()), ("csv", Some(Path::new("rows.csv"))));
/// assert_eq!(source.to_string(), "csv:rows.csv");
/// assert!("mnist".parse::<Source>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    kind: &'static SourceKind,
    path: Option<PathBuf>,
}

impl FromStr for Source {
    type Err = DataError;

    fn from_str(word: &str) -> Result<Source, DataError> {
        let (name, path) = match word.split_once(':') {
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (word, None),
        };
        let fits = |kind: &&SourceKind| match (kind.load, &path) {
            (Load::Generate(_), None) => true,
            (Load::Read(_), Some(path)) => !path.as_os_str().is_empty(),
            _ => false,
        };
        let kind = SOURCES.iter().copied().find(|kind| kind.name() == name).filter(fits);
        let choices = || SOURCES.iter().map(|kind| kind.usage).collect::<Vec<_>>().join(", ");
        let unknown = || DataError::UnknownSource { word: word.into(), choices: choices() };
        let kind = kind.ok_or_else(unknown)?;
        Ok(Source { kind, path })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, ":{}", path.display()))
    }
}

impl Source {
    /// The kind.
    pub fn kind(&self) -> &'static SourceKind {
        self.kind
    }

    /// The path, if this kind of source reads a file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The same source with its path, if it has one, replaced by `change` of it.
    ///
    /// # Errors
    /// If `change` fails.
    pub fn map_path<E>(
        self,
        change: impl FnOnce(PathBuf) -> Result<PathBuf, E>,
    ) -> Result<Source, E> {
        Ok(Source { path: self.path.map(change).transpose()?, ..self })
    }

    /// Generates or reads the data and divides them into a training and a test part.
    ///
    /// # Errors
    /// If a file cannot be read, is not what its format asks for, or has too few rows.
    pub fn load(&self, seed: u64) -> Result<Split, DataError> {
        self.load_with(seed, Missing::Refused)
    }

    /// The same for data of which cells may be missing: an empty cell of a CSV file, one that says `NA` or `NaN`, and a NaN of an array
    /// become NaN; see [`Table::incomplete`](super::Table::incomplete). Other sources have no such cells.
    ///
    /// # Errors
    /// As for [`Source::load`].
    pub fn load_incomplete(&self, seed: u64) -> Result<Split, DataError> {
        self.load_with(seed, Missing::Kept)
    }

    /// All rows of both parts that were [loaded](Source::load) with this seed: in the order of the file, or, of a source that has a training
    /// and a test part of its own, the training rows first.
    ///
    /// ```
    /// # use pathscore_models::data::{DataError, Source};
    /// let source: Source = "bars".parse()?;
    /// let split = source.load(1)?;
    /// let all = source.rows(&split, 1)?;
    /// assert_eq!((all.len(), all.row(10_000)), (12_000, split.test.row(0)));
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// If the two parts have not the same columns.
    pub fn rows(&self, split: &Split, seed: u64) -> Result<Table, DataError> {
        match self.kind.shuffled {
            true => split.in_order_of_file(seed),
            false => split.train.followed_by(&split.test),
        }
    }

    fn load_with(&self, seed: u64, missing: Missing) -> Result<Split, DataError> {
        match (self.kind.load, &self.path) {
            (Load::Generate(generate), _) => generate(seed),
            (Load::Read(read), Some(path)) => read(path, seed, missing),
            (Load::Read(_), None) => unreachable!("a source that reads a file has a path"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Binarize;

    #[test]
    fn sources_are_read_as_they_are_written() {
        for word in [
            "digits",
            "bars",
            "friedman",
            "mixture",
            "rings",
            "idx:/a/b",
            "csv:c:d.csv",
            "npy:x.npy",
        ] {
            assert_eq!(word.parse::<Source>().unwrap().to_string(), word);
        }
        for word in ["", "digit", "idx", "idx:", "tar:x", "digits:x", "digits:"] {
            let text = word.parse::<Source>().unwrap_err().to_string();
            let start = format!("unknown data source `{word}`: the choices are digits, bars,");
            assert!(text.starts_with(&start), "{text}");
            assert!(SOURCES.iter().all(|kind| text.contains(kind.usage)));
        }
    }

    fn bars() -> Source {
        "bars".parse().unwrap()
    }

    #[test]
    fn drawn_sources_repeat_and_describe_themselves() {
        let (a, b) = (bars().load(1).unwrap(), bars().load(1).unwrap());
        assert_eq!(a, b);
        assert!(a.description.contains("seed 1"));
        assert_ne!(a.train, bars().load(2).unwrap().train);
        assert_eq!((a.train.len(), a.test.len()), (10_000, 2_000));
    }

    #[test]
    fn no_training_digit_is_a_test_digit() {
        let Split { train, test, .. } = "digits".parse::<Source>().unwrap().load(1).unwrap();
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

    #[test]
    fn sources_are_equal_if_kind_and_path_are() {
        use std::collections::HashSet;
        let read = |word: &str| word.parse::<Source>().unwrap();
        assert_eq!(read("csv:a"), read("csv:a"));
        for other in ["csv:b", "npy:a", "bars"] {
            assert_ne!(read("csv:a"), read(other));
        }
        assert_eq!((read("npy:a").path(), read("bars").path()), (Some(Path::new("a")), None));
        let words = ["csv:a", "csv:b", "npy:a", "bars", "csv:a"];
        assert_eq!(words.map(read).into_iter().collect::<HashSet<_>>().len(), 4);
        let hash = |kind: &SourceKind| {
            use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
            BuildHasherDefault::<DefaultHasher>::default().hash_one(kind)
        };
        assert_eq!(
            SOURCES.iter().map(|kind| hash(kind)).collect::<HashSet<_>>().len(),
            SOURCES.len()
        );
    }
}
